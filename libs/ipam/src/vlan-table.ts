import { hasVlan, vlanCount, vlansOf } from './vlan-pool';

/** A VLAN that an EPG has in a Fabric, or had. */
export interface VlanEntry {
  /** Name of the Fabric: no VLAN is in it twice. */
  readonly fabric: string;
  readonly vlan: number;
  /** Name of the Domain from whose pool it is. */
  readonly domain: string;
  /** Path of the EPG. */
  readonly epg: string;
  readonly epgUid: string;
  /** Position of the change that took it from the EPG, since when it rests; absent while the EPG has it. */
  readonly released?: number;
}

/**
 * Which EPG has which VLAN. A plain JSON value; every function here returns a new one.
 *
 *     free --assign--> the EPG's --the EPG goes, or changes its Domain--> resting --nobody may hold it--> free
 *                          ^____________the EPG wants it again________________|
 */
export interface VlanTable {
  readonly entries: readonly VlanEntry[];
}

export const EMPTY_VLAN_TABLE: VlanTable = { entries: [] };

/** An EPG that is bound to a Domain with VLANs. */
export interface VlanDemand {
  readonly fabric: string;
  readonly domain: string;
  /** The pool of the Domain, such as "100-199,300". */
  readonly vlans: string;
  readonly epg: string;
  readonly epgUid: string;
}

/** An endpoint that a host reports as attached in a VLAN. */
export interface VlanClaim {
  readonly host: string;
  readonly epg: string;
  readonly vlan: number;
}

/** What is known of the use of VLANs apart from what was given. */
export interface VlanUse {
  /**
   * By name, each host that is cabled to a fabric and each leaf: the position of the encapsulations that it has in force;
   * undefined while it has not said. Hosts that were removed are not in it, lost ones are.
   */
  readonly positions: ReadonlyMap<string, number | undefined>;
  /**
   * By name, each Fabric whose leaves have controllers of their own: the latest position of which everything is in force there;
   * undefined while that is not known.
   */
  readonly controllers: ReadonlyMap<string, number | undefined>;
  readonly claims: readonly VlanClaim[];
  /** VLANs at ports of leaves, by static binding, that no other EPG may have. */
  readonly reserved: readonly { readonly fabric: string; readonly vlan: number; readonly epg?: string }[];
}

export const NO_VLAN_USE: VlanUse = { positions: new Map(), controllers: new Map(), claims: [], reserved: [] };

/** A demand for which no VLAN is left. */
export interface VlanShortage {
  readonly demand: VlanDemand;
  /** What was found and what to do. */
  readonly message: string;
}

export interface Assigned {
  readonly table: VlanTable;
  readonly shortages: readonly VlanShortage[];
}

/**
 * Brings the table to what is wanted at a position of the log: an EPG that is not there any more, or in another Domain, gives
 * its VLAN back to rest; what nobody may hold any more is free; and whoever has none gets one: the one that its endpoints
 * are in already, if hosts report that, otherwise the lowest that is free. Nothing that an EPG has changes.
 */
export function assignVlans(
  table: VlanTable,
  { demands, use, position }: { demands: readonly VlanDemand[]; use: VlanUse; position: number },
): Assigned {
  const wanted = new Set(demands.map(ownerKey));
  const entries = takenBack(table.entries, wanted).flatMap((entry): VlanEntry[] => {
    if (entry.released === undefined && wanted.has(ownerKey(entry))) return [entry];
    const resting = { ...entry, released: entry.released ?? position };
    return holdersOf(table, resting, use).length > 0 ? [resting] : [];
  });
  const owners = new Set(entries.filter((entry) => entry.released === undefined).map(ownerKey));
  const taken = new Set(entries.map(placeKey));
  const shortages: VlanShortage[] = [];
  for (const demand of [...demands].sort(byOwner)) {
    if (owners.has(ownerKey(demand))) continue;
    const vlan = freeVlan({ entries }, demand, use, taken);
    if (vlan === undefined) {
      shortages.push({ demand, message: exhausted({ entries }, demand, use) });
      continue;
    }
    const { fabric, domain, epg, epgUid } = demand;
    const entry = { fabric, vlan, domain, epg, epgUid };
    entries.push(entry);
    taken.add(placeKey(entry));
    owners.add(ownerKey(demand));
  }
  const next = { entries };
  return { table: sameEntries(table, next) ? table : next, shortages };
}

