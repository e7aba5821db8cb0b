import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Where the set-up of the tests puts the kernel (deploy/setup/kernel.mjs). */
const FOLDER = '/var/cache/heddle/guest-kernel';
const EMULATOR = '/usr/bin/qemu-system-x86_64';
const BUSYBOX = '/usr/bin/busybox';

/** What virtual machines are made of. */
export interface MachineParts {
  readonly emulator: string;
  /** File of the kernel's image. */
  readonly kernel: string;
  /** Files of its drivers, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** File of a busybox that needs no other file. */
  readonly busybox: string;
}

/** What virtual machines are made of here, or in words what is missing. */
export function machineParts(): MachineParts | { readonly missing: string } {
  const manifest = path.join(FOLDER, 'kernel.json');
  const absent = [EMULATOR, BUSYBOX, manifest].filter((file) => !existsSync(file));
  if (absent.length > 0) return { missing: `${absent.join(', ')} not found; the set-up of "npm test" brings them` };
  const { image, modules } = JSON.parse(readFileSync(manifest, 'utf8')) as { image: string; modules: string[] };
  return {
    emulator: EMULATOR,
    busybox: BUSYBOX,
    kernel: path.join(FOLDER, image),
    modules: modules.map((name) => path.join(FOLDER, name)),
  };
}

/**
 * Where the tests boot virtual machines, which needs root; a machine that cannot is told in the name of what is skipped.
 */
export function describeMachines(name: string, tests: () => void): void {
  const parts = machineParts();
  const why = process.getuid?.() !== 0 ? 'this needs root' : 'missing' in parts ? parts.missing : undefined;
  if (why === undefined) describe(name, tests);
  else describe.skip(`${name} (skipped: ${why})`, tests);
}
