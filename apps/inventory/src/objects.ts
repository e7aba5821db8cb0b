import {
  cablingOf,
  equipmentProblem,
  type AnyObject,
  type Cabling,
  type DomainSpec,
  type HeddleObject,
} from '@heddle/model';
import { EndpointBinder } from '@heddle/policy-engine';

/** The objects that the inventory works with, by kind; cluster objects by name, the others by path. */
export interface InventoryObjects {
  readonly fabrics: ReadonlyMap<string, HeddleObject<'Fabric'>>;
  readonly domains: ReadonlyMap<string, HeddleObject<'Domain'>>;
  readonly hosts: ReadonlyMap<string, HeddleObject<'Host'>>;
  readonly bridgeDomains: ReadonlyMap<string, HeddleObject<'BridgeDomain'>>;
  readonly epgs: ReadonlyMap<string, HeddleObject<'Epg'>>;
  readonly endpoints: ReadonlyMap<string, HeddleObject<'Endpoint'>>;
  /** What the Domains say, by name. */
  readonly domainSpecs: ReadonlyMap<string, DomainSpec>;
  /** What decides which of them hosts offer. */
  readonly cabling: Cabling;
  /** Says which EPG an endpoint belongs to. */
  readonly binder: EndpointBinder;
}

export function inventoryObjects(entries: ReadonlyMap<string, AnyObject>): InventoryObjects {
  const fabrics = new Map<string, HeddleObject<'Fabric'>>();
  const domains = new Map<string, HeddleObject<'Domain'>>();
  const hosts = new Map<string, HeddleObject<'Host'>>();
  const bridgeDomains = new Map<string, HeddleObject<'BridgeDomain'>>();
  const epgs = new Map<string, HeddleObject<'Epg'>>();
  const endpoints = new Map<string, HeddleObject<'Endpoint'>>();
  for (const [key, object] of entries) {
    const path = key.slice(key.indexOf('/') + 1);
    if (object.kind === 'Fabric') fabrics.set(path, object);
    else if (object.kind === 'Domain') domains.set(path, object);
    else if (object.kind === 'Host') hosts.set(path, object);
    else if (object.kind === 'BridgeDomain') bridgeDomains.set(path, object);
    else if (object.kind === 'Epg') epgs.set(path, object);
    else if (object.kind === 'Endpoint') endpoints.set(path, object);
  }
  const domainSpecs = new Map([...domains].map(([name, { spec }]) => [name, spec]));
  const cabling = cablingOf([...fabrics.values(), ...hosts.values()]);
  const binder = new EndpointBinder(epgs.values());
  return { fabrics, domains, hosts, bridgeDomains, epgs, endpoints, domainSpecs, cabling, binder };
}

/** Where the policy puts the endpoints of an EPG: paths of its bridge domain and VRF; undefined while one of them is not there. */
export function segmentOf(
  { epgs, bridgeDomains }: InventoryObjects,
  epg: string,
): { readonly bridgeDomain: string; readonly vrf: string } | undefined {
  const object = epgs.get(epg);
  if (!object) return undefined;
  const { tenant } = object.metadata;
  const bridgeDomain = `${tenant}/${object.spec.bridgeDomain}`;
  const vrf = bridgeDomains.get(bridgeDomain)?.spec.vrf;
  return vrf === undefined ? undefined : { bridgeDomain, vrf: `${tenant}/${vrf}` };
}

/** By `LEAF`, the names of the Fabrics that hosts are cabled to there. A leaf that no cable names may be of any of them. */
export function fabricsByLeaf(objects: InventoryObjects): ReadonlyMap<string, ReadonlySet<string>> {
  const byLeaf = new Map<string, Set<string>>();
  for (const { leaf, fabric } of waysOf(objects)) byLeaf.set(leaf, (byLeaf.get(leaf) ?? new Set()).add(fabric));
  return byLeaf;
}

/** That frames of a Domain's endpoints on a host travel one of its uplinks to a leaf, whether that is there or not. */
export interface Way {
  readonly domain: string;
  readonly fabric: string;
  readonly host: string;
  /** Name of the uplink. */
  readonly uplink: string;
  readonly interface: string;
  readonly leaf: string;
}

/** All of them, in the order of Domains and hosts. */
export function waysOf({ hosts, domains }: Pick<InventoryObjects, 'hosts' | 'domains'>): Way[] {
  return [...domains].flatMap(([domain, { spec }]) => {
    const { fabric, uplink } = spec;
    if (fabric === undefined || uplink === undefined) return [];
    return [...hosts].flatMap(([host, { spec: of }]): Way[] => {
      const cable = equipmentProblem(of, domain, spec) === undefined ? of.uplinks[uplink] : undefined;
      return cable?.leaf === undefined
        ? []
        : [{ domain, fabric, host, uplink, interface: cable.interface, leaf: cable.leaf }];
    });
  });
}
