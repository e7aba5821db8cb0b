import type { ResolvedRule } from '@heddle/model';
import fc from 'fast-check';
import { MAX_PRECEDENCE, ZONING_PRIORITY, compareRules, rulePrecedence } from './zoning';

const range = fc.constantFrom({ from: 80, to: 80 }, { from: 1, to: 65_535 });
const filter = fc.option(
  fc.record(
    { protocol: fc.constant(6), sourcePorts: range, destinationPorts: range, entry: fc.constant('e') },
    { requiredKeys: ['entry'] },
  ),
  { nil: undefined },
);
const rule: fc.Arbitrary<ResolvedRule> = fc.record({
  type: fc.constant('rule' as const),
  id: fc.integer({ min: 0, max: 9 }).map(String),
  vrf: fc.constant(1),
  source: fc.constant(16),
  destination: fc.constant(17),
  priority: fc.constantFrom(...Object.values(ZONING_PRIORITY)),
  action: fc.constantFrom('permit' as const, 'deny' as const),
  origin: fc.constant('c'),
  filter,
});

const strength = (
  priority: keyof typeof ZONING_PRIORITY,
  action: 'permit' | 'deny',
  match?: Partial<NonNullable<ResolvedRule['filter']>>,
): number => rulePrecedence({ priority: ZONING_PRIORITY[priority], action, filter: match && { entry: 'e', ...match } });

describe('the order of rules', () => {
  const port = { from: 80, to: 80 };

  it('is zoning priority, then specificity, then deny before permit', () => {
    const inOrder = [
      strength('class-eq-deny', 'deny'),
      strength('class-eq-allow', 'permit'),
      strength('fully-qual', 'permit', { protocol: 6, sourcePorts: port, destinationPorts: port }),
      strength('fully-qual', 'deny', { protocol: 6, destinationPorts: port }),
      strength('fully-qual', 'permit', { protocol: 6, destinationPorts: port }),
      strength('fully-qual', 'deny', { protocol: 6, sourcePorts: port }),
      strength('fully-qual', 'permit', { protocol: 1 }),
      strength('src-dst-any', 'deny', {}),
      strength('src-dst-any', 'permit', {}),
      strength('any-any-any', 'permit'),
    ];
    expect([...inOrder].sort((a, b) => b - a)).toEqual(inOrder);
    expect(new Set(inOrder).size).toBe(inOrder.length);
  });

  it('counts an ICMP type as a destination port', () => {
    expect(strength('fully-qual', 'permit', { protocol: 1, icmpType: 8 })).toBe(
      strength('fully-qual', 'permit', { protocol: 6, destinationPorts: port }),
    );
  });

  it('uses the whole range from 1 to MAX_PRECEDENCE, which fits the priorities of a flow table', () => {
    expect(strength('default-action', 'permit')).toBe(1);
    expect(strength('class-eq-filter', 'deny', { protocol: 6, sourcePorts: port, destinationPorts: port })).toBe(
      MAX_PRECEDENCE,
    );
    expect(MAX_PRECEDENCE).toBe(230);
  });

  it('is total, and equal only for the same id', () => {
    fc.assert(
      fc.property(rule, rule, rule, (a, b, c) => {
        expect(Math.sign(compareRules(a, b))).toBe(-Math.sign(compareRules(b, a)) + 0);
        if (compareRules(a, b) <= 0 && compareRules(b, c) <= 0) expect(compareRules(a, c)).toBeLessThanOrEqual(0);
        if (compareRules(a, b) === 0) expect(a.id).toBe(b.id);
        if (rulePrecedence(a) === rulePrecedence(b)) expect(a.action).toBe(b.action);
      }),
    );
  });
});
