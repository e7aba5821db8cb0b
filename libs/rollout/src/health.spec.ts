import fc from 'fast-check';
import { healthState, notStarted, type HealthEvent, type HealthState } from './health';

const CHECK = { failures: 3 };
const OK: HealthEvent = { type: 'probe', ok: true };
const FAILED: HealthEvent = { type: 'probe', ok: false, detail: 'connection refused' };

function run(config: { failures: number } | undefined, events: readonly HealthEvent[]): HealthState {
  return events.reduce((state, event, i) => healthState(config, state, event, i + 1), notStarted(0));
}

describe('healthState', () => {
  it('is healthy while it runs when there is no check', () => {
    expect(run(undefined, [{ type: 'started' }])).toEqual({
      running: true,
      healthy: true,
      consecutiveFailures: 0,
      since: 1,
    });
    expect(run(undefined, [{ type: 'started' }, FAILED]).healthy).toBe(true);
    expect(run(undefined, [{ type: 'started' }, { type: 'stopped' }])).toMatchObject({
      running: false,
      healthy: false,
      since: 2,
    });
  });

  it('is unhealthy from its start to the first success when there is a check', () => {
    expect(run(CHECK, [{ type: 'started' }])).toMatchObject({ healthy: false, reason: 'no check has succeeded yet' });
    expect(run(CHECK, [{ type: 'started' }, FAILED])).toMatchObject({ healthy: false, consecutiveFailures: 1 });
    expect(run(CHECK, [{ type: 'started' }, FAILED, OK])).toEqual({
      running: true,
      healthy: true,
      consecutiveFailures: 0,
      since: 3,
    });
  });

  it('becomes unhealthy after the given number of failures in a row, and healthy at one success', () => {
    const healthy: HealthEvent[] = [{ type: 'started' }, OK];
    expect(run(CHECK, [...healthy, FAILED, FAILED])).toMatchObject({ healthy: true, consecutiveFailures: 2, since: 2 });
    expect(run(CHECK, [...healthy, FAILED, FAILED, OK, FAILED, FAILED]).healthy).toBe(true);
    expect(run(CHECK, [...healthy, FAILED, FAILED, FAILED])).toEqual({
      running: true,
      healthy: false,
      consecutiveFailures: 3,
      since: 5,
      reason: 'the last 3 checks failed: connection refused',
    });
    expect(run(CHECK, [...healthy, FAILED, FAILED, FAILED, OK])).toMatchObject({ healthy: true, since: 6 });
    expect(run({ failures: 1 }, [...healthy, FAILED]).reason).toBe('the last check failed: connection refused');
  });

  it('ignores a result that arrives after the container stopped', () => {
    expect(run(CHECK, [{ type: 'started' }, OK, { type: 'stopped' }, OK]).healthy).toBe(false);
  });

  it('starts over with every start', () => {
    expect(run(CHECK, [{ type: 'started' }, OK, { type: 'stopped' }, { type: 'started' }]).healthy).toBe(false);
  });

  it('is healthy exactly when it runs, succeeded since its start and did not fail too often after', () => {
    const event = fc.constantFrom<HealthEvent>({ type: 'started' }, { type: 'stopped' }, OK, OK, FAILED, FAILED);
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 4 }),
        (events, failures) => {
          const state = run({ failures }, events);
          const start = events.findLastIndex((e) => e.type !== 'probe');
          const probes = events.slice(start + 1).filter((e) => e.type === 'probe');
          const failuresAtEnd = probes.length - 1 - probes.findLastIndex((p) => p.ok);
          // Failures in a row count at any time since the start, but a later success makes up for them.
          const healthy = events[start]?.type === 'started' && probes.some((p) => p.ok) && failuresAtEnd < failures;
          expect(state.healthy).toBe(healthy);
          expect(state.reason === undefined).toBe(state.healthy);
        },
      ),
    );
  });
});
