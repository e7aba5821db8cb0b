import { readFile } from 'node:fs/promises';
import { HeddleError } from '@heddle/model';

/** Memory of one process, megabytes (10^6 bytes). */
export interface ProcessMemory {
  /** Resident: all pages that are in memory, shared ones too. */
  readonly rss: number;
  /** Proportional: a page shared by n processes counts for 1/n. */
  readonly pss: number;
}

/** Reads what the kernel adds up over all mappings of a process. */
export async function processMemory(pid: number): Promise<ProcessMemory> {
  return parseSmapsRollup(await readFile(`/proc/${pid}/smaps_rollup`, 'utf8'));
}

/** The text of /proc/PID/smaps_rollup (proc(5)); its kB are 1024 bytes. */
export function parseSmapsRollup(text: string): ProcessMemory {
  const megabytes = (key: string): number => {
    const kibibytes = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    if (kibibytes === undefined) throw new HeddleError('internal', `there is no ${key} in: ${text.slice(0, 200)}`);
    return (Number(kibibytes) * 1_024) / 1e6;
  };
  return { rss: megabytes('Rss'), pss: megabytes('Pss') };
}

/** Processes started by one, directly. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