/**
 * Who may still hold a VLAN which rests, sorted: names of hosts, and `Fabric NAME` for the controllers of its Fabric. It is free
 * when there are none.
 */
export function holdersOf(table: VlanTable, entry: VlanEntry, { positions, controllers, claims }: VlanUse): string[] {
  const { fabric, released = Infinity } = entry;
  const isBefore = (position: number | undefined): boolean => position === undefined || position < released;
  const holders = new Set<string>();
  for (const [host, position] of positions) if (isBefore(position)) holders.add(host);
  if (controllers.has(fabric) && isBefore(controllers.get(fabric))) holders.add(`Fabric ${fabric}`);
  for (const claim of claims) {
    if (claim.vlan === entry.vlan && (claim.epg === entry.epg || !isElsewhere(table, claim, entry.fabric)))
      holders.add(claim.host);
  }
  return [...holders].sort();
}

/** A VLAN of an EPG that a host reports, and that the table has given to another EPG. */
export interface VlanConflict {
  readonly claim: VlanClaim;
  readonly heldBy: VlanEntry;
  readonly message: string;
}

/**
 * Takes over the VLANs that endpoints are in, as their hosts say: a table that was restored from an older copy, or lost, does
 * not know of all of them. What endpoints are in wins over what the table says and no endpoint is in. Where the endpoints of
 * two EPGs are in one VLAN, the table stays as it is, and the other EPG's are told as a conflict.
 */
export function adoptVlans(
  table: VlanTable,
  { demands, use, position }: { demands: readonly VlanDemand[]; use: VlanUse; position: number },
): { readonly table: VlanTable; readonly conflicts: readonly VlanConflict[] } {
  let { entries } = table;
  for (const demand of demands) {
    const { fabric, domain, epg, epgUid, vlans } = demand;
    const claimed = [...new Set(use.claims.filter((c) => c.epg === epg).map((c) => c.vlan))].sort((a, b) => a - b);
    for (const vlan of claimed) {
      if (!hasVlan(vlans, vlan) || entries.some((e) => e.epg === epg && e.vlan === vlan)) continue;
      const there = entries.find((e) => e.fabric === fabric && e.vlan === vlan);
      if (there && (there.released !== undefined || use.claims.some((c) => isOf(there, c)))) continue;
      const own = entries.find((e) => e.released === undefined && ownerKey(e) === ownerKey(demand));
      const entry: VlanEntry = { fabric, vlan, domain, epg, epgUid };
      entries = entries.filter((e) => e !== there);
      // Endpoints are in both: the one that was given stays, and the other is kept from everybody else.
      if (own && use.claims.some((c) => isOf(own, c))) entries = [...entries, { ...entry, released: position }];
      else entries = [...entries.map((e) => (e === own ? { ...e, released: position } : e)), entry];
    }
  }
  const adopted = { entries };
  return { table: entries === table.entries ? table : adopted, conflicts: vlanConflicts(adopted, demands, use) };
}

/** Endpoints in a VLAN that is another EPG's in the fabric of their own Domain. */
export function vlanConflicts(table: VlanTable, demands: readonly VlanDemand[], use: VlanUse): VlanConflict[] {
  const fabrics = new Map(demands.map(({ epg, fabric }) => [epg, fabric]));
  return use.claims.flatMap((claim) => {
    if (table.entries.some((entry) => isOf(entry, claim))) return [];
    const heldBy = table.entries.find((e) => e.vlan === claim.vlan && e.fabric === fabrics.get(claim.epg));
    if (!heldBy) return [];
    const message = `an endpoint of EPG ${claim.epg} on host ${claim.host} is in VLAN ${claim.vlan}, which EPG ${heldBy.epg} has in Fabric ${heldBy.fabric}; it is not reached over the fabric: replace it, so that it gets a VLAN of its own`;
    return [{ claim, heldBy, message }];
  });
}

