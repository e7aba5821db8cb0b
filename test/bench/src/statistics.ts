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

export interface BootstrapOptions {
  /** How often the interval is to hold the true value. Default 0.95. */
  readonly confidence?: number;
  readonly resamples?: number;
  readonly random: Random;
}

/**
 * Interval of a statistic by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
 * chapter 13).
 * @param samples what is drawn from, each as a whole
 */
export function bootstrapInterval<T>(
  samples: readonly T[],
  statistic: (drawn: readonly T[]) => number,
  { confidence = 0.95, resamples = 10_000, random }: BootstrapOptions,
): Interval {
  const values = Array.from({ length: resamples }, () =>
    statistic(samples.map(() => samples[Math.floor(random() * samples.length)] as T)),
  );
  const tail = (1 - confidence) / 2;
  return { low: quantile(values, tail), high: quantile(values, 1 - tail) };
}

export const medianInterval = (values: readonly number[], options: BootstrapOptions): Interval =>
  bootstrapInterval(values, median, options);

/** Of the ratio of medians. Whole rounds are drawn, not single values: what else the machine did in a round touched both. */
export const ratioInterval = (rounds: readonly Round[], options: BootstrapOptions): Interval =>
  bootstrapInterval(rounds, ratioOfMedians, options);
