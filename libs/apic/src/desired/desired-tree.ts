import {
  pathOf,
  type AnyObject,
  type DistributedEncapsulation,
  type DomainSpec,
  type FabricSpec,
  type HeddleObject,
  type Kind,
  type Problem,
} from '@heddle/model';
import { dnOf, mo, withAttribute, type Mo } from '../tree/mo';
import { resolveBindings, type Binding } from './bindings';
import { allocatedVlan, bindingClaims } from './claims';
import { contractMos } from './contracts';
import { domainDn, domainMos } from './domains';
import { routingProblems } from './routing';

/** What a Fabric of driver apic is to hold is worked out from this. */
export interface DesiredInput {
  /** Name of the Fabric. */
  readonly fabric: string;
  readonly spec: ApicFabricSpec;
  /** Desired state, by key. */
  readonly objects: ReadonlyMap<string, AnyObject>;
  /** By the path of the EPG. */
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
}
export type ApicFabricSpec = Extract<FabricSpec, { driver: 'apic' }>;

export interface Desired {
  /** Roots, what others refer to first: VLAN pools and physical domains, then tenants. */
  readonly roots: readonly Mo[];
  /**
   * Names of objects below which not all is known yet, because an EPG has no VLAN: what is there is not too much only because
   * it is not wanted here.
   */
  readonly undecided: readonly string[];
  /** What of the objects cannot be had from an APIC; the rest is made. */
  readonly problems: readonly Problem[];
}

/** Tenants that every APIC has for itself. */
const SYSTEM_TENANTS = new Set(['common', 'infra', 'mgmt']);

/**
 * The managed objects that stand for a Fabric's part of desired state: the EPGs whose Domain is on it, and what they need.
 * Every one carries the annotation. Pure: the same input gives the same trees.
 */
export function desiredTree(input: DesiredInput): Desired {
  const { fabric, spec, objects, encapsulations } = input;
  const problems: Problem[] = [];
  const domains = domainsOf(objects, fabric);
  const epgs = new Map<string, HeddleObject<'Epg'>>();
  for (const [path, epg] of byPath(objects, 'Epg')) {
    if (!domains.has(epg.spec.domain)) continue;
    if (!SYSTEM_TENANTS.has(epg.metadata.tenant ?? '')) epgs.set(path, epg);
    else
      problems.push({
        path: `Epg ${path}`,
        message: `is not made: an APIC has a tenant ${epg.metadata.tenant} of its own`,
      });
  }
  const claimed = bindingClaims({ pod: spec.pod, epgs, domains, encapsulations, objects });
  const { bindings, problems: refused } = resolveBindings(claimed.claims);
  problems.push(...claimed.problems, ...refused, ...routingProblems(epgs, domains));
  const undecided: string[] = [];
  for (const [path, epg] of epgs) {
    if (allocatedVlan(epg, encapsulations) !== undefined) continue;
    undecided.push(epgDn(epg));
    problems.push({ path: `Epg ${path}`, message: `has no VLAN in Domain ${epg.spec.domain} yet` });
  }
  const tenants = [...groupBy(epgs.values(), (epg) => epg.metadata.tenant ?? '')].map(([tenant, members]) => {
    const { object, problems: more } = tenantMo(tenant, members, objects, bindings);
    problems.push(...more);
    return object;
  });
  const roots = [...[...domains].flatMap(([name, domain]) => domainMos(name, domain)), ...tenants];
  return { roots: withAttribute(roots, 'annotation', spec.annotation), undecided, problems };
}

/** The Domains on a Fabric. */
function domainsOf(objects: ReadonlyMap<string, AnyObject>, fabric: string): Map<string, DomainSpec> {
  const all = [...byPath(objects, 'Domain')].filter(([, { spec }]) => {
    const usesFabric = spec.driver === 'macvlan' || spec.encapsulation === 'vlan';
    return usesFabric && spec.fabric === fabric;
  });
  return new Map(all.map(([name, { spec }]) => [name, spec]));
}

