import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FakeEngine } from '../fake-engine';
import { buildDemoImage, demoImageEntries } from './demo-image';
import { isStaticElf, parseLdd } from './elf';
import { imageTar } from './image-tar';

/** The smallest thing that counts as a static program: an ELF header with one program header that is no interpreter. */
function elf(programHeaderType: number): Buffer {
  const bytes = Buffer.alloc(64 + 56);
  bytes.writeUInt32BE(0x7f454c46, 0);
  bytes[4] = 2;
  bytes[5] = 1;
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(programHeaderType, 64);
  return bytes;
}

let dir: string;
let options: { busyboxPath: string; perlPath: string };
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'hd-img-'));
  options = { busyboxPath: path.join(dir, 'busybox'), perlPath: path.join(dir, 'no-perl') };
  await writeFile(options.busyboxPath, elf(1));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the demo image', () => {
  it('is built once, and again when its content changes', async () => {
    const engine = new FakeEngine();
    const first = await buildDemoImage(engine, { ...options, tag: 'heddle/test' });
    expect(first).toEqual({ id: expect.stringMatching(/^sha256:/), built: true });
    expect(await buildDemoImage(engine, { ...options, tag: 'heddle/test' })).toEqual({ id: first.id, built: false });
    await writeFile(options.busyboxPath, Buffer.concat([elf(1), Buffer.from('newer')]));
    const second = await buildDemoImage(engine, { ...options, tag: 'heddle/test' });
    expect([second.built, second.id === first.id]).toEqual([true, false]);
  });

  it('has the same bytes every time, and executable scripts', async () => {
    const [one, two] = [await demoImageEntries(options), await demoImageEntries(options)];
    expect(imageTar(one).equals(imageTar(two))).toBe(true);
    const modes = Object.fromEntries(one.map((e) => [e.path, e.type === 'file' ? e.mode.toString(8) : e.type]));
    expect(modes).toMatchObject({
      'bin/busybox': '755',
      'bin/sh': 'symlink',
      'demo/entrypoint': '755',
      'demo/www/cgi-bin/chain': '755',
      'demo/www/index.html': '644',
      tmp: 'directory',
    });
  });

  it('says what is wrong with busybox', async () => {
    await writeFile(options.busyboxPath, elf(3));
    await expect(demoImageEntries(options)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('is not a static program; install the package busybox-static'),
    });
    await rm(options.busyboxPath);
    await expect(demoImageEntries(options)).rejects.toThrow(`no busybox at ${options.busyboxPath}`);
    await expect(demoImageEntries({ ...options, contextDir: dir })).rejects.toThrow();
  });
});

describe('programs', () => {
  it('are static without an interpreter', () => {
    expect([isStaticElf(elf(1)), isStaticElf(elf(3))]).toEqual([true, false]);
    expect([isStaticElf(Buffer.from('#!/bin/sh')), isStaticElf(elf(1).subarray(0, 70))]).toEqual([false, false]);
  });

  it('name their libraries through ldd', () => {
    const text = `\tlinux-vdso.so.1 (0x00007f7e28248000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f7e27d20000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f7e2824a000)
`;
    expect(parseLdd('perl', text)).toEqual(['/lib/x86_64-linux-gnu/libm.so.6', '/lib64/ld-linux-x86-64.so.2']);
    expect(() => parseLdd('perl', '\tlibx.so.1 => not found\n')).toThrow('perl needs libx.so.1');
  });
});
