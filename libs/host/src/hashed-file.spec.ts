import fc from 'fast-check';
import { FakeFiles } from './fake-files';
import { HashedFile } from './hashed-file';

const FILE = '/state/journal';

function counter(json: unknown): { n: number } {
  if (typeof json !== 'object' || json === null || !('n' in json) || typeof json.n !== 'number') {
    throw new Error('n is not a number');
  }
  return { n: json.n };
}

describe('HashedFile', () => {
  it('has nothing before the first save, then what was saved', async () => {
    const file = new HashedFile(new FakeFiles(), FILE, counter);
    await expect(file.load()).resolves.toEqual({ state: 'absent' });
    await file.save({ n: 1 });
    await expect(file.load()).resolves.toEqual({ state: 'ok', value: { n: 1 } });
  });

  it('reports every change of a single byte, and every cut', async () => {
    const files = new FakeFiles();
    const file = new HashedFile(files, FILE, (json) => json);
    await file.save({ networks: ['ü', 'b'], pools: { p: '10.0.0.0/16' } });
    const text = (await files.readText(FILE)) ?? '';
    await fc.assert(
      fc.asyncProperty(
        fc.nat(text.length - 1),
        fc.boolean(),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        async (at, cut, other) => {
          const damaged = cut ? text.slice(0, at) : text.slice(0, at) + other + text.slice(at + 1);
          fc.pre(damaged !== text);
          await files.writeAtomic(FILE, damaged);
          expect((await file.load()).state).toBe('damaged');
        },
      ),
    );
  });

  it('reports a value of another form with the reason', async () => {
    const files = new FakeFiles();
    await new HashedFile<unknown>(files, FILE, (json) => json).save({ m: 1 });
    await expect(new HashedFile(files, FILE, counter).load()).resolves.toEqual({
      state: 'damaged',
      reason: `${FILE}: n is not a number`,
    });
  });

  it('joins saves that arrive while one is written, and the newest wins', async () => {
    const files = new FakeFiles();
    let writes = 0;
    const write = files.writeAtomic.bind(files);
    files.writeAtomic = async (...args) => {
      writes++;
      await new Promise((resolve) => setImmediate(resolve));
      return write(...args);
    };
    const file = new HashedFile(files, FILE, counter);
    await Promise.all([1, 2, 3, 4, 5].map((n) => file.save({ n })));
    expect(writes).toBe(2);
    await expect(file.load()).resolves.toEqual({ state: 'ok', value: { n: 5 } });
  });

  it('tells everyone whose value did not reach the disk, and can save again', async () => {
    const files = new FakeFiles();
    const file = new HashedFile(files, FILE, counter);
    files.writeError = new Error('disk full');
    const results = await Promise.allSettled([1, 2, 3].map((n) => file.save({ n })));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    files.writeError = undefined;
    await file.save({ n: 4 });
    await expect(file.load()).resolves.toEqual({ state: 'ok', value: { n: 4 } });
  });
});
