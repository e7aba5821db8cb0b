import {
  assignVlans,
  boundVlans,
  EMPTY_VLAN_TABLE,
  hasVlan,
  holdersOf,
  type VlanEntry,
  type VlanTable,
  type VlanUse,
} from '@heddle/ipam';
import type { DomainSpec, Problem } from '@heddle/model';
import type { InventoryObjects } from './objects';
import { fabricsOfLeaf, staticVlans, vlanDemands, vlanUse, type HeardOfVlans } from './vlans';

export interface KnownVlans {
  readonly table: VlanTable;
  readonly heard: HeardOfVlans & { readonly position: number };
}

/** What an instance knows that does not hold the lease: nothing, so it refuses only what could not be had in any case. */
const NOTHING_KNOWN: KnownVlans = {
  table: EMPTY_VLAN_TABLE,
  heard: { reports: new Map(), positions: new Map(), fabrics: new Map(), position: 0 },
};

/**
 * What speaks against a change because of VLANs that EPGs have or hosts may hold: pools that would lose them, Domains that would
 * carry endpoints otherwise than they are attached, Fabrics of another driver under their EPGs, EPGs for which none is left, and
 * ports of leaves where another EPG's is bound.
 */
export function checkVlans(before: InventoryObjects, after: InventoryObjects, known = NOTHING_KNOWN): Problem[] {
  const { table, heard } = known;
  const [old, use] = [before, after].map((objects) => vlanUse(objects, heard, heard.position)) as [VlanUse, VlanUse];
  return [
    ...fabricProblems(before, after, table),
    ...domainProblems(before, after, table, use),
    ...shortageProblems(before, after, table, old, use, heard.position),
    ...staticProblems(before, after, table),
  ];
}

/** What says how frames of attached endpoints look. It cannot change under them; who wants another makes another Domain. */
const FIXED = ['driver', 'encapsulation', 'fabric', 'uplink', 'tagging'] as const;

const fieldOf = (spec: DomainSpec, field: (typeof FIXED)[number]): unknown =>
  (({ ...spec }) as Record<string, unknown>)[field];

function domainProblems(before: InventoryObjects, after: InventoryObjects, table: VlanTable, use: VlanUse): Problem[] {
  return [...before.domains].flatMap(([name, { spec }]): Problem[] => {
    const now = after.domains.get(name)?.spec;
    const bound = spec.fabric === undefined ? [] : boundVlans(table, { name, fabric: spec.fabric });
    if (!now) return removalProblems(name, after, bound, use);
    const epgs = epgsOf(before, name);
    const changed = FIXED.find((field) => fieldOf(spec, field) !== fieldOf(now, field));
    if (changed !== undefined && epgs.length + bound.length > 0) {
      const who = whoUses(epgs, bound);
      const message = `found ${JSON.stringify(fieldOf(now, changed)) ?? 'nothing'} instead of ${JSON.stringify(fieldOf(spec, changed)) ?? 'nothing'}, and endpoints of ${who} are attached by what it was; make another Domain and bind the EPGs to that, so that their instances are replaced one after the other`;
      return [{ path: `Domain ${name} spec.${changed}`, message }];
    }
    const lost = now.vlans === undefined ? [] : bound.filter(({ vlan }) => !hasVlan(now.vlans ?? '', vlan));
    if (lost.length === 0) return [];
    const vlans = shown(lost.map((entry) => vlanText(table, entry, use)));
    const message = `found "${now.vlans}", which has these no more: ${vlans}; keep them in the pool until no EPG has them and no host may hold them`;
    return [{ path: `Domain ${name} spec.vlans`, message }];
  });
}

/** The EPGs that a Domain has endpoints of. Those that come with the change have none yet. */
const epgsOf = ({ epgs }: InventoryObjects, domain: string): string[] =>
  [...epgs].flatMap(([path, { spec }]) => (spec.domain === domain ? [path] : [])).sort();

const whoUses = (epgs: readonly string[], bound: readonly VlanEntry[]): string =>
  epgs.length > 0 ? `EPG ${shown(epgs)}` : `what rests of ${shown(bound.map(({ epg }) => epg))}`;

