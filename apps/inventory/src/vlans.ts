import {
  indexVlans,
  poolUsage,
  type VlanClaim,
  type VlanDemand,
  type VlanShortage,
  type VlanTable,
  type VlanUse,
} from '@heddle/ipam';
import {
  type DistributedEncapsulation,
  type DomainSpec,
  type DomainView,
  type FabricView,
  type HeddleObject,
  type HostReport,
  type HostView,
} from '@heddle/model';
import { fabricsByLeaf, type InventoryObjects } from './objects';

/** The EPGs that have to have a VLAN: those whose Domain has a pool. */
export function vlanDemands({ epgs, domains }: InventoryObjects): VlanDemand[] {
  return [...epgs].flatMap(([path, { metadata, spec }]): VlanDemand[] => {
    const domain = domains.get(spec.domain)?.spec;
    if (domain?.fabric === undefined || domain.vlans === undefined) return [];
    const { fabric, vlans } = domain;
    return [{ fabric, domain: spec.domain, vlans, epg: path, epgUid: metadata.uid ?? '' }];
  });
}

/** What hosts and the fabric service have said that decides about VLANs. */
export interface HeardOfVlans {
  readonly reports: ReadonlyMap<string, HostReport>;
  /** Positions of the encapsulations that hosts have in force. */
  readonly positions: ReadonlyMap<string, number>;
  /** By the name of the Fabric, positions that its controllers have in force. */
  readonly fabrics: ReadonlyMap<string, number>;
}

/**
 * How VLANs are used, as far as is known. A position beyond that of the log is of another history, of before a store was
 * restored: it says nothing.
 *
 * @param position that of the log
 */
export function vlanUse(objects: InventoryObjects, heard: HeardOfVlans, position: number): VlanUse {
  const credible = (said: number | undefined): number | undefined =>
    said !== undefined && said <= position ? said : undefined;
  const positions = new Map<string, number | undefined>();
  for (const [name, host] of objects.hosts) {
    if (isCabled(host)) positions.set(name, credible(heard.positions.get(name)));
  }
  const controllers = new Map<string, number | undefined>();
  for (const [name, { spec }] of objects.fabrics) {
    if (spec.driver === 'apic') controllers.set(name, credible(heard.fabrics.get(name)));
  }
  return { positions, controllers, claims: vlanClaims(objects, heard.reports), reserved: reservedVlans(objects) };
}

/** Whether a host can hold VLANs: a leaf can, and one with an uplink to one. */
export const isCabled = ({ spec }: HeddleObject<'Host'>): boolean =>
  spec.role === 'leaf' || Object.keys(spec.uplinks).length > 0;

/** In which VLANs hosts have endpoints, each once. Of a virtual machine its object says which EPG it is of. */
function vlanClaims(objects: InventoryObjects, reports: ReadonlyMap<string, HostReport>): VlanClaim[] {
  const machines = new Map<string, string>();
  for (const endpoint of objects.endpoints.values()) {
    const { attachment } = endpoint.spec;
    const binding = objects.binder.bind(endpoint);
    if (attachment?.driver === 'ovs' && binding.state === 'bound') machines.set(attachment.interfaceId, binding.epg);
  }
  const claims = new Map<string, VlanClaim>();
  for (const host of objects.hosts.keys()) {
    for (const report of reports.get(host)?.endpoints ?? []) {
      const { attachment } = report;
      if (attachment.vlan === undefined) continue;
      const machine = attachment.driver === 'ovs' ? machines.get(attachment.interfaceId ?? '') : undefined;
      const claim = { host, epg: machine ?? report.epg, vlan: attachment.vlan };
      claims.set(`${host} ${claim.epg} ${claim.vlan}`, claim);
    }
  }
  return [...claims.values()];
}

/** A VLAN at a port of a leaf that a person wrote, with where it is written. */
export interface StaticVlan {
  readonly leaf: string;
  readonly vlan: number;
  /** EPG that it is of; absent while the server there is bound to none. */
  readonly epg?: string;
  /** `Endpoint acme/hall/db spec.attachment.vlan`. */
  readonly path: string;
}

/** The VLANs of servers and of static bindings. */
export function staticVlans({ endpoints, epgs, binder }: InventoryObjects): StaticVlan[] {
  return [
    ...[...endpoints].flatMap(([path, object]): StaticVlan[] => {
      const { attachment } = object.spec;
      if (attachment?.driver !== 'static' || attachment.vlan === undefined) return [];
      const binding = binder.bind(object);
      const { leaf, vlan } = attachment;
      const at = `Endpoint ${path} spec.attachment.vlan`;
      return [{ leaf, vlan, path: at, ...(binding.state === 'bound' ? { epg: binding.epg } : {}) }];
    }),
    ...[...epgs].flatMap(([epg, { spec }]) =>
      // An EPG that an earlier version wrote has no list of them.
      (spec.staticBindings ?? []).flatMap(({ leaf, vlan }, i): StaticVlan[] =>
        vlan === undefined ? [] : [{ leaf, vlan, epg, path: `Epg ${epg} spec.staticBindings[${i}].vlan` }],
      ),
    ),
  ];
}

