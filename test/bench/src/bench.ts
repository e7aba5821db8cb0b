import type { Clock } from '@heddle/host';

/** What was measured, once, as the median of its samples. */
export interface Measure {
  readonly name: string;
  readonly value: number;
  /** `s`, `ms`, `MB` (10^6 bytes), `x` for a ratio; empty where things are counted. */
  readonly unit: string;
  /** At most this, in the same unit; absent where nothing was promised. */
  readonly goal?: number;
  /** The same by somebody else, in the same run. */
  readonly peer?: { readonly name: string; readonly value: number };
  /** Of the samples, where there were several: for people, to see the noise. */
  readonly spread?: { readonly low: number; readonly high: number; readonly samples: number };
}

export interface BenchContext {
  /** Aborts when the user interrupts: whatever was started is then ended in order. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
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
