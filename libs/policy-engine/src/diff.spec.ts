import type { ResolvedEntry } from '@heddle/model';
import fc from 'fast-check';
import { compile } from './compile';
import { applyDiff, diffResolved } from './diff';
import { EMPTY_IDS, assignIds } from './ids';
import * as arbitraries from './testing/arbitraries';
import { sameJson } from './same-json';

const resolved = arbitraries.policy.map((objects) => compile(objects, assignIds(EMPTY_IDS, objects)));

describe('diffResolved', () => {
  it('is empty for the same policy', () => {
    fc.assert(
      fc.property(resolved, (policy) => {
        const copy = new Map(JSON.parse(JSON.stringify([...policy])) as [string, ResolvedEntry][]);
        expect(diffResolved(policy, copy)).toEqual({ put: [], delete: [] });
      }),
    );
  });

  it('gives the target when it is applied, and touches nothing that is right', () => {
    fc.assert(
      fc.property(resolved, resolved, (before, after) => {
        const diff = diffResolved(before, after);
        expect(sameJson([...applyDiff(before, diff)].sort(), [...after].sort())).toBe(true);
        for (const [key, entry] of diff.put) expect(before.get(key)).not.toEqual(entry);
        for (const key of diff.delete) expect(before.has(key) && !after.has(key)).toBe(true);
      }),
    );
  });
});

describe('sameJson', () => {
  it.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, true],
    [{ a: undefined }, {}, true],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, {}, false],
    [{ a: 1 }, { b: 1 }, false],
    ['1', 1, false],
  ])('%j and %j: %s', (a, b, same) => {
    expect(sameJson(a, b)).toBe(same);
    expect(sameJson(b, a)).toBe(same);
  });
});
