import { together } from './together';

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

describe('together', () => {
  it('gives all results', async () => {
    await expect(together([async () => 1, async () => 2])).resolves.toEqual([1, 2]);
  });

  it('waits for the others after the first failure, and tells them', async () => {
    const ended: string[] = [];
    const work = together<void>([
      async (signal) => {
        await aborted(signal);
        ended.push('second');
        throw new Error('because of the first');
      },
      async () => {
        ended.push('first');
        throw new Error('first');
      },
    ]);
    await expect(work).rejects.toThrow('first');
    expect(ended).toEqual(['first', 'second']);
  });

  it('passes an abort from outside on', async () => {
    const abort = new AbortController();
    const work = together([async (signal) => aborted(signal).then(() => signal.throwIfAborted())], abort.signal);
    abort.abort(new Error('stop'));
    await expect(work).rejects.toThrow('stop');
  });
});
