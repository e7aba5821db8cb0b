import type { ResolvedRule, RuleList, RuleView, RulesRequest } from '@heddle/model';
import { ANY_CLASS, compareRules, EVERY_EPG, indexPolicy, protocolName, trafficText, type ResolvedPolicy } from '@heddle/policy-engine'; // prettier-ignore
import { COOKIE_MARK_MASK, isOurs, ruleCookie, ruleIdOf } from '@heddle/pipeline';

/** The most rules that one answer has; a contract between many EPGs has more. */
const MAX_RULES = 1_000;

/**
 * The rules of a policy as people are shown them, those of one contract or the one that a cookie stands for, the strongest
 * first. Pure.
 */
export function rulesOf(policy: ResolvedPolicy, { tenant, contract, cookie }: RulesRequest): RuleList {
  const id = cookie === undefined ? undefined : idIn(BigInt(cookie));
  const wanted = [...policy.values()].filter(
    (entry): entry is ResolvedRule =>
      entry.type === 'rule' &&
      (tenant === undefined || entry.origin.startsWith(`${tenant}/`)) &&
      (contract === undefined || entry.origin === contract) &&
      (id === undefined || entry.id === id),
  );
  const { classesById, vrfs } = indexPolicy(policy);
  const epgOf = (classId: number): string =>
    classId === ANY_CLASS ? EVERY_EPG : (classesById.get(classId)?.epg ?? `class ${classId}`);
  const view = (rule: ResolvedRule): RuleView => ({
    id: rule.id,
    cookie: `0x${ruleCookie(rule.id).toString(16)}`,
    origin: rule.origin,
    vrf: vrfs.get(rule.vrf) ?? `VRF ${rule.vrf}`,
    source: epgOf(rule.source),
    destination: epgOf(rule.destination),
    traffic: trafficOf(rule),
    action: rule.action,
    priority: rule.priority,
  });
  const rules = wanted.sort(compareRules).slice(0, MAX_RULES).map(view);
  return { items: rules, total: wanted.length };
}

/** The id of the rule; of none where the flow is another program's. The mark may be left out, as people do. */
const idIn = (cookie: bigint): string | null =>
  isOurs(cookie) || (cookie & COOKIE_MARK_MASK) === 0n ? ruleIdOf(cookie) : null;

function trafficOf({ filter, ...rule }: ResolvedRule): string {
  const { protocol, destinationPorts, sourcePorts, icmpType } = filter ?? {};
  return trafficText({
    vrf: '',
    source: '',
    destination: '',
    origin: rule.origin,
    protocol: protocol === undefined ? 'any' : protocolName(protocol),
    ...(destinationPorts ? { ports: destinationPorts } : {}),
    ...(sourcePorts ? { sourcePorts } : {}),
    ...(icmpType === undefined ? {} : { icmpTypes: { from: icmpType, to: icmpType } }),
  });
}
