import type { ResolvedRule, RuleFilter } from '@heddle/model';

/**
 * The order in which zoning rules apply, as Cisco ACI publishes it: the lower number wins. Rules of all kinds live in one
 * table; what is not compiled yet keeps its number, so that it finds its place later.
 */
export const ZONING_PRIORITY = {
  /** Inside an EPG: a contract between its endpoints, isolation, and the permission that holds otherwise. */
  'class-eq-filter': 1,
  'class-eq-deny': 2,
  'class-eq-allow': 3,
  'prov-nonshared-to-cons': 4,
  /** Taboo contracts. */
  'black-list': 5,
  'fabric-infra': 6,
  /** EPG to EPG with a filter that names at least a protocol. */
  'fully-qual': 7,
  'system-incomplete': 8,
  /** EPG to EPG with a filter that matches every packet. */
  'src-dst-any': 9,
  'shsrc-any-filt-perm': 10,
  'shsrc-any-any-perm': 11,
  'shsrc-any-any-deny': 12,
  'src-any-filter': 13,
  'any-dest-filter': 14,
  'src-any-any': 15,
  'any-dest-any': 16,
  'any-any-filter': 17,
  'grp-src-any-any-deny': 18,
  'grp-any-dest-any-deny': 19,
  'grp-any-any-any-permit': 20,
  /** What holds in a VRF when nothing else does: the implicit deny, or the permission of an unenforced VRF. */
  'any-any-any': 21,
  'any-vrf-any-deny': 22,
  'default-action': 23,
} as const;

export type ZoningPriority = keyof typeof ZONING_PRIORITY;

const LOWEST_PRIORITY = ZONING_PRIORITY['default-action'];

/** Within a priority the more specific filter applies first; the lower number wins. */
export const FILTER_SPECIFICITY = {
  'protocol, source and destination port': 0,
  /** An ICMP type counts as a destination port: it stands in its place in the packet and in the flow. */
  'protocol and destination port': 1,
  'protocol and source port': 2,
  'protocol only': 3,
  default: 4,
} as const;

const SPECIFICITIES = Object.keys(FILTER_SPECIFICITY).length;

/** How specific a filter is, by which fields it names; how wide its port ranges are does not count. */
export function filterSpecificity(filter: RuleFilter | undefined): number {
  if (filter?.protocol === undefined) return FILTER_SPECIFICITY.default;
  const source = filter.sourcePorts !== undefined;
  const destination = filter.destinationPorts !== undefined || filter.icmpType !== undefined;
  if (source && destination) return FILTER_SPECIFICITY['protocol, source and destination port'];
  if (destination) return FILTER_SPECIFICITY['protocol and destination port'];
  return FILTER_SPECIFICITY[source ? 'protocol and source port' : 'protocol only'];
}

type Ordered = Pick<ResolvedRule, 'id' | 'priority' | 'filter' | 'action'>;

/** The highest value of {@link rulePrecedence}. */
export const MAX_PRECEDENCE = LOWEST_PRIORITY * SPECIFICITIES * 2;

/**
 * The strength of a rule as one number from 1 to {@link MAX_PRECEDENCE}, the larger the stronger: zoning priority, then
 * specificity of the filter, then deny before permit. Rules of equal precedence have the same action, so a packet that
 * matches several of them meets the same verdict whichever is looked at first.
 */
export function rulePrecedence(rule: Omit<Ordered, 'id'>): number {
  const rank = (rule.priority - 1) * SPECIFICITIES + filterSpecificity(rule.filter);
  return MAX_PRECEDENCE - 1 - 2 * rank + (rule.action === 'deny' ? 1 : 0);
}

/** Sorts rules by the order in which they apply, the strongest first; the id decides between equals. A total order. */
export const compareRules = (a: Ordered, b: Ordered): number =>
  rulePrecedence(b) - rulePrecedence(a) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
