import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { HeddleError } from '@heddle/model';

const run = promisify(execFile);
const PT_INTERP = 3;

/** Whether the bytes are an ELF program (64 bit, little endian) that needs no dynamic loader. */
export function isStaticElf(bytes: Buffer): boolean {
  const isElf64 = bytes.length >= 64 && bytes.readUInt32BE(0) === 0x7f454c46 && bytes[4] === 2 && bytes[5] === 1;
  if (!isElf64) return false;
  const [table, size, count] = [Number(bytes.readBigUInt64LE(32)), bytes.readUInt16LE(54), bytes.readUInt16LE(56)];
  if (table + size * count > bytes.length) return false;
  return Array.from({ length: count }, (_, i) => bytes.readUInt32LE(table + i * size)).every((t) => t !== PT_INTERP);
}

/** Absolute paths of the shared objects that a dynamic program loads, its loader included. Asks `ldd`. */
export async function sharedObjects(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program], { timeout: 10_000, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } });
  return parseLdd(program, stdout);
}

/** Reads the answer of ldd: `libc.so.6 => /lib/libc.so.6 (0x7f...)`, or the path of the loader alone. */
export function parseLdd(program: string, text: string): string[] {
  const missing = /^\s*(\S+) => not found$/m.exec(text);
  if (missing) throw new HeddleError('not-found', `${program} needs ${missing[1]}, which is not installed`);
  return [...text.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x[0-9a-f]+\)$/gm)].map((match) => match[1] ?? '').sort();
}
