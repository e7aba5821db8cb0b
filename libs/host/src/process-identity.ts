import { readFile } from 'node:fs/promises';
import { isErrno } from './errno';

/**
 * One particular process, not whatever holds its number today: a pid is given again, a pid with the time it started is
 * not, and the boot id tells a record from before a reboot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process: field 22 of /proc/PID/stat. */
  readonly startTime: number;
  /** /proc/sys/kernel/random/boot_id */
  readonly bootId: string;
}

/** What /proc/PID/stat says of a process, as far as it is needed here. */
export interface ProcessStat {
  /** `R`, `S`, `D`, `T`, `Z` ...; see proc(5). */
  readonly state: string;
  readonly parent: number;
  readonly startTime: number;
}

/** Reads the text of a /proc/PID/stat file. The command's name is in brackets and may itself hold spaces and brackets. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  const [state, parent] = fields;
  const startTime = Number(fields[19]);
  if (state === undefined || !/^[A-Za-z]$/.test(state) || !Number.isSafeInteger(startTime)) return undefined;
  return { state, parent: Number(parent), startTime };
}

let bootId: Promise<string> | undefined;

/** The id the kernel chose for this boot. */
export function readBootId(): Promise<string> {
  bootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim());
  return bootId;
}

/** The stat record of a process, or nothing when there is no such process. */
export async function readStat(pid: number): Promise<ProcessStat | undefined> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    // ESRCH: the process went away between open and read.
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

/** The identity of the process that has this pid now; nothing when there is none, or only its zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readStat(pid);
  return stat === undefined || isGone(stat.state)
    ? undefined
    : { pid, startTime: stat.startTime, bootId: await readBootId() };
}

/** Whether exactly this process still runs. A zombie does not: it holds nothing any more but its number. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  if (identity.bootId !== (await readBootId())) return false;
  const stat = await readStat(identity.pid);
  return stat !== undefined && !isGone(stat.state) && stat.startTime === identity.startTime;
}

/** Whether two records mean the same process. */
export function sameProcess(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId;
}

function isGone(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}
