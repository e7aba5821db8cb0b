import { KeyedQueue } from './keyed-queue';
import { Slots } from './slots';

/** Work that goes on until it is released. */
class Work {
  readonly log: string[] = [];
  private readonly held = new Map<string, () => void>();

  readonly run = (key: string): Promise<void> => {
    this.log.push(`+${key}`);
    return new Promise((resolve) =>
      this.held.set(key, () => {
        this.log.push(`-${key}`);
        resolve();
      }),
    );
  };

  async release(key: string): Promise<void> {
    const end = this.held.get(key);
    this.held.delete(key);
    end?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('KeyedQueue', () => {
  it('works on one thing at a time for a key, and once more however often it was asked meanwhile', async () => {
    const work = new Work();
    const queue = new KeyedQueue(4, work.run);
    for (let i = 0; i < 5; i++) queue.request('a');
    await work.release('a');
    expect(work.log).toEqual(['+a', '-a', '+a']);
    await work.release('a');
    await queue.idle();
    expect(work.log).toEqual(['+a', '-a', '+a', '-a']);
  });

  it('works on as many keys as its width, in order, each once', async () => {
    const work = new Work();
    const queue = new KeyedQueue(2, work.run);
    for (const key of ['a', 'b', 'c', 'd', 'c']) queue.request(key);
    expect(work.log).toEqual(['+a', '+b']);
    await work.release('b');
    await work.release('a');
    expect(work.log).toEqual(['+a', '+b', '-b', '+c', '-a', '+d']);
    for (const key of ['c', 'd']) await work.release(key);
    await queue.idle();
  });

  it('finishes what runs when it is stopped, and takes nothing more', async () => {
    const work = new Work();
    const queue = new KeyedQueue(1, work.run);
    for (const key of ['a', 'b', 'a']) queue.request(key);
    queue.stop();
    queue.request('c');
    await work.release('a');
    await queue.idle();
    expect(work.log).toEqual(['+a', '-a']);
  });
});

describe('Slots', () => {
  it('lets as many run as there are, the others in order, also after a failure', async () => {
    const work = new Work();
    const slots = new Slots(2);
    const results = ['a', 'b', 'c', 'd'].map((key) =>
      slots.run(async () => {
        await work.run(key);
        if (key === 'a') throw new Error('failed');
        return key;
      }),
    );
    const failed = expect(results[0]).rejects.toThrow('failed');
    await work.release('a');
    await failed;
    await work.release('b');
    expect(work.log).toEqual(['+a', '+b', '-a', '+c', '-b', '+d']);
    await work.release('c');
    await work.release('d');
    expect(await Promise.all(results.slice(1))).toEqual(['b', 'c', 'd']);
  });
});
