import type { Clock } from '@heddle/host';
import type { Interval } from './statistics';

export type Bound = 'at most' | 'at least';

/** What was measured, once, as the median of its samples. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  /** `s`, `ms`, `MB` (10^6 bytes), `x` for a ratio; empty where things are counted. */
  readonly unit: string;
  /** In the same unit; absent where nothing was promised. */
  readonly goal?: number;
  /** What the goal is. Default: at most. */
  readonly bound?: Bound;
  /** That holds the median in 95 of 100 cases. */
  readonly interval?: Interval;
  /** Of a measure that is taken of several things alike: of which, and what. People then see a table. */
  readonly cell?: { readonly row: string; readonly column: string };
  /** The same by somebody else, in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** Of the samples, where there were several: for people, to see the noise. */
  readonly spread?: { readonly low: number; readonly high: number; readonly samples: number };
}

export interface BenchContext {
  /** Aborts when the user interrupts: whatever was started is then ended in order. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Few and short samples: to see that the bench works, not what it measures. */
  readonly quick: boolean;
  /** Progress, for people. */
  readonly log: (line: string) => void;
}

export interface BenchOutcome {
  readonly measures: readonly Measure[];
  /** What was particular to this run: counts, repeats, sizes. */
  readonly conditions?: Readonly<Record<string, unknown>>;
}

/** One bench. It leaves nothing behind, also when it fails or is interrupted. */
export type Bench = (context: BenchContext) => Promise<BenchOutcome>;
