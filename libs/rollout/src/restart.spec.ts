import fc from 'fast-check';
import { NO_RESTARTS, RESTART_POLICY, restartAfterExit, type RestartHistory } from './restart';

/** The delays of a container that ends after running for each of these times. */
function delaysOf(runs: readonly number[]): number[] {
  let history: RestartHistory = NO_RESTARTS;
  let now = 1_000_000;
  return runs.map((ran) => {
    const startedAt = now;
    now += ran;
    const decision = restartAfterExit(history, { startedAt, exitCode: 1 }, now);
    history = decision.history;
    const delay = decision.restartAt - now;
    now = decision.restartAt;
    return delay;
  });
}

describe('restartAfterExit', () => {
  it('doubles the delay from one second to one minute', () => {
    expect(delaysOf(Array(8).fill(0))).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('begins anew after a stable run: a minute, or twice the last delay', () => {
    expect(delaysOf([0, 0, 60_000, 0])).toEqual([1000, 2000, 1000, 2000]);
    expect(delaysOf([0, 0, 59_999])).toEqual([1000, 2000, 4000]);
    const long = Array(7).fill(0) as number[];
    expect(delaysOf([...long, 119_999]).at(-1)).toBe(60_000);
    expect(delaysOf([...long, 120_000]).at(-1)).toBe(1000);
  });

  it('does not ask for the exit code: a service that ends has failed', () => {
    const at = (exitCode: number) => restartAfterExit(NO_RESTARTS, { startedAt: 0, exitCode }, 500).restartAt;
    expect(at(0)).toBe(at(137));
  });

  it('does not count or delay a restart that was asked for, and forgets the delay', () => {
    const decision = restartAfterExit({ restarts: 4, delayMs: 8000 }, { startedAt: 0, requested: true }, 500);
    expect(decision).toEqual({
      restartAt: 500,
      history: { restarts: 4, delayMs: 0 },
      reason: 'a restart was asked for; starting now',
    });
  });

  it('treats a container that could not be started like one that ended at once', () => {
    const decision = restartAfterExit({ restarts: 1, delayMs: 1000 }, { detail: 'no such image heddle/demo' }, 100);
    expect(decision.restartAt).toBe(2100);
    expect(decision.reason).toBe('could not be started (no such image heddle/demo); restart 2 in 2 s');
  });

  it('says what happened', () => {
    const event = { startedAt: 0, exitCode: 137, detail: 'out of memory' };
    expect(restartAfterExit(NO_RESTARTS, event, 3210).reason).toBe(
      'ended with code 137 after 3.2 s (out of memory); restart 1 in 1 s',
    );
  });

  it('takes a clock that was set back for a short run', () => {
    expect(restartAfterExit({ restarts: 1, delayMs: 1000 }, { startedAt: 1e9 }, 0).restartAt).toBe(2000);
  });

  it('never waits longer than the policy says, nor starts in the past, and counts every end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 200_000 }), { maxLength: 30, size: 'max' }), (runs) => {
        for (const delay of delaysOf(runs)) {
          expect(delay).toBeGreaterThanOrEqual(RESTART_POLICY.initialDelayMs);
          expect(delay).toBeLessThanOrEqual(RESTART_POLICY.maxDelayMs);
        }
      }),
    );
  });
});
