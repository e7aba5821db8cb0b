import type { Health } from '@heddle/model';

/** The health of one container. */
export interface HealthState {
  readonly running: boolean;
  readonly healthy: boolean;
  /** Failed checks since the last success, or since the start. */
  readonly consecutiveFailures: number;
  /** When `healthy` took its value, in ms since the epoch. */
  readonly since: number;
  /** Why it is not healthy, as a sentence. */
  readonly reason?: string;
}

export type HealthEvent =
  | { readonly type: 'started' }
  | { readonly type: 'stopped' }
  /** The result of one check, with what went wrong. */
  | { readonly type: 'probe'; readonly ok: boolean; readonly detail?: string };

/** Before the first event. */
export const notStarted = (now: number): HealthState => ({
  running: false,
  healthy: false,
  consecutiveFailures: 0,
  since: now,
  reason: 'it has not started',
});

/**
 * The health after an event. Without a check a container is healthy while it runs. With one it is unhealthy from its start
 * to the first success, healthy at every success, and unhealthy after `failures` failed checks in a row. A result that
 * arrives after the container stopped changes nothing.
 */
export function healthState(
  config: Pick<Health, 'failures'> | undefined,
  state: HealthState,
  event: HealthEvent,
  now: number,
): HealthState {
  switch (event.type) {
    case 'started':
      return config
        ? next(
            state,
            { running: true, healthy: false, consecutiveFailures: 0, reason: 'no check has succeeded yet' },
            now,
          )
        : next(state, { running: true, healthy: true, consecutiveFailures: 0 }, now);
    case 'stopped':
      return next(state, { running: false, healthy: false, consecutiveFailures: 0, reason: 'it is not running' }, now);
    case 'probe': {
      if (!config || !state.running) return state;
      if (event.ok) return next(state, { running: true, healthy: true, consecutiveFailures: 0 }, now);
      const consecutiveFailures = state.consecutiveFailures + 1;
      const healthy = state.healthy && consecutiveFailures < config.failures;
      const times = consecutiveFailures === 1 ? 'the last check' : `the last ${consecutiveFailures} checks`;
      const reason = `${times} failed${event.detail === undefined ? '' : `: ${event.detail}`}`;
      return next(state, { running: true, healthy, consecutiveFailures, ...(healthy ? {} : { reason }) }, now);
    }
  }
}

/** `since` moves only when health changes. */
function next(state: HealthState, changed: Omit<HealthState, 'since'>, now: number): HealthState {
  return { ...changed, since: state.healthy === changed.healthy ? state.since : now };
}
