import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cpioArchive, type CpioEntry } from './cpio';
import type { MachineParts } from './kernel';

const INIT = path.join(__dirname, 'init.sh');

/**
 * The first and only root file system of a virtual machine: busybox, drivers, and the script that the kernel starts. It is
 * the same for all; what differs is on the kernel's command line.
 */
export async function buildInitramfs({ busybox, modules }: Pick<MachineParts, 'busybox' | 'modules'>): Promise<Buffer> {
  const names = modules.map((file) => path.basename(file));
  const drivers = await Promise.all(
    modules.map(async (file, i): Promise<CpioEntry> => {
      return { path: `modules/${names[i]}`, type: 'file', content: await readFile(file) };
    }),
  );
  return cpioArchive([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map((folder): CpioEntry => ({ path: folder, type: 'folder' })),
    { path: 'init', type: 'file', content: await readFile(INIT), executable: true },
    { path: 'bin/busybox', type: 'file', content: await readFile(busybox), executable: true },
    { path: 'modules/order', type: 'file', content: Buffer.from(`${names.join('\n')}\n`) },
    ...drivers,
  ]);
}
