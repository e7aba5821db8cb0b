import { readdir, readFile } from 'node:fs/promises';
import { HeddleError } from '@heddle/model';

/** Clock ticks a second in /proc, on every architecture that Linux still has. */
const TICKS = 100;

/** Processor time of a process and its threads since it began, seconds. */
export async function processSeconds(pid: number): Promise<number> {
  return parseSeconds(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** Fields 14 and 15 of /proc/PID/stat (proc(5)): time in user and kernel mode. The name, in brackets, may hold any text. */
export function parseSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new HeddleError('internal', `found no processor time in "${stat}"`);
  return ticks / TICKS;
}

let threads: Promise<number[]> | undefined;

/** Processor time of the kernel's threads that process packets when it has to put that off. */
export async function kernelNetworkSeconds(): Promise<number> {
  threads ??= softIrqThreads();
  const each = await Promise.all((await threads).map(processSeconds));
  return each.reduce((sum, seconds) => sum + seconds, 0);
}

async function softIrqThreads(): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const names = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')));
  return pids.filter((_, i) => names[i]?.startsWith('ksoftirqd/'));
}
