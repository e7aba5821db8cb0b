import type { Clock } from '@heddle/host';
import { toHeddleError, UnreachableError } from '../errors';
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

/** Whether a change is in force on every host, and nothing is left to start, stop or replace. */
export const isSettled = (status: ChangeStatus): boolean => status.settled && status.policy.missing.length === 0;

/**
 * Looks until a change is settled, or the time is over. A server that is away for a while, being restarted, is asked
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
      if (!canPass(error)) throw error;
      look = { ...look, problem: toHeddleError(error).message };
    }
    onLook(look);
    if (look.status && !look.problem && isSettled(look.status)) return { ...look, settled: true };
    const left = deadlineMs - (clock.monotonic() - started);
    if (left <= 0) return { ...look, settled: false };
    await clock.sleep(Math.min(LOOK_EVERY_MS, left), signal);
  }
}

function canPass(error: unknown): boolean {
  return error instanceof UnreachableError || ['unavailable', 'deadline'].includes(toHeddleError(error).code);
}