/** What classifies frames on a fabric, and who programs it, cannot change under the endpoints there. */
function fabricProblems(before: InventoryObjects, after: InventoryObjects, table: VlanTable): Problem[] {
  return [...before.fabrics].flatMap(([name, { spec }]): Problem[] => {
    const now = after.fabrics.get(name)?.spec;
    if (!now || now.driver === spec.driver) return [];
    const domains = [...before.domains].flatMap(([domain, { spec: of }]) => (of.fabric === name ? [domain] : []));
    const epgs = domains.flatMap((domain) => epgsOf(before, domain)).sort();
    const bound = table.entries.filter(({ fabric }) => fabric === name);
    if (epgs.length + bound.length === 0) return [];
    const message = `found "${now.driver}" instead of "${spec.driver}", and endpoints of ${whoUses(epgs, bound)} are on it by what it was; make another Fabric with Domains of its own and bind the EPGs to those, so that their instances are replaced one after the other`;
    return [{ path: `Fabric ${name} spec.driver`, message }];
  });
}

/**
 * What endpoints are still attached by is needed to reach them, until they are gone or replaced. Nothing passes from or to those
 * whose EPG goes with the Domain or went before it: hosts take them away by what they know themselves, and their VLAN rests.
 */
function removalProblems(
  name: string,
  { epgs }: InventoryObjects,
  bound: readonly VlanEntry[],
  { claims }: VlanUse,
): Problem[] {
  const attached = claims.filter(
    (claim) => epgs.has(claim.epg) && bound.some((entry) => entry.epg === claim.epg && entry.vlan === claim.vlan),
  );
  if (attached.length === 0) return [];
  const who = shown(attached.map(({ epg, host }) => `${epg} on ${host}`));
  return [
    {
      path: `Domain ${name}`,
      message: `endpoints are attached through it: ${who}; wait until they are gone or replaced`,
    },
  ];
}

function vlanText(table: VlanTable, entry: VlanEntry, use: VlanUse): string {
  if (entry.released === undefined) return `${entry.vlan} of EPG ${entry.epg}`;
  const holders = holdersOf(table, entry, use);
  return `${entry.vlan}, which rests until ${holders.length > 0 ? shown(holders) : 'the next moment'} let go of it`;
}

function shortageProblems(
  before: InventoryObjects,
  after: InventoryObjects,
  table: VlanTable,
  old: VlanUse,
  use: VlanUse,
  position: number,
): Problem[] {
  const known = new Set(
    assignVlans(table, { demands: vlanDemands(before), use: old, position }).shortages.map((s) => s.demand.epgUid),
  );
  const { shortages } = assignVlans(table, { demands: vlanDemands(after), use, position: position + 1 });
  return shortages.flatMap(({ demand, message }) =>
    known.has(demand.epgUid) ? [] : [{ path: `Epg ${demand.epg} spec.domain`, message }],
  );
}

/** On the fabric a VLAN is one EPG's; at a port of a leaf it must not be another's. */
function staticProblems(before: InventoryObjects, after: InventoryObjects, table: VlanTable): Problem[] {
  const problemsOf = (objects: InventoryObjects): Problem[] => {
    const fabricsOf = fabricsOfLeaf(objects);
    return staticVlans(objects).flatMap(({ leaf, vlan, epg, path }): Problem[] => {
      const fabrics = fabricsOf(leaf);
      const holder = table.entries.find((e) => e.vlan === vlan && fabrics.includes(e.fabric) && e.epg !== epg);
      if (!holder) return [];
      const state = holder.released === undefined ? 'has' : 'had until lately';
      const who = tenantOf(holder.epg) === tenantIn(path) ? `EPG ${holder.epg}` : 'an EPG of another tenant';
      const message = `found ${vlan}, which ${who} ${state} in Fabric ${holder.fabric}; allowed is the VLAN of the EPG itself, or one that no other EPG has there or had until lately; one that is in no pool of that Fabric will be given to none`;
      return [{ path, message }];
    });
  };
  const known = new Set(problemsOf(before).map(({ path, message }) => `${path} ${message}`));
  return problemsOf(after).filter(({ path, message }) => !known.has(`${path} ${message}`));
}

const tenantOf = (epg: string): string => epg.slice(0, epg.indexOf('/'));

/** `Epg acme/shop/web spec.staticBindings[0].vlan` is of acme. */
const tenantIn = (path: string): string => tenantOf(path.slice(path.indexOf(' ') + 1));

const SHOWN = 5;

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
