/** A source of numbers in [0, 1). */
export type Random = () => number;

/**
 * Mulberry32 (Tommy Ettinger, 2017): small, seeded, and good enough to draw samples with, so that the same measurements
 * always give the same interval.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The q-quantile of some values, interpolated between the two nearest ranks (type 7 of Hyndman and Fan, 1996).
 * @param values at least one, in any order
 * @param q from 0 (smallest) to 1 (largest)
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('there is no quantile of no values');
  if (!(q >= 0 && q <= 1)) throw new RangeError(`found the quantile ${q}; allowed is 0 to 1`);
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (sorted.length - 1) * q;
  const low = sorted[Math.floor(rank)] as number;
  const high = sorted[Math.ceil(rank)] as number;
  return low + (high - low) * (rank - Math.floor(rank));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** One round of a comparison: both were measured once, one right after the other. */
export interface Round {
  readonly ours: number;
  readonly peer: number;
}

/** Median of ours over median of the peer's. */
export function ratioOfMedians(rounds: readonly Round[]): number {
  return median(rounds.map(({ ours }) => ours)) / median(rounds.map(({ peer }) => peer));
}

/**
 * Interval of the ratio of medians by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap,
 * 1993, chapter 13). Whole rounds are drawn, not single values: what else the machine did during a round touched both.
 */
export function ratioInterval(
  rounds: readonly Round[],
  { confidence = 0.95, resamples = 10_000, random }: { confidence?: number; resamples?: number; random: Random },
): Interval {
  const ratios = Array.from({ length: resamples }, () =>
    ratioOfMedians(rounds.map(() => rounds[Math.floor(random() * rounds.length)] as Round)),
  );
  const tail = (1 - confidence) / 2;
  return { low: quantile(ratios, tail), high: quantile(ratios, 1 - tail) };
}
