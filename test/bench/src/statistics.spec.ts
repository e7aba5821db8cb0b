import fc from 'fast-check';
import {
  median,
  medianInterval,
  quantile,
  ratioInterval,
  ratioOfMedians,
  seededRandom,
  type Interval,
  type Round,
} from './statistics';

const positive = fc.double({ min: 0.001, max: 1e6, noNaN: true });
const someRounds = fc.array(fc.record({ ours: positive, peer: positive }), { minLength: 1, maxLength: 12 });

describe('quantiles', () => {
  it('are those of the sorted values, interpolated between ranks', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([10, 9, 100])).toBe(10);
    expect(quantile([0, 10, 20, 30], 0.25)).toBe(7.5);
    expect(quantile([5], 0.9)).toBe(5);
  });

  it('refuse what has none', () => {
    expect(() => median([])).toThrow('no values');
    expect(() => quantile([1], 1.1)).toThrow('allowed is 0 to 1');
    expect(() => quantile([1], Number.NaN)).toThrow('allowed is 0 to 1');
  });

  it('do not depend on the order, grow with q, and lie between the smallest and the largest value', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const value = quantile(values, q);
        expect(quantile([...values].reverse(), q)).toBe(value);
        expect(value).toBeGreaterThanOrEqual(quantile(values, 0));
        expect(value).toBeLessThanOrEqual(quantile(values, 1));
        expect(quantile(values, 0)).toBe(Math.min(...values));
        expect(quantile(values, 1)).toBe(Math.max(...values));
      }),
    );
  });
});

describe('the seeded source', () => {
  it('repeats itself, differs by seed, and fills [0, 1) evenly', () => {
    const draw = (seed: number): number[] => Array.from({ length: 10_000 }, seededRandom(seed));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1).slice(0, 5)).not.toEqual(draw(2).slice(0, 5));
    const values = draw(7);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    for (let tenth = 0; tenth < 10; tenth++) {
      const inside = values.filter((v) => v >= tenth / 10 && v < (tenth + 1) / 10).length;
      expect(Math.abs(inside - 1_000)).toBeLessThan(150);
    }
  });
});

describe('the interval of a median', () => {
  it('is ordered, repeatable, and between the extremes', () => {
    fc.assert(
      fc.property(fc.array(positive, { minLength: 1, maxLength: 12 }), (values) => {
        const interval = (): Interval => medianInterval(values, { resamples: 200, random: seededRandom(1) });
        const { low, high } = interval();
        expect(interval()).toEqual({ low, high });
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(low).toBeLessThanOrEqual(high);
        expect(high).toBeLessThanOrEqual(Math.max(...values));
      }),
    );
  });

  it('is wider the more of them it is to hold', () => {
    const values = Array.from({ length: 15 }, seededRandom(2));
    const width = (confidence: number): number => {
      const { low, high } = medianInterval(values, { confidence, random: seededRandom(3) });
      return high - low;
    };
    expect(width(0.99)).toBeGreaterThan(width(0.5));
  });
});

describe('the interval of a ratio', () => {
  const interval = (rounds: readonly Round[], seed = 1): ReturnType<typeof ratioInterval> =>
    ratioInterval(rounds, { resamples: 200, random: seededRandom(seed) });

  it('is a point where nothing varies', () => {
    const rounds = Array.from({ length: 5 }, () => ({ ours: 300, peer: 200 }));
    expect(interval(rounds)).toEqual({ low: 1.5, high: 1.5 });
  });

  it('does not see what slows both down alike, because rounds are drawn whole', () => {
    const rounds = [1, 2, 3, 4, 5, 6, 7].map((noise) => ({ ours: 110 * noise, peer: 100 * noise }));
    const { low, high } = interval(rounds);
    expect(low).toBeCloseTo(1.1, 10);
    expect(high).toBeCloseTo(1.1, 10);
  });

  it('is ordered, repeatable, between the extremes, and does not depend on the unit', () => {
    fc.assert(
      fc.property(someRounds, (rounds) => {
        const found = interval(rounds);
        expect(found.low).toBeLessThanOrEqual(found.high);
        expect(interval(rounds)).toEqual(found);
        const [ours, peer] = [rounds.map((r) => r.ours), rounds.map((r) => r.peer)];
        expect(found.low).toBeGreaterThanOrEqual((Math.min(...ours) / Math.max(...peer)) * (1 - 1e-9));
        expect(found.high).toBeLessThanOrEqual((Math.max(...ours) / Math.min(...peer)) * (1 + 1e-9));
        const doubled = interval(rounds.map((r) => ({ ours: r.ours * 2, peer: r.peer * 2 })));
        expect(doubled).toEqual(found);
      }),
    );
  });

  it('covers the true ratio about as often as it says', () => {
    const random = seededRandom(3);
    const noisy = (centre: number): number => centre * (1 + 0.2 * (random() + random() - 1));
    const experiments = 200;
    let covered = 0;
    for (let i = 0; i < experiments; i++) {
      const rounds = Array.from({ length: 20 }, () => ({ ours: noisy(120), peer: noisy(100) }));
      const { low, high } = ratioInterval(rounds, { resamples: 200, random });
      if (low <= 1.2 && 1.2 <= high) covered++;
    }
    expect(covered / experiments).toBeGreaterThan(0.88);
    expect(covered / experiments).toBeLessThan(1);
  });

  it('narrows with more rounds', () => {
    const random = seededRandom(5);
    const width = (count: number): number => {
      const rounds = Array.from({ length: count }, () => ({ ours: 100 + random() * 50, peer: 100 + random() * 50 }));
      const { low, high } = ratioInterval(rounds, { resamples: 500, random });
      return high - low;
    };
    expect(width(200)).toBeLessThan(width(8));
  });

  it('is about the ratio of the medians', () => {
    expect(ratioOfMedians([{ ours: 2, peer: 1 }, { ours: 4, peer: 2 }, { ours: 90, peer: 3 }])).toBe(2); // prettier-ignore
  });
});
