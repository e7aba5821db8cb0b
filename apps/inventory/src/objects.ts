import type { AnyObject, DomainSpec, HeddleObject } from '@heddle/model';
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
  const binder = new EndpointBinder(epgs.values());
  return { fabrics, domains, hosts, bridgeDomains, epgs, endpoints, domainSpecs, binder };
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
export function fabricsByLeaf({ hosts, domains }: InventoryObjects): ReadonlyMap<string, ReadonlySet<string>> {
  const byLeaf = new Map<string, Set<string>>();
  for (const { spec: domain } of domains.values()) {
    if (domain.fabric === undefined || domain.uplink === undefined) continue;
    for (const { spec: host } of hosts.values()) {
      const leaf = host.uplinks[domain.uplink]?.leaf;
      if (leaf !== undefined) byLeaf.set(leaf, (byLeaf.get(leaf) ?? new Set()).add(domain.fabric));
    }
  }
  return byLeaf;
}
