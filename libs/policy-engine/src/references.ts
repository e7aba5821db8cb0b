import type { HeddleObject, Problem } from '@heddle/model';
import { inTenantOf, type PolicyObjects } from './objects';

/** Where in an object something is wrong: `Epg acme/shop/web spec.consumes[0]`. */
export const placeOf = (object: HeddleObject, path: string, field: string): string => `${object.kind} ${path} ${field}`;

/** Every reference between policy objects that leads nowhere. */
export function referenceProblems(objects: PolicyObjects): Problem[] {
  const problems: Problem[] = [];
  const check = (from: HeddleObject, path: string, field: string, kind: Target, name: string): void => {
    const targets: ReadonlyMap<string, HeddleObject> = objects[COLLECTION[kind]];
    if (targets.has(inTenantOf(from, name))) return;
    const tenant = from.metadata.tenant as string;
    problems.push({
      path: placeOf(from, path, field),
      message: `found "${name}", which is no ${kind} of tenant ${tenant}; allowed are ${nameList(namesIn(targets, tenant))}`,
    });
  };
  const { tenants, vrfs, bridgeDomains, epgs, contracts, filters } = objects;
  for (const collection of [vrfs, bridgeDomains, filters, contracts, epgs]) {
    for (const [path, object] of collection) {
      const tenant = object.metadata.tenant as string;
      if (tenants.has(tenant)) continue;
      problems.push({
        path: placeOf(object, path, 'metadata.tenant'),
        message: `found "${tenant}", which is no Tenant; allowed are ${nameList([...tenants.keys()])}`,
      });
    }
  }
  for (const [path, bd] of bridgeDomains) check(bd, path, 'spec.vrf', 'Vrf', bd.spec.vrf);
  for (const [path, contract] of contracts) {
    contract.spec.subjects.forEach((subject, i) =>
      subject.filters.forEach((name, j) => check(contract, path, `spec.subjects[${i}].filters[${j}]`, 'Filter', name)),
    );
  }
  for (const [path, epg] of epgs) {
    check(epg, path, 'spec.bridgeDomain', 'BridgeDomain', epg.spec.bridgeDomain);
    epg.spec.provides.forEach((name, i) => check(epg, path, `spec.provides[${i}]`, 'Contract', name));
    epg.spec.consumes.forEach((name, i) => check(epg, path, `spec.consumes[${i}]`, 'Contract', name));
  }
  return problems;
}

const COLLECTION = { Vrf: 'vrfs', BridgeDomain: 'bridgeDomains', Contract: 'contracts', Filter: 'filters' } as const;
type Target = keyof typeof COLLECTION;

const namesIn = (objects: ReadonlyMap<string, HeddleObject>, tenant: string): string[] =>
  [...objects.values()].filter((o) => o.metadata.tenant === tenant).map((o) => o.metadata.name);

const SHOWN = 10;

/** `a, b, c (and 4 more)`, or `(none exist)`. */
export function nameList(names: readonly string[]): string {
  if (names.length === 0) return '(none exist)';
  const more = names.length > SHOWN ? ` (and ${names.length - SHOWN} more)` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
