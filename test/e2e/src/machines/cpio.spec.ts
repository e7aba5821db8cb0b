import { mkdtemp, lstat, readFile, readlink, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { SystemProcesses } from '@heddle/host';
import { cpioArchive, type CpioEntry } from './cpio';

describe('an archive', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'cpio-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** Unpacks with a program that is not ours. */
  async function unpack(entries: readonly CpioEntry[]): Promise<void> {
    await new SystemProcesses().run(['busybox', 'cpio', '-i'], { cwd: folder, input: cpioArchive(entries) });
  }

  it('gives back files of every length, what is executable, folders and links', async () => {
    const lengths = [0, 1, 2, 3, 4, 5, 4096, 70_001];
    const content = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * 7) % 256));
    await unpack([
      { path: 'bin', type: 'folder' },
      { path: 'bin/run', type: 'file', content: Buffer.from('#!/bin/sh\n'), executable: true },
      { path: 'bin/alias', type: 'link', target: 'run' },
      ...lengths.map((length): CpioEntry => ({ path: `f${length}`, type: 'file', content: content(length) })),
    ]);
    for (const length of lengths) expect(await readFile(path.join(folder, `f${length}`))).toEqual(content(length));
    const mode = async (name: string): Promise<string> => (await lstat(path.join(folder, name))).mode.toString(8);
    expect([await mode('bin'), await mode('bin/run'), await mode('f0')]).toEqual(['40755', '100755', '100644']);
    expect(await readlink(path.join(folder, 'bin/alias'))).toBe('run');
  });

  it('is the same for the same entries', () => {
    const entries: CpioEntry[] = [{ path: 'a', type: 'file', content: Buffer.from('x') }];
    expect(cpioArchive(entries)).toEqual(cpioArchive(entries));
  });
});
