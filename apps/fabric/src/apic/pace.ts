/** When an APIC is read again. Milliseconds. */
export interface Pace {
  /** Changes of what is wanted that come together are looked at together. */
  readonly gatherMs: number;
  /** The same of changes on the APIC; also how often somebody is answered who keeps changing what is ours. */
  readonly stirMs: number;
  /** Without any change, while changes are told; what was not told is found by it. */
  readonly quietMs: number;
  /** While changes are not told. */
  readonly blindMs: number;
  /** After a failure, doubled with each further one. */
  readonly retryFirstMs: number;
  readonly retryMostMs: number;
  /** After a login that was refused: an APIC locks a user out after a few. */
  readonly refusedMs: number;
}

export const PACE: Pace = {
  gatherMs: 200,
  stirMs: 1_000,
  quietMs: 300_000,
  blindMs: 30_000,
  retryFirstMs: 1_000,
  retryMostMs: 60_000,
  refusedMs: 60_000,
};

export const retryMs = (pace: Pace, failures: number): number =>
  Math.min(pace.retryMostMs, pace.retryFirstMs * 2 ** Math.min(failures - 1, 20));
