import { FakeClock } from '@heddle/host';
import { HeddleError, type AdmitResult, type LoggedChange } from '@heddle/model';
import type { RpcClient } from '@heddle/service';
import type { Planner } from '../plan/planner';
import { DesiredState, type DesiredView } from '../state/desired-state';
import { ChangeGate } from './change-gate';
import type { Coordinator } from './coordinator';

const REQUEST = { verb: 'apply', puts: [], deletes: [] };
const CALLER = { principal: 'admin', requestId: 'r1' };
const CHANGE = { changeId: 'c', objects: [], position: 5 } as unknown as LoggedChange;

describe('ChangeGate, when the log cannot be read after a change was accepted', () => {
  let clock: FakeClock;
  let desired: DesiredState;
  let asked: number;

  const at = (position: number): DesiredView => ({ entries: new Map(), position, waitFor: async () => undefined });

  /** What became of a request to which the coordinator answers so. */
  function admit(answer: () => AdmitResult): { outcome: unknown } {
    const coordinator = {
      leads: true,
      admit: async () => {
        asked++;
        return answer();
      },
    } as unknown as Coordinator;
    const gate = new ChangeGate(coordinator, desired, {} as Planner, {} as RpcClient, clock);
    const seen: { outcome: unknown } = { outcome: undefined };
    gate.admit(REQUEST, CALLER).then(
      (result) => (seen.outcome = result),
      (error: unknown) => (seen.outcome = error),
    );
    return seen;
  }

  beforeEach(() => {
    clock = new FakeClock();
    desired = new DesiredState();
    asked = 0;
  });

  it('never says that nothing was changed', async () => {
    const seen = admit(() => ({ position: 5, change: CHANGE }));
    await clock.advance(60_000);
    expect(seen.outcome).toMatchObject({
      code: 'deadline',
      message: expect.stringContaining('accepted at position 5, but this gateway does not show it yet'),
    });
    expect(asked).toBe(1);
  });

  it('answers as soon as it can be read again, without asking for the change once more', async () => {
    const seen = admit(() => ({ position: 5, change: CHANGE }));
    await clock.advance(1_000);
    expect(seen.outcome).toBeUndefined();
    desired.show(at(5));
    await clock.advance(1_000);
    expect(seen.outcome).toEqual({ position: 5, change: CHANGE });
    expect(asked).toBe(1);
  });

  it('says that nothing was changed when nothing had to change, or nobody coordinated', async () => {
    const unchanged = admit(() => ({ position: 5 }));
    const nobody = admit(() => {
      throw new HeddleError('unavailable', 'nobody coordinates');
    });
    await clock.advance(60_000);
    expect([unchanged.outcome, nobody.outcome]).toMatchObject([{ code: 'unavailable' }, { code: 'unavailable' }]);
  });
});