/** The fabrics that a leaf may be of: those that its cables lead to; all of them, if it has none. */
export function fabricsOfLeaf(objects: InventoryObjects): (leaf: string) => readonly string[] {
  const byLeaf = fabricsByLeaf(objects);
  const all = [...objects.fabrics.keys()];
  return (leaf) => [...(byLeaf.get(leaf) ?? all)];
}

function reservedVlans(objects: InventoryObjects): VlanUse['reserved'] {
  const fabricsOf = fabricsOfLeaf(objects);
  return staticVlans(objects).flatMap(({ leaf, vlan, epg }) =>
    fabricsOf(leaf).map((fabric) => ({ fabric, vlan, ...(epg === undefined ? {} : { epg }) })),
  );
}

/**
 * How each EPG attaches, by its path. One whose Domain has a pool and that has no VLAN is left out: nothing of it may be attached
 * before it has one.
 */
export function encapsulations(
  { epgs, domains }: InventoryObjects,
  vlans: VlanTable,
): Map<string, DistributedEncapsulation> {
  const index = indexVlans(vlans);
  const found = new Map<string, DistributedEncapsulation>();
  for (const [epg, { metadata, spec }] of epgs) {
    const { domain } = spec;
    const of = domains.get(domain)?.spec;
    if (!of) continue;
    const vlan = hasPool(of) ? index.vlanOf({ domain, epgUid: metadata.uid ?? '' }) : undefined;
    if (hasPool(of) && vlan === undefined) continue;
    found.set(epg, { epg, domain, spec: of, ...(vlan === undefined ? {} : { vlan }) });
  }
  return found;
}

const hasPool = ({ vlans }: DomainSpec): boolean => vlans !== undefined;

/** What has become of each Domain: who offers it, why others do not, and who has its VLANs. */
export function domainViews(
  domains: InventoryObjects['domainSpecs'],
  hosts: readonly Pick<HostView, 'name' | 'domains' | 'domainProblems'>[],
  { table, use, shortages }: { table: VlanTable; use: VlanUse; shortages: readonly VlanShortage[] },
): DomainView[] {
  const offering = new Map<string, string[]>();
  const refusing = new Map<string, { host: string; reason: string }[]>();
  for (const { name: host, domains: offered, domainProblems = {} } of [...hosts].sort(byName)) {
    for (const domain of offered) offering.set(domain, [...(offering.get(domain) ?? []), host]);
    for (const [domain, reason] of Object.entries(domainProblems))
      refusing.set(domain, [...(refusing.get(domain) ?? []), { host, reason }]);
  }
  return [...domains].map(([name, { fabric, vlans: pool }]) => {
    const usage =
      fabric === undefined || pool === undefined ? undefined : poolUsage(table, { name, fabric, vlans: pool }, use);
    return {
      name,
      ...(fabric === undefined ? {} : { fabric }),
      hosts: offering.get(name) ?? [],
      refused: refusing.get(name) ?? [],
      ...(usage
        ? {
            vlans: { size: usage.size, used: usage.used.length, resting: usage.resting.length, free: usage.free },
            given: [...usage.used, ...usage.resting.map(({ vlan, epg, waitsFor }) => ({ vlan, epg, waitsFor }))].sort(
              (a, b) => a.vlan - b.vlan,
            ),
          }
        : {}),
      problems: shortages.filter(({ demand }) => demand.domain === name).map(({ message }) => message),
    };
  });
}

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** What belongs to each Fabric: its Domains, the leaves that hosts and servers are cabled to, and how its VLANs are used. */
export function fabricViews(objects: InventoryObjects, domains: readonly DomainView[]): FabricView[] {
  const byLeaf = fabricsByLeaf(objects);
  return [...objects.fabrics.keys()].map((name) => {
    const own = domains.filter(({ fabric }) => fabric === name);
    const sum = (part: 'size' | 'used' | 'resting' | 'free'): number =>
      own.reduce((total, { vlans }) => total + (vlans?.[part] ?? 0), 0);
    const leaves = [...byLeaf].flatMap(([leaf, fabrics]) => (fabrics.has(name) ? [leaf] : []));
    return {
      name,
      domains: own.map((domain) => domain.name).sort(),
      leaves: leaves.sort(),
      vlans: { size: sum('size'), used: sum('used'), resting: sum('resting'), free: sum('free') },
    };
  });
}
