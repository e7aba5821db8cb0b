import { FakeClock } from '@heddle/host';
import { Pushed } from './pushed';

/** The other side: takes values when it is told to. */
class Receiver {
  readonly got: number[] = [];
  private readonly pending: { resolve: () => void; reject: (error: Error) => void }[] = [];

  readonly send = (value: number): Promise<void> => {
    this.got.push(value);
    return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
  };

  async answer(error?: Error): Promise<void> {
    const next = this.pending.shift();
    if (error) next?.reject(error);
    else next?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }

  get underWay(): number {
    return this.pending.length;
  }
}

describe('Pushed', () => {
  const setUp = () => {
    const receiver = new Receiver();
    const clock = new FakeClock();
    const arrived: number[] = [];
    const failed: unknown[] = [];
    const pushed = new Pushed<number>({
      send: receiver.send,
      onArrived: (value) => arrived.push(value),
      onFailed: (error) => failed.push(error),
      clock,
    });
    return { receiver, clock, arrived, failed, pushed };
  };

  it('has one value under way at a time, and sends the newest next', async () => {
    const { receiver, pushed, arrived } = setUp();
    for (const value of [1, 2, 3]) pushed.set(value);
    expect(receiver.got).toEqual([1]);
    await receiver.answer();
    expect(receiver.got).toEqual([1, 3]);
    await receiver.answer();
    expect([receiver.underWay, arrived]).toEqual([0, [1, 3]]);
  });

  it('resolves when the value or a newer one has arrived, not before', async () => {
    const { receiver, pushed } = setUp();
    pushed.set(1);
    let done = 0;
    const second = pushed.arrived(2).then(() => done++);
    const third = pushed.arrived(3).then(() => done++);
    await receiver.answer();
    expect(done).toBe(0);
    await receiver.answer();
    await Promise.all([second, third]);
    expect(receiver.got).toEqual([1, 3]);
  });

  it('reports a failure, rejects who waits, and sends again after a pause', async () => {
    const { receiver, pushed, clock, failed } = setUp();
    const waiting = expect(pushed.arrived(1)).rejects.toThrow('full');
    await receiver.answer(new Error('full'));
    await waiting;
    expect(failed).toHaveLength(1);
    await clock.advance(999);
    expect(receiver.got).toEqual([1]);
    await clock.advance(1);
    expect(receiver.got).toEqual([1, 1]);
  });

  it('sends again to another receiver, at once and once', async () => {
    const { receiver, pushed, clock } = setUp();
    pushed.again();
    expect(receiver.got).toEqual([]);
    pushed.set(1);
    await receiver.answer(new Error('gone'));
    pushed.again();
    expect(receiver.got).toEqual([1, 1]);
    await receiver.answer();
    await clock.advance(5_000);
    expect(receiver.got).toEqual([1, 1]);
  });

  it('leaves nothing behind when it is closed', async () => {
    const { receiver, pushed, clock } = setUp();
    pushed.set(1);
    await receiver.answer(new Error('gone'));
    pushed.close();
    expect(clock.pendingTimers).toBe(0);
    pushed.set(2);
    expect(receiver.got).toEqual([1]);
  });
});
