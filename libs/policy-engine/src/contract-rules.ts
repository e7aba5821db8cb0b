import {
  PROTOCOLS,
  pathOf,
  type FilterEntry,
  type HeddleObject,
  type ResolvedClass,
  type ResolvedVrf,
  type RuleFilter,
} from '@heddle/model';
import { contractGroups, pairCount } from './contract-scope';
import { inTenantOf, type PolicyObjects } from './objects';
import { ANY_CLASS } from './policy-index';
import type { RuleContent } from './rule-id';
import { FILTER_SPECIFICITY, ZONING_PRIORITY, filterSpecificity } from './zoning';

/** Origins of rules that no contract gives. */
export const BUILT_IN_ORIGINS = { intraEpg: 'intra-epg', vrfUnenforced: 'vrf-unenforced' } as const;

/**
 * An unenforced VRF permits everything between its EPGs, and contracts have no say in it, denies included (they are not
 * compiled, as in ACI). The permission is weaker than every rule inside an EPG, so isolation holds in it as well.
 */
export function* unenforcedRules(vrfs: Iterable<ResolvedVrf>): Generator<RuleContent> {
  for (const vrf of vrfs) {
    if (vrf.enforcement === 'enforced') continue;
    yield {
      type: 'rule',
      vrf: vrf.id,
      source: ANY_CLASS,
      destination: ANY_CLASS,
      action: 'permit',
      priority: ZONING_PRIORITY['any-any-any'],
      origin: BUILT_IN_ORIGINS.vrfUnenforced,
    };
  }
}

/** Inside an EPG everything is permitted, or, if it is isolated, denied. */
export function* intraEpgRules(classes: Iterable<ResolvedClass>): Generator<RuleContent> {
  for (const { vrf, classId, isolation } of classes) {
    const isolated = isolation === 'enforced';
    yield {
      type: 'rule',
      vrf,
      source: classId,
      destination: classId,
      action: isolated ? 'deny' : 'permit',
      priority: ZONING_PRIORITY[isolated ? 'class-eq-deny' : 'class-eq-allow'],
      origin: BUILT_IN_ORIGINS.intraEpg,
    };
  }
}

/**
 * Every contract as rules from each of its consumers to each of its providers. There are no reverse rules: replies follow
 * the state of the connection. What an EPG opens to itself is decided by its intra-EPG rule.
 */
export function* contractRules(
  objects: PolicyObjects,
  classes: ReadonlyMap<string, ResolvedClass>,
): Generator<RuleContent> {
  const classOf = (epg: HeddleObject<'Epg'>): ResolvedClass =>
    classes.get(pathOf('Epg', epg.metadata)) as ResolvedClass;
  for (const [origin, groups] of contractGroups(objects)) {
    const terms = contractTerms(objects, objects.contracts.get(origin) as HeddleObject<'Contract'>);
    for (const { consumers, providers } of groups) {
      for (const consumer of consumers.map(classOf)) {
        for (const provider of providers.map(classOf)) {
          if (consumer === provider) continue;
          const pair = { vrf: consumer.vrf, source: consumer.classId, destination: provider.classId };
          for (const term of terms) yield { type: 'rule', ...pair, ...term, origin };
        }
      }
    }
  }
}

/** How many rules {@link contractRules} gives, by contract path; counted without making them. */
export function contractRuleCounts(objects: PolicyObjects): Map<string, number> {
  return new Map(
    [...contractGroups(objects)].map(([path, groups]) => {
      const terms = termCount(objects, objects.contracts.get(path) as HeddleObject<'Contract'>);
      return [path, terms * groups.reduce((sum, group) => sum + pairCount(group), 0)];
    }),
  );
}

type Term = Required<Pick<RuleContent, 'filter' | 'action' | 'priority'>>;

function contractTerms(objects: PolicyObjects, contract: HeddleObject<'Contract'>): Term[] {
  return contract.spec.subjects.flatMap((subject) =>
    subject.filters.flatMap((name) =>
      entriesOf(objects, contract, name).map((entry): Term => {
        const filter = ruleFilter(entry, [contract.metadata.name, subject.name, name, entry.name].join('/'));
        const isDefault = filterSpecificity(filter) === FILTER_SPECIFICITY.default;
        return { filter, action: subject.action, priority: ZONING_PRIORITY[isDefault ? 'src-dst-any' : 'fully-qual'] };
      }),
    ),
  );
}

const termCount = (objects: PolicyObjects, contract: HeddleObject<'Contract'>): number =>
  contract.spec.subjects
    .flatMap((subject) => subject.filters)
    .reduce((sum, name) => sum + entriesOf(objects, contract, name).length, 0);

const entriesOf = (objects: PolicyObjects, contract: HeddleObject<'Contract'>, filter: string): FilterEntry[] =>
  objects.filters.get(inTenantOf(contract, filter))?.spec.entries ?? [];

function ruleFilter(entry: FilterEntry, path: string): RuleFilter {
  const { protocol, sourcePorts, destinationPorts, icmpType } = entry;
  return {
    ...(protocol === 'unspecified' ? {} : { protocol: typeof protocol === 'number' ? protocol : PROTOCOLS[protocol] }),
    ...(sourcePorts ? { sourcePorts } : {}),
    ...(destinationPorts ? { destinationPorts } : {}),
    ...(icmpType === undefined ? {} : { icmpType }),
    entry: path,
  };
}
