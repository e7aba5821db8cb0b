import type { Clock } from '@heddle/host';
import { toHeddleError } from '../errors';
import type { ChangeStatus } from '../api/types';

const LOOK_EVERY_MS = 250;

export interface SettleOptions {
  readonly position: number;
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Called after every look; `problem` is there while the server cannot be asked. */
  readonly onLook: (look: SettleLook) => void;
}

export interface SettleLook {
  /** The last that was heard. */
  readonly status?: ChangeStatus;
  readonly problem?: string;
}

export interface SettleOutcome extends SettleLook {
  readonly settled: boolean;
}

/**
 * Looks until a change is settled: in force on every host that can be reached, with nothing left to start, stop or
 * replace. Gives up when the time is over. A server that is away for a while, being restarted, is asked
 * again: the change is accepted, only its progress cannot be seen.
 */
export async function settle(
  api: { changeStatus(position: number): Promise<ChangeStatus> },
  { position, deadlineMs, clock, signal, onLook }: SettleOptions,
): Promise<SettleOutcome> {
  const started = clock.monotonic();
  let look: SettleLook = {};
  for (;;) {
    try {
      look = { status: await api.changeStatus(position) };
    } catch (error) {
      if (!toHeddleError(error).retryable) throw error;
      look = { ...look, problem: toHeddleError(error).message };
    }
    onLook(look);
    if (look.status?.settled && !look.problem) return { ...look, settled: true };
    const left = deadlineMs - (clock.monotonic() - started);
    if (left <= 0) return { ...look, settled: false };
    await clock.sleep(Math.min(LOOK_EVERY_MS, left), signal);
  }
}
