import { FakeClock } from './fake-clock';
import { waitFor } from './wait-for';

describe('waitFor', () => {
  it('returns what the condition gives once it is truthy', async () => {
    const clock = new FakeClock();
    let looks = 0;
    const found = waitFor(() => (++looks === 3 ? 'it' : undefined), {
      deadlineMs: 1_000,
      intervalMs: 10,
      what: 'it',
      clock,
    });
    await clock.advance(25);
    await expect(found).resolves.toBe('it');
    expect(looks).toBe(3);
  });

  it('says at the deadline what was waited for and what was last seen', async () => {
    const clock = new FakeClock();
    let seen = 0;
    const found = waitFor(() => ++seen > 100, {
      deadlineMs: 50,
      intervalMs: 20,
      what: () => `100, saw ${seen}`,
      clock,
    });
    const failed = expect(found).rejects.toMatchObject({
      code: 'deadline',
      message: 'gave up waiting for 100, saw 4 after 50 ms',
    });
    await clock.advance(50);
    await failed;
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends at once with what the condition throws', async () => {
    const hopeless = (): boolean => {
      throw new Error('it died');
    };
    await expect(waitFor(hopeless, { deadlineMs: 60_000, what: 'it' })).rejects.toThrow('it died');
  });

  it('ends with the reason of the signal', async () => {
    const abort = new AbortController();
    const found = waitFor(() => false, { deadlineMs: 60_000, what: 'it', signal: abort.signal });
    abort.abort(new Error('not wanted any more'));
    await expect(found).rejects.toThrow('not wanted any more');
  });
});