/** The VLAN of an EPG in its Domain; undefined while it has none. */
export const vlanOf = (table: VlanTable, of: Pick<VlanDemand, 'domain' | 'epgUid'>): number | undefined =>
  indexVlans(table).vlanOf(of);

/** The entry that says why endpoints of an EPG are in a VLAN; one that rests counts, because they may be older than that. */
export const entryOf = (table: VlanTable, epg: string, vlan: number): VlanEntry | undefined =>
  indexVlans(table).entryOf(epg, vlan);

/** A table prepared for many questions. */
export interface VlanIndex {
  /** See {@link vlanOf}. */
  vlanOf(of: Pick<VlanDemand, 'domain' | 'epgUid'>): number | undefined;
  /** See {@link entryOf}. */
  entryOf(epg: string, vlan: number): VlanEntry | undefined;
}

export function indexVlans({ entries }: VlanTable): VlanIndex {
  const vlans = new Map<string, number>();
  const reasons = new Map<string, VlanEntry>();
  for (const entry of entries) {
    const key = `${entry.vlan} ${entry.epg}`;
    if (entry.released === undefined) {
      vlans.set(`${entry.domain} ${entry.epgUid}`, entry.vlan);
      reasons.set(key, entry);
    } else if (!reasons.has(key)) reasons.set(key, entry);
  }
  return {
    vlanOf: ({ domain, epgUid }) => vlans.get(`${domain} ${epgUid}`),
    entryOf: (epg, vlan) => reasons.get(`${vlan} ${epg}`),
  };
}

/** What has become of the VLANs of a Domain's pool. */
export interface PoolUsage {
  /** How many VLANs the pool has. */
  readonly size: number;
  readonly used: readonly { readonly vlan: number; readonly epg: string }[];
  /** Given back, and not free before these have let go of them; see {@link holdersOf}. */
  readonly resting: readonly { readonly vlan: number; readonly epg: string; readonly waitsFor: readonly string[] }[];
  readonly free: number;
}

/** Usage of a Domain's pool, for status pages and messages; the lowest VLAN first. */
export function poolUsage(
  table: VlanTable,
  domain: { readonly name: string; readonly fabric: string; readonly vlans: string },
  use: VlanUse,
): PoolUsage {
  const inPool = table.entries
    .filter((e) => e.fabric === domain.fabric && (e.domain === domain.name || hasVlan(domain.vlans, e.vlan)))
    .sort((a, b) => a.vlan - b.vlan);
  const used = inPool.filter((e) => e.released === undefined).map(({ vlan, epg }) => ({ vlan, epg }));
  const resting = inPool
    .filter((e) => e.released !== undefined)
    .map((entry) => ({ vlan: entry.vlan, epg: entry.epg, waitsFor: holdersOf(table, entry, use) }));
  const taken = new Set(inPool.map(placeKey));
  let free = 0;
  for (const vlan of vlansOf(domain.vlans))
    if (isFree(table, { fabric: domain.fabric, epg: '' }, vlan, use, taken)) free++;
  return { size: vlanCount(domain.vlans), used, resting, free };
}

/** The VLANs of a Domain that its pool must not lose: what EPGs have, and what hosts may hold. The lowest comes first. */
export const boundVlans = (table: VlanTable, { name, fabric }: { readonly name: string; readonly fabric: string }) =>
  table.entries.filter((e) => e.domain === name && e.fabric === fabric).sort((a, b) => a.vlan - b.vlan);

const ownerKey = ({ fabric, domain, epgUid }: Pick<VlanEntry, 'fabric' | 'domain' | 'epgUid'>): string =>
  `${fabric}/${domain}/${epgUid}`;
const placeKey = ({ fabric, vlan }: Pick<VlanEntry, 'fabric' | 'vlan'>): string => `${fabric}/${vlan}`;
const isOf = (entry: VlanEntry, claim: VlanClaim): boolean => entry.epg === claim.epg && entry.vlan === claim.vlan;
const byOwner = (a: VlanDemand, b: VlanDemand): number =>
  a.domain < b.domain ? -1 : a.domain > b.domain ? 1 : a.epg < b.epg ? -1 : a.epg > b.epg ? 1 : 0;

