import fc from 'fast-check';
import { commonVlan, hasVlan, vlanCount, vlanRanges, vlansOf } from './vlan-pool';

describe('a pool of VLANs', () => {
  it.each([
    ['100-199,300', [{ first: 100, last: 199 }, { first: 300, last: 300 }], 101],
    ['300,100-199', [{ first: 100, last: 199 }, { first: 300, last: 300 }], 101],
    ['10-20,15-30,31', [{ first: 10, last: 31 }], 22],
    ['7', [{ first: 7, last: 7 }], 1],
  ])('%s is read in order, and each VLAN once', (pool, ranges, count) => {
    expect(vlanRanges(pool)).toEqual(ranges);
    expect(vlanCount(pool)).toBe(count);
  }); // prettier-ignore

  it.each([
    ['100-199', '200-299', undefined],
    ['100-199', '150-160', 150],
    ['5,100-199', '1-5,300', 5],
  ])('%s and %s have in common %s', (a, b, common) => {
    expect([commonVlan(a, b), commonVlan(b, a)]).toEqual([common, common]);
  });

  it('is the set of what it lists', () => {
    const range = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 9 }));
    const pools = fc.array(range, { minLength: 1, maxLength: 5 });
    const textOf = (ranges: [number, number][]): string => ranges.map(([a, n]) => `${a}-${a + n}`).join(',');
    const setOf = (ranges: [number, number][]): Set<number> =>
      new Set(ranges.flatMap(([a, n]) => Array.from({ length: n + 1 }, (_, i) => a + i)));
    fc.assert(
      fc.property(pools, pools, (one, other) => {
        const [a, b] = [setOf(one), setOf(other)];
        expect([...vlansOf(textOf(one))]).toEqual([...a].sort((x, y) => x - y));
        expect(vlanCount(textOf(one))).toBe(a.size);
        for (let vlan = 1; vlan < 75; vlan++) expect(hasVlan(textOf(one), vlan)).toBe(a.has(vlan));
        const common = [...a].filter((vlan) => b.has(vlan)).sort((x, y) => x - y);
        expect(commonVlan(textOf(one), textOf(other))).toBe(common[0]);
      }),
    );
  });
});
