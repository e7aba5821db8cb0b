import fc from 'fast-check';
import { compareDuplicates, findDuplicates, type Claimant, type Duplicate } from './duplicates';

const claimant = (key: string, claims: string[], since?: string): Claimant => ({
  key,
  path: `acme/shop/${key}`,
  claims,
  ...(since === undefined ? {} : { since }),
});
const found = (claimants: Claimant[], told: string[] = [], duplicates: Duplicate[] = []): string[] =>
  findDuplicates(claimants, { told: new Set(told), duplicates }).map((d) => `${d.later} after ${d.first}: ${d.what}`);
const heldBack = (later: string): Duplicate => ({ later, path: '', first: '', what: '' });

describe('who keeps what two endpoints have', () => {
  const early = claimant('a', ['ip'], '2026-01-01');
  const late = claimant('b', ['ip'], '2026-01-02');

  it('is the one that was attached first', () => {
    expect(found([late, early])).toEqual(['b after a: ip']);
    expect(found([claimant('b', ['ip']), claimant('a', ['ip']), late])).toEqual(['a after b: ip', 'b after b: ip']);
  });

  it('is the one that others were told of, whenever the other one says that it was attached', () => {
    expect(found([early, late], ['b'])).toEqual(['a after b: ip']);
  });

  it('is not the one that was held back, before anybody is told anything', () => {
    expect(found([early, late], [], [heldBack('a')])).toEqual(['a after b: ip']);
    expect(found([early], [], [heldBack('a')])).toEqual([]);
  });

  it('is not somebody who is held back for something else', () => {
    const middle = claimant('m', ['ip', 'mac'], '2026-01-02');
    expect(found([early, middle, claimant('z', ['mac'], '2026-01-03')])).toEqual(['m after a: ip']);
  });

  it('leaves nobody with what another one has, holds back nobody without reason, and stays so', () => {
    const claim = fc.constantFrom('ip1', 'ip2', 'ip3', 'mac1', 'mac2');
    const claimants = fc.uniqueArray(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        claims: fc.uniqueArray(claim, { minLength: 1, maxLength: 3 }),
        since: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
      }),
      { selector: (c) => c.key, maxLength: 6 },
    );
    fc.assert(
      fc.property(fc.array(claimants, { minLength: 1, maxLength: 4 }), (rounds) => {
        let known = { told: new Set<string>(), duplicates: [] as Duplicate[] };
        for (const round of rounds) {
          const list = round.map(({ key, claims, since }) => claimant(key, claims, since));
          const duplicates = findDuplicates(list, known);
          const back = new Set(duplicates.map((d) => d.later));
          const kept = list.filter(({ key }) => !back.has(key));
          const claims = kept.flatMap((c) => c.claims);
          expect(new Set(claims).size).toBe(claims.length);
          for (const { later, first, what } of duplicates) {
            expect(list.find((c) => c.key === later)?.claims).toContain(what);
            expect(kept.find((c) => c.key === first)?.claims).toContain(what);
          }
          // Nobody loses what others were told that it has to somebody who is new.
          for (const { later, first } of duplicates) {
            if (known.told.has(later)) expect(known.told.has(first)).toBe(true);
          }
          known = { told: new Set(kept.map((c) => c.key)), duplicates };
          expect(
            findDuplicates([...list].reverse(), known)
              .map((d) => d.later)
              .sort(),
          ).toEqual([...back].sort());
        }
      }),
    );
  });
});

describe('what happened to duplicates', () => {
  it('is told once each way', () => {
    const one: Duplicate = { later: 'b', path: 'p', first: 'a', what: 'ip' };
    const other: Duplicate = { ...one, first: 'c' };
    expect(compareDuplicates([], [one])).toEqual({ found: [one], resolved: [] });
    expect(compareDuplicates([one], [{ ...one }])).toEqual({ found: [], resolved: [] });
    expect(compareDuplicates([one], [other])).toEqual({ found: [other], resolved: [one] });
  });
});
