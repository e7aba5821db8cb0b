import type { HeddleObject, Problem } from '@heddle/model';
import { contractRuleCounts } from './contract-rules';
import { policyObjects, type PolicyObjects } from './objects';
import { referenceProblems } from './references';
import { subnetProblems } from './subnets';

/**
 * The most contract rules of a tenant. Rules are pairs of EPGs times filter entries, so a few lines of text can ask for
 * millions; this is what can be compiled, distributed and kept without one tenant's contracts burdening the others.
 */
export const MAX_RULES = 100_000;

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
  const byTenant = new Map<string, { total: number; most: number; path: string }>();
  for (const [path, count] of contractRuleCounts(policy)) {
    const tenant = path.slice(0, path.indexOf('/'));
    const { total, most, path: largest } = byTenant.get(tenant) ?? { total: 0, most: -1, path };
    byTenant.set(tenant, {
      total: total + count,
      most: Math.max(most, count),
      path: count > most ? path : largest,
    });
  }
  return [...byTenant]
    .filter(([, { total }]) => total > MAX_RULES)
    .map(([tenant, { total, most, path }]) => ({
      path: `Contract ${path} spec.subjects`,
      message:
        `found ${most} rules of this contract (pairs of consumer and provider times filter entries), ${total} of all contracts ` +
        `of tenant ${tenant}; allowed are ${MAX_RULES}: use fewer entries or wider port ranges, or merge EPGs`,
    }));
}
