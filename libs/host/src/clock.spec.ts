import { systemClock } from './clock';
import { FakeClock } from './fake-clock';

describe('systemClock', () => {
  it('sleeps at least as long as asked, by the monotonic clock', async () => {
    const started = systemClock.monotonic();
    await systemClock.sleep(20);
    expect(systemClock.monotonic() - started).toBeGreaterThanOrEqual(19);
  });

  it('ends a sleep with the reason of the signal', async () => {
    const abort = new AbortController();
    const asleep = systemClock.sleep(60_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(asleep).rejects.toThrow('enough');
    await expect(systemClock.sleep(60_000, abort.signal)).rejects.toThrow('enough');
  });

  it('does not call what was cancelled', async () => {
    const called: string[] = [];
    systemClock.after(5, () => called.push('after')).cancel();
    const timer = systemClock.every(1, () => called.push('every'));
    await systemClock.sleep(15);
    timer.cancel();
    const before = called.length;
    expect(before).toBeGreaterThan(0);
    await systemClock.sleep(10);
    expect(called).toEqual(Array<string>(before).fill('every'));
  });
});

describe('FakeClock', () => {
  it('fires what falls due in order of time, carrying loops that sleep again along', async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        seen.push(`loop@${clock.monotonic()}`);
      }
    };
    void loop();
    clock.after(15, () => seen.push(`after@${clock.monotonic()}`));
    const timer = clock.every(12, () => seen.push(`every@${clock.monotonic()}`));
    await clock.advance(31);
    expect(seen).toEqual(['loop@10', 'every@12', 'after@15', 'loop@20', 'every@24', 'loop@30']);
    timer.cancel();
    expect(clock.pendingTimers).toBe(0);
  });

  it('moves both clocks together, and the wall clock alone when it is set', async () => {
    const clock = new FakeClock(1_000);
    await clock.advance(500);
    expect([clock.now(), clock.monotonic()]).toEqual([1_500, 500]);
    clock.setWall(9_000);
    await clock.advance(1);
    expect([clock.now(), clock.monotonic()]).toEqual([9_001, 501]);
  });

  it('drops the timer of a sleep that was aborted', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const asleep = clock.sleep(10, abort.signal);
    abort.abort(new Error('stop'));
    await expect(asleep).rejects.toThrow('stop');
    expect(clock.pendingTimers).toBe(0);
  });
});
