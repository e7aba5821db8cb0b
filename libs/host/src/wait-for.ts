import { HeddleError } from '@heddle/model';
import { systemClock, type Clock } from './clock';

export interface WaitOptions {
  /** Milliseconds until the wait is given up. */
  readonly deadlineMs: number;
  /** Milliseconds between two looks. Default 20. */
  readonly intervalMs?: number;
  /** What is waited for, as the end of "gave up waiting for ..."; a function is asked at the end and can say what was last seen. */
  readonly what: string | (() => string);
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Looks again and again until `condition` gives something truthy, and returns that. What it throws ends the wait at once:
 * it means that waiting on is of no use.
 * @throws HeddleError `deadline` when the time is over; the signal's reason when that aborts
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, undefined | null | false | 0 | ''>> {
  const { deadlineMs, intervalMs = 20, what, clock = systemClock, signal } = options;
  const started = clock.monotonic();
  for (;;) {
    signal?.throwIfAborted();
    const value = await condition();
    if (value) return value as Exclude<T, undefined | null | false | 0 | ''>;
    const left = deadlineMs - (clock.monotonic() - started);
    if (left <= 0) {
      throw new HeddleError(
        'deadline',
        `gave up waiting for ${typeof what === 'string' ? what : what()} after ${deadlineMs} ms`,
      );
    }
    await clock.sleep(Math.min(intervalMs, left), signal);
  }
}
