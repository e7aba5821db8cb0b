import type { HeddleObject, Problem } from '@heddle/model';
import { contractRuleCounts } from './contract-rules';
import { policyObjects, type PolicyObjects } from './objects';
import { placeOf, referenceProblems } from './references';
import { subnetProblems } from './subnets';

/**
 * The most contract rules of a cluster. Rules are pairs of EPGs times filter entries, so a few lines of text can ask for
 * millions; this is what a control plane of the intended size can compile, distribute and keep.
 */
export const MAX_RULES = 200_000;

/**
 * What is wrong with a state as far as policy goes: references that lead nowhere, subnets that overlap within a VRF, and
 * contracts that multiply beyond {@link MAX_RULES}. Empty for a state that {@link compile} accepts. Contracts that nobody
 * provides or consumes are no problem, and neither are objects of other kinds.
 */
export function checkPolicy(objects: Iterable<HeddleObject>): Problem[] {
  const policy = policyObjects(objects);
  return [...referenceProblems(policy), ...subnetProblems(policy), ...sizeProblems(policy)];
}

function sizeProblems(policy: PolicyObjects): Problem[] {
  const counts = [...contractRuleCounts(policy)];
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const [path, most] = counts.sort(([, a], [, b]) => b - a)[0] ?? [];
  const contract = path === undefined ? undefined : policy.contracts.get(path);
  if (total <= MAX_RULES || path === undefined || !contract) return [];
  return [
    {
      path: placeOf(contract, path, 'spec.subjects'),
      message:
        `found ${most} rules of this contract (pairs of consumer and provider times filter entries), ${total} of all contracts; ` +
        `allowed are ${MAX_RULES}: use fewer entries or wider port ranges, or merge EPGs`,
    },
  ];
}
