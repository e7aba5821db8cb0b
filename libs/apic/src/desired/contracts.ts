import { type HeddleObject, type Problem } from '@heddle/model';
import { mo, type Mo } from '../tree/mo';
import { apicFilter, type ApicFilter } from './filters';

const SCOPES = { application: 'application-profile', vrf: 'context' } as const;

/** Contracts of one tenant and the filters that they name. */
export interface TenantContracts {
  readonly objects: readonly Mo[];
  /** Names of the contracts that are there. */
  readonly names: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/**
 * Contracts as an APIC has them. One that denies something that an APIC cannot express is left out altogether: without the
 * denial, what it permits would be more than it says.
 */
export function contractMos(
  tenant: string,
  contracts: readonly HeddleObject<'Contract'>[],
  filters: ReadonlyMap<string, HeddleObject<'Filter'>>,
): TenantContracts {
  const translated = new Map<string, ApicFilter>();
  const problems: Problem[] = [];
  const used = new Map<string, Mo>();
  const objects: Mo[] = [];
  const names = new Set<string>();

  const translate = (name: string): ApicFilter => {
    const known = translated.get(name);
    if (known) return known;
    const object = filters.get(name);
    const filter = object ? apicFilter(name, object.spec) : { permit: [], deny: [], inexpressible: [] };
    translated.set(name, filter);
    for (const { entry, message } of filter.inexpressible)
      problems.push({ path: `Filter ${tenant}/${name} entry ${entry}`, message });
    return filter;
  };

  for (const { metadata, spec } of contracts) {
    const deniesLess = spec.subjects
      .filter((subject) => subject.action === 'deny')
      .flatMap((subject) => subject.filters)
      .find((name) => translate(name).inexpressible.some((problem) => problem.deniesLess));
    if (deniesLess !== undefined) {
      const message = `is not made: it denies what filter ${deniesLess} describes, and not all of that can be expressed`;
      problems.push({ path: `Contract ${tenant}/${metadata.name}`, message });
      continue;
    }
    const subjects = spec.subjects.map((subject) => {
      const named = new Map(
        subject.filters.flatMap((name) => translate(name)[subject.action]).map((f) => [f.attributes['name'] ?? '', f]),
      );
      for (const [name, filter] of named) used.set(name, filter);
      const relations = [...named.keys()].map((name) =>
        mo('vzRsSubjFiltAtt', { tnVzFilterName: name, action: subject.action }),
      );
      return mo('vzSubj', { name: subject.name, revFltPorts: 'yes' }, relations);
    });
    names.add(metadata.name);
    objects.push(mo('vzBrCP', { name: metadata.name, scope: SCOPES[spec.scope] }, subjects));
  }
  return { objects: [...used.values(), ...objects], names, problems };
}
