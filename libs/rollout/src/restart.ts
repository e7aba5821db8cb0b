/** How long to wait before a container that ended is started again. All times in ms. */
export interface RestartPolicy {
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  /** A run of at least this, and of twice the last delay, was stable: the delay begins anew. */
  readonly stableMs: number;
}

export const RESTART_POLICY: RestartPolicy = { initialDelayMs: 1000, factor: 2, maxDelayMs: 60_000, stableMs: 60_000 };

/** What the host remembers of a container's restarts; plain JSON, kept in its journal. */
export interface RestartHistory {
  /** Restarts after the container ended by itself, since it was created. */
  readonly restarts: number;
  /** The delay before the last of them; 0 before the first and after a restart that was asked for. */
  readonly delayMs: number;
}

export const NO_RESTARTS: RestartHistory = { restarts: 0, delayMs: 0 };

/** A container that ended, or could not be started. */
export interface ExitEvent {
  /** When it was started, in ms since the epoch; absent when it could not be started. */
  readonly startedAt?: number;
  /** Any code: a service is to run, so an exit with 0 is no better than another. */
  readonly exitCode?: number;
  /** What else is known: "out of memory", "no such image heddle/demo". */
  readonly detail?: string;
  /** Somebody asked for the restart: it does not count, and it does not wait. */
  readonly requested?: boolean;
}

export interface RestartDecision {
  /** ms since the epoch. */
  readonly restartAt: number;
  readonly history: RestartHistory;
  /** For people. */
  readonly reason: string;
}

/**
 * Decides when a container is started again: after 1 s, 2 s, 4 s and so on to 60 s, from the beginning once it ran
 * stably. Without jitter: the containers of one host do not start by each other's clock, and the same events give the
 * same times.
 *
 * @param now when it ended, in ms since the epoch.
 */
export function restartAfterExit(
  history: RestartHistory,
  event: ExitEvent,
  now: number,
  policy: RestartPolicy = RESTART_POLICY,
): RestartDecision {
  if (event.requested) {
    return { restartAt: now, history: { ...history, delayMs: 0 }, reason: 'a restart was asked for; starting now' };
  }
  const ranMs = event.startedAt === undefined ? 0 : Math.max(0, now - event.startedAt);
  const stable = event.startedAt !== undefined && ranMs >= Math.max(policy.stableMs, 2 * history.delayMs);
  const delayMs =
    history.delayMs === 0 || stable
      ? policy.initialDelayMs
      : Math.min(policy.maxDelayMs, history.delayMs * policy.factor);
  const restarts = history.restarts + 1;
  return {
    restartAt: now + delayMs,
    history: { restarts, delayMs },
    reason: `${describe(event, ranMs)}; restart ${restarts} in ${seconds(delayMs)}`,
  };
}

function describe({ startedAt, exitCode, detail }: ExitEvent, ranMs: number): string {
  const because = detail === undefined ? '' : ` (${detail})`;
  if (startedAt === undefined) return `could not be started${because}`;
  const code = exitCode === undefined ? '' : ` with code ${exitCode}`;
  return `ended${code} after ${seconds(ranMs)}${because}`;
}

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
