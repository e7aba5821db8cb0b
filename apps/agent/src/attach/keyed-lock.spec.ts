import { KeyedLock } from './keyed-lock';

describe('KeyedLock', () => {
  it('does one thing at a time for a key, in order, also after a failure, and others meanwhile', async () => {
    const lock = new KeyedLock();
    const done: string[] = [];
    let release: () => void = () => undefined;
    const first = lock.run('a', () => new Promise<void>((resolve) => (release = resolve)));
    const second = lock.run('a', async () => {
      done.push('second');
      throw new Error('no');
    });
    const third = lock.run('a', async () => done.push('third'));
    await lock.run('b', async () => done.push('other'));
    expect(done).toEqual(['other']);
    release();
    await first;
    await expect(second).rejects.toThrow('no');
    await third;
    expect(done).toEqual(['other', 'second', 'third']);
  });
});
