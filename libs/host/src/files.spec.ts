import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { FakeFiles } from './fake-files';
import type { Files } from './files';
import { SystemFiles } from './system-files';

interface Case {
  readonly files: Files;
  readonly root: string;
  readonly mode: (file: string) => Promise<number | undefined>;
}

const KINDS: ReadonlyArray<readonly [string, () => Promise<Case>]> = [
  [
    'SystemFiles',
    async () => ({
      files: new SystemFiles(),
      root: await mkdtemp(path.join(os.tmpdir(), 'heddle-files-')),
      mode: async (file) => (await stat(file)).mode & 0o777,
    }),
  ],
  [
    'FakeFiles',
    async () => {
      const files = new FakeFiles();
      return { files, root: '/state', mode: async (file) => files.mode(file) };
    },
  ],
];

describe.each(KINDS)('%s', (_name, make) => {
  let given: Case;

  beforeEach(async () => {
    given = await make();
  });

  afterEach(() => rm(given.root, { recursive: true, force: true }));

  it('gives back what was written, in folders that were not there', async () => {
    const { files, root } = given;
    const file = path.join(root, 'a/b/c.json');
    await files.writeAtomic(file, '{"n":1}');
    await files.writeAtomic(file, '{"n":2}');
    await expect(files.readText(file)).resolves.toBe('{"n":2}');
    await expect(files.readJson(file)).resolves.toEqual({ n: 2 });
    await expect(files.list(path.join(root, 'a/b'))).resolves.toEqual(['c.json']);
  });

  it('keeps files to their owner unless told otherwise', async () => {
    const { files, root, mode } = given;
    await files.writeAtomic(path.join(root, 'secret'), 'x');
    await files.writeAtomic(path.join(root, 'open'), 'x', { mode: 0o644 });
    await expect(mode(path.join(root, 'secret'))).resolves.toBe(0o600);
    await expect(mode(path.join(root, 'open'))).resolves.toBe(0o644);
  });

  it('has nothing where nothing is', async () => {
    const { files, root } = given;
    const absent = path.join(root, 'absent');
    await expect(files.readText(absent)).resolves.toBeUndefined();
    await expect(files.readJson(absent)).resolves.toBeUndefined();
    await expect(files.list(absent)).resolves.toEqual([]);
    await expect(files.exists(absent)).resolves.toBe(false);
    await expect(files.remove(absent)).resolves.toBeUndefined();
  });

  it('names the file that holds no JSON', async () => {
    const { files, root } = given;
    await files.writeAtomic(path.join(root, 'x.json'), '{"n":');
    await expect(files.readJson(path.join(root, 'x.json'))).rejects.toMatchObject({
      code: 'state',
      message: expect.stringMatching(/x\.json does not hold JSON/),
    });
  });

  it('makes and removes folders with all they hold', async () => {
    const { files, root } = given;
    await files.makeFolder(path.join(root, 'd/e'));
    await files.writeAtomic(path.join(root, 'd/f'), 'x');
    await expect(files.exists(path.join(root, 'd/e'))).resolves.toBe(true);
    await expect(files.list(path.join(root, 'd'))).resolves.toEqual(['e', 'f']);
    await files.remove(path.join(root, 'd'));
    await expect(files.exists(path.join(root, 'd/e'))).resolves.toBe(false);
    await expect(files.list(root)).resolves.toEqual([]);
  });
});

describe('SystemFiles.writeAtomic', () => {
  it('leaves the old content and nothing else when it fails', async () => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'heddle-files-'));
    try {
      const files = new SystemFiles();
      await files.makeFolder(path.join(root, 'taken'));
      await writeFile(path.join(root, 'taken/child'), 'old');
      await expect(files.writeAtomic(path.join(root, 'taken'), 'new')).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(files.list(root)).resolves.toEqual(['taken']);
      await expect(readFile(path.join(root, 'taken/child'), 'utf8')).resolves.toBe('old');
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
