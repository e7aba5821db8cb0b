import { hash48, withIds, type RuleContent } from './rule-id';

const rule = (source: number, action: 'permit' | 'deny' = 'permit'): RuleContent => ({
  type: 'rule',
  vrf: 1,
  source,
  destination: 20,
  action,
  priority: 7,
  origin: 'acme/c',
  filter: { protocol: 6, destinationPorts: { from: 80, to: 80 }, entry: 'c/s/f/e' },
});

describe('hash48', () => {
  it.each([
    ['', 'cbf29ce484222325'],
    ['a', 'af63dc4c8601ec8c'],
    ['foobar', '85944171f73967e8'],
  ])('is FNV-1a with 64 bits, folded: %j', (text, published) => {
    const full = BigInt(`0x${published}`);
    const folded = (full >> 48n) ^ (full & 0xffffffffffffn);
    expect(hash48(text)).toBe(folded.toString(16).padStart(12, '0'));
  });
});

describe('withIds', () => {
  it('gives 12 hex digits that depend on every part of the content', () => {
    const base = rule(16);
    const variants: RuleContent[] = [
      base,
      rule(17),
      rule(16, 'deny'),
      { ...base, vrf: 2 },
      { ...base, destination: 21 },
      { ...base, priority: 9 },
      { ...base, origin: 'acme/d' },
      { ...base, filter: undefined },
      { ...base, filter: { protocol: 6, sourcePorts: { from: 80, to: 80 }, entry: 'c/s/f/e' } },
      { ...base, filter: { protocol: 1, icmpType: 8, entry: 'c/s/f/e' } },
    ];
    const ids = withIds(variants).map((r) => r.id);
    expect(new Set(ids).size).toBe(variants.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{12}$/);
  });

  it('makes one of identical rules', () => {
    expect(withIds([rule(16), rule(16)])).toHaveLength(1);
  });

  it('tells rules apart whose hashes are equal, in whichever order they come', () => {
    const weak = (text: string): string => `h${text.split('#')[1] ?? ''}`;
    const rules = [rule(16), rule(17), rule(18)];
    const bySource = (input: RuleContent[]): [number, string][] =>
      withIds(input, weak).map((r): [number, string] => [r.source, r.id]);
    expect(bySource(rules)).toEqual([
      [16, 'h'],
      [17, 'h1'],
      [18, 'h2'],
    ]);
    expect(bySource([...rules].reverse())).toEqual(bySource(rules));
  });
});