function tenantMo(
  tenant: string,
  epgs: readonly HeddleObject<'Epg'>[],
  objects: ReadonlyMap<string, AnyObject>,
  bindings: ReadonlyMap<string, readonly Binding[]>,
): { object: Mo; problems: readonly Problem[] } {
  const find = <K extends Kind>(kind: K, name: string): HeddleObject<K> | undefined =>
    objects.get(`${kind}/${tenant}/${name}`) as HeddleObject<K> | undefined;
  const named = <K extends Kind>(kind: K, names: readonly string[]): HeddleObject<K>[] =>
    [...new Set(names)].sort().flatMap((name) => find(kind, name) ?? []);
  const bridgeDomains = named(
    'BridgeDomain',
    epgs.map((epg) => epg.spec.bridgeDomain),
  );
  const vrfs = named(
    'Vrf',
    bridgeDomains.map((domain) => domain.spec.vrf),
  );
  const contracts = named(
    'Contract',
    epgs.flatMap(({ spec }) => [...spec.provides, ...spec.consumes]),
  );
  const filterNames = contracts.flatMap(({ spec }) => spec.subjects.flatMap((subject) => subject.filters));
  const filters = new Map(named('Filter', filterNames).map((filter) => [filter.metadata.name, filter]));
  const made = contractMos(tenant, contracts, filters);
  const applications = [...groupBy(epgs, (epg) => epg.metadata.application ?? '')].map(([name, members]) =>
    mo(
      'fvAp',
      { name },
      members.map((epg) => epgMo(epg, made.names, bindings.get(pathOf('Epg', epg.metadata)) ?? [])),
    ),
  );
  const object = mo('fvTenant', { name: tenant }, [
    ...vrfs.map(({ metadata, spec }) => mo('fvCtx', { name: metadata.name, pcEnfPref: spec.enforcement })),
    ...bridgeDomains.map(bridgeDomainMo),
    ...made.objects,
    ...applications,
  ]);
  return { object, problems: made.problems };
}

const bridgeDomainMo = ({ metadata, spec }: HeddleObject<'BridgeDomain'>): Mo =>
  mo('fvBD', { name: metadata.name, unicastRoute: 'yes' }, [
    mo('fvRsCtx', { tnFvCtxName: spec.vrf }),
    ...spec.subnets.map(({ gateway }) => mo('fvSubnet', { ip: gateway })),
  ]);

function epgMo(
  { metadata, spec }: HeddleObject<'Epg'>,
  contracts: ReadonlySet<string>,
  bindings: readonly Binding[],
): Mo {
  const relations = (name: 'fvRsProv' | 'fvRsCons', all: readonly string[]): Mo[] =>
    [...new Set(all)].filter((c) => contracts.has(c)).sort().map((c) => mo(name, { tnVzBrCPName: c })); // prettier-ignore
  return mo('fvAEPg', { name: metadata.name, pcEnfPref: spec.isolation }, [
    mo('fvRsBd', { tnFvBDName: spec.bridgeDomain }),
    mo('fvRsDomAtt', { tDn: domainDn(spec.domain) }),
    ...relations('fvRsProv', spec.provides),
    ...relations('fvRsCons', spec.consumes),
    // At once, so that nothing waits for a first packet that the leaf would have to see.
    ...[...bindings]
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map(({ path, encap, mode }) => mo('fvRsPathAtt', { tDn: path, encap, mode, instrImedcy: 'immediate' })),
  ]);
}

function epgDn({ metadata }: HeddleObject<'Epg'>): string {
  const tenant = dnOf('fvTenant', { name: metadata.tenant ?? '' });
  const application = dnOf('fvAp', { name: metadata.application ?? '' }, tenant);
  return dnOf('fvAEPg', { name: metadata.name }, application);
}

/** The objects of one kind, by path and in its order. */
function byPath<K extends Kind>(objects: ReadonlyMap<string, AnyObject>, kind: K): Map<string, HeddleObject<K>> {
  const all = [...objects.values()].flatMap((object): [string, HeddleObject<K>][] =>
    object.kind === kind ? [[pathOf(kind, object.metadata), object as HeddleObject<K>]] : [],
  );
  return new Map(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