/** Who wants a VLAN and has none, but has one that rests, has that one again: whoever holds it holds it for the same EPG. */
function takenBack(entries: readonly VlanEntry[], wanted: ReadonlySet<string>): VlanEntry[] {
  const having = new Set(entries.filter((entry) => entry.released === undefined).map(ownerKey));
  return entries.map((entry) => {
    const owner = ownerKey(entry);
    if (!wanted.has(owner) || having.has(owner)) return entry;
    having.add(owner);
    const { released: _ended, ...back } = entry;
    return back;
  });
}

/** Whether the table says of a claim that it is about another fabric, where the VLAN is the EPG's. */
const isElsewhere = (table: VlanTable, claim: VlanClaim, fabric: string): boolean =>
  table.entries.some((e) => isOf(e, claim) && e.fabric !== fabric);

function freeVlan(table: VlanTable, demand: VlanDemand, use: VlanUse, taken: ReadonlySet<string>): number | undefined {
  const claimed = use.claims.filter((c) => c.epg === demand.epg && hasVlan(demand.vlans, c.vlan)).map((c) => c.vlan);
  for (const vlan of [...claimed.sort((a, b) => a - b), ...vlansOf(demand.vlans)])
    if (isFree(table, demand, vlan, use, taken)) return vlan;
  return undefined;
}

function isFree(
  table: VlanTable,
  { fabric, epg }: { readonly fabric: string; readonly epg: string },
  vlan: number,
  { claims, reserved }: VlanUse,
  taken: ReadonlySet<string>,
): boolean {
  if (taken.has(placeKey({ fabric, vlan }))) return false;
  if (reserved.some((r) => r.fabric === fabric && r.vlan === vlan && r.epg !== epg)) return false;
  return claims.every((c) => c.vlan !== vlan || c.epg === epg || isElsewhere(table, c, fabric));
}

const SHOWN = 5;

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}

/** Who has the VLANs of a pool, as the tenant of an EPG may know it: by name only what is its own. */
function holders(used: PoolUsage['used'], epg: string): string {
  const tenant = epg.slice(0, epg.indexOf('/') + 1);
  const own = used.filter((u) => u.epg.startsWith(tenant));
  const others = used.length - own.length;
  const parts = [
    ...(own.length > 0 ? [shown(own.map((u) => `${u.vlan} to ${u.epg}`))] : []),
    ...(others > 0 ? [`${others} to EPGs of other tenants`] : []),
  ];
  return parts.join(', ') || 'none';
}

function exhausted(table: VlanTable, { domain, fabric, vlans, epg }: VlanDemand, use: VlanUse): string {
  const { size, used, resting } = poolUsage(table, { name: domain, fabric, vlans }, use);
  const waits = [...new Set(resting.flatMap((r) => r.waitsFor))].sort();
  const rests =
    resting.length === 0
      ? ''
      : `, ${resting.length} rest until nobody may hold them any more (${waits.length > 0 ? `waiting for ${shown(waits)}` : 'any moment'})`;
  const others = size - used.length - resting.length;
  const elsewhere = others > 0 ? `, ${others} are in use at ports of leaves or by endpoints of other EPGs` : '';
  return (
    `no VLAN is left for EPG ${epg} in the pool "${vlans}" of Domain ${domain}: of its ${size}, ${used.length} are given ` +
    `(${holders(used, epg)})${rests}${elsewhere}; add VLANs to the pool, bind the EPG to another Domain, or delete EPGs that are not needed`
  );
}

function sameEntries(a: VlanTable, b: VlanTable): boolean {
  return a.entries.length === b.entries.length && a.entries.every((entry, i) => sameEntry(entry, b.entries[i]));
}

const sameEntry = (a: VlanEntry, b: VlanEntry | undefined): boolean =>
  b !== undefined && a.vlan === b.vlan && a.released === b.released && ownerKey(a) === ownerKey(b) && a.epg === b.epg;
