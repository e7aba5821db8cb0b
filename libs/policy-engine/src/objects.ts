import { pathOf, type HeddleObject, type Kind } from '@heddle/model';

/** The policy objects of a state by kind, each kind by path and in the order of the paths. */
export interface PolicyObjects {
  readonly tenants: ReadonlyMap<string, HeddleObject<'Tenant'>>;
  readonly vrfs: ReadonlyMap<string, HeddleObject<'Vrf'>>;
  readonly bridgeDomains: ReadonlyMap<string, HeddleObject<'BridgeDomain'>>;
  readonly epgs: ReadonlyMap<string, HeddleObject<'Epg'>>;
  readonly contracts: ReadonlyMap<string, HeddleObject<'Contract'>>;
  readonly filters: ReadonlyMap<string, HeddleObject<'Filter'>>;
}

/** Sorts objects into their kinds; other kinds than those of policy are passed over. */
export function policyObjects(objects: Iterable<HeddleObject>): PolicyObjects {
  const all = [...objects];
  return {
    tenants: byPath(all, 'Tenant'),
    vrfs: byPath(all, 'Vrf'),
    bridgeDomains: byPath(all, 'BridgeDomain'),
    epgs: byPath(all, 'Epg'),
    contracts: byPath(all, 'Contract'),
    filters: byPath(all, 'Filter'),
  };
}

function byPath<K extends Kind>(objects: readonly HeddleObject[], kind: K): Map<string, HeddleObject<K>> {
  return new Map(
    objects
      .filter((object): object is HeddleObject<K> => object.kind === kind)
      .map((object): [string, HeddleObject<K>] => [pathOf(kind, object.metadata), object])
      .sort(([a], [b]) => compareText(a, b)),
  );
}

/** By code units, so that the order is the same on every machine. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The path of an object that is named from another one of the same tenant. */
export const inTenantOf = (object: HeddleObject, name: string): string => `${object.metadata.tenant}/${name}`;
