import type { ResolvedRule } from '@heddle/model';
import { computeFlows, ruleIdOf, tableNumber } from '@heddle/pipeline';
import { CLIENT, policyOf, SERVER } from './rules';

const COUNT = 10_000;

describe('the policy of the ladder', () => {
  const entries = [...policyOf(COUNT).values()];
  const rules = entries.filter((entry): entry is ResolvedRule => entry.type === 'rule');

  it('has as many rules as it is asked for, no two of them alike', () => {
    expect(rules).toHaveLength(COUNT);
    const alike = rules.map(({ source, destination, filter }) => JSON.stringify([source, destination, filter]));
    expect(new Set(alike).size).toBe(COUNT);
  });

  it('lets the client open connections to the server by two of them, and the others are between others', () => {
    const ends = new Set([CLIENT.classId, SERVER.classId]);
    const between = rules.filter(({ source, destination }) => ends.has(source) || ends.has(destination));
    expect(between.map(({ source, destination }) => [source, destination])).toEqual([[16, 17], [16, 17]]); // prettier-ignore
  });

  it('has a flow in the contract table for every rule', () => {
    const flows = computeFlows({ resolved: policyOf(COUNT), local: [], remote: [], ports: {} });
    const inForce = flows
      .filter(({ table }) => table === tableNumber('contract'))
      .map(({ cookie }) => ruleIdOf(cookie));
    expect(rules.filter(({ id }) => !inForce.includes(id))).toEqual([]);
  });
});
