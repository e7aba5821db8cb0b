import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { imageTar, type TarEntry } from './image-tar';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'hd-tar-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const tar = (args: readonly string[], input: Buffer): string =>
  execFileSync('tar', args, {
    input,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });

const file = (at: string, text: string, mode = 0o644): TarEntry => ({
  path: at,
  type: 'file',
  content: Buffer.from(text),
  mode,
});

describe('imageTar', () => {
  it('is read by tar: owner, mode, time, links, missing parents', () => {
    const archive = imageTar([
      file('demo/run', '#!/bin/sh\n', 0o755),
      { path: 'bin/sh', type: 'symlink', target: 'busybox' },
      { path: 'tmp', type: 'directory', mode: 0o1777 },
    ]);
    expect(tar(['-tv', '--numeric-owner', '--full-time'], archive).split('\n')).toEqual([
      'drwxr-xr-x 0/0               0 1970-01-01 00:00:00 bin/',
      'lrwxrwxrwx 0/0               0 1970-01-01 00:00:00 bin/sh -> busybox',
      'drwxr-xr-x 0/0               0 1970-01-01 00:00:00 demo/',
      '-rwxr-xr-x 0/0              10 1970-01-01 00:00:00 demo/run',
      'drwxrwxrwt 0/0               0 1970-01-01 00:00:00 tmp/',
      '',
    ]);
  });

  it('is unpacked by tar to what went in', () => {
    const part = fc.stringMatching(/^[a-zA-Z0-9é_.-]{1,60}$/).filter((s) => s !== '.' && s !== '..');
    const paths = fc.uniqueArray(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      {
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(paths, fc.uint8Array({ maxLength: 1500 }), (all, bytes) => {
        // No path may be within another: it would be file and directory at once.
        const used = all.filter((p) => !all.some((other) => other !== p && other.startsWith(`${p}/`)));
        const entries = used.map((p, i): TarEntry =>
          i % 3 === 2
            ? { path: p, type: 'symlink', target: `t${i}` }
            : { path: p, type: 'file', content: Buffer.from(bytes.slice(i)), mode: 0o640 },
        );
        rmSync(dir, { recursive: true });
        dir = mkdtempSync(path.join(tmpdir(), 'hd-tar-'));
        tar(['-x', '-C', dir], imageTar(entries));
        for (const entry of entries) {
          const at = path.join(dir, entry.path);
          if (entry.type === 'symlink') expect(readlinkSync(at)).toBe(entry.target);
          else if (entry.type === 'file') expect(readFileSync(at).equals(entry.content)).toBe(true);
          if (entry.type === 'file') expect(lstatSync(at).mode & 0o777).toBe(0o640);
        }
        expect(imageTar([...entries].reverse()).equals(imageTar(entries))).toBe(true);
      }),
    );
  });

  it.each(['', '/a', 'a/', 'a//b', '../a', 'a/../b', './a', 'a\0b'])('refuses the path %j', (bad) => {
    expect(() => imageTar([file(bad, '')])).toThrow('allowed are relative paths');
  });

  it('refuses what a tar cannot hold', () => {
    expect(() => imageTar([file('a', ''), file('a', '')])).toThrow('is there twice');
    expect(() => imageTar([file('a', ''), file('a/b', '')])).toThrow('is within a file');
    expect(() => imageTar([file('x'.repeat(101), '')])).toThrow('too long');
    expect(() => imageTar([{ path: 'l', type: 'symlink', target: 'x'.repeat(101) }])).toThrow('longer than the 100');
    const long = `${'d'.repeat(90)}/${'e'.repeat(60)}/${'n'.repeat(100)}`;
    expect(tar(['-t'], imageTar([file(long, 'x')]))).toContain(long);
  });
});
