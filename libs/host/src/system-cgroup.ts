import { mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import { parseCgroupMounts, type Cgroup, type CgroupMounts } from './cgroup';
import { isErrno } from './errno';
import { readStat } from './process-identity';
import { waitFor } from './wait-for';

/** A cgroup of this machine. */
export class SystemCgroup implements Cgroup {
  constructor(
    private readonly mounts: CgroupMounts,
    readonly path: string,
  ) {
    if (!/^(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$/.test(path)) {
      throw new HeddleError(
        'invalid',
        `a cgroup path is like /heddle/demo, with names of A-Z a-z 0-9 _ . -, not "${path}"`,
      );
    }
  }

  /**
   * The cgroup at `path` in the hierarchies mounted on this machine.
   * @throws HeddleError `unavailable` when none are mounted
   */
  static async open(path: string): Promise<SystemCgroup> {
    const mounts = parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
    if (mounts === undefined) {
      throw new HeddleError(
        'unavailable',
        'no cgroup hierarchy is mounted here: mount cgroup2 on /sys/fs/cgroup, or the version 1 freezer and pids controllers',
        { retryable: false },
      );
    }
    return new SystemCgroup(mounts, path);
  }

  get procsFiles(): readonly string[] {
    return this.mounts.join.map((root) => path.join(root, this.path, 'cgroup.procs'));
  }

  child(name: string): SystemCgroup {
    return new SystemCgroup(this.mounts, `${this.path}/${name}`);
  }

  async create(): Promise<void> {
    await Promise.all(this.mounts.join.map((root) => mkdir(path.join(root, this.path), { recursive: true })));
  }

  async exists(): Promise<boolean> {
    const found = await Promise.all(this.folders().map((folder) => subfolders(folder)));
    return found.some((names) => names !== undefined);
  }

  async children(): Promise<string[]> {
    const found = await Promise.all(this.folders().map((folder) => subfolders(folder)));
    return [...new Set(found.flatMap((names) => names ?? []))].sort();
  }

  async pids(): Promise<number[]> {
    const lists = await Promise.all(this.folders().map((folder) => pidsBelow(folder)));
    return [...new Set(lists.flat())].sort((a, b) => a - b);
  }

  async killAll(deadlineMs: number): Promise<void> {
    let left: number[] = [];
    await waitFor(
      async () => {
        left = await this.pids();
        if (left.length === 0) return true;
        // Frozen processes start nothing new, so one round is exact; without a freezer the next rounds catch the rest.
        await this.freeze();
        try {
          (await this.pids()).forEach(kill);
        } finally {
          await this.thaw();
        }
        return false;
      },
      { deadlineMs, intervalMs: 5, what: () => `the processes in cgroup ${this.path} to end: ${left.join(', ')}` },
    );
  }

  async remove(): Promise<void> {
    for (const folder of this.folders()) await removeBelow(folder);
  }

  async removeIfEmpty(): Promise<void> {
    await Promise.all(this.folders().map((folder) => removed(folder)));
  }

  private folders(): string[] {
    return this.mounts.all.map((root) => path.join(root, this.path));
  }

  private async freeze(): Promise<void> {
    if (this.mounts.freezer) await setFreezer(path.join(this.mounts.freezer, this.path), 'FROZEN');
  }

  /** Thaws what is below as well: a paused container does not take its SIGKILL before. */
  private async thaw(): Promise<void> {
    if (this.mounts.freezer) await thawBelow(path.join(this.mounts.freezer, this.path));
  }
}

async function thawBelow(folder: string): Promise<void> {
  const names = await subfolders(folder);
  if (names === undefined) return;
  await setFreezer(folder, 'THAWED');
  for (const name of names) await thawBelow(path.join(folder, name));
}

async function setFreezer(folder: string, state: 'FROZEN' | 'THAWED'): Promise<void> {
  try {
    await writeFile(path.join(folder, 'freezer.state'), state);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENODEV')) throw error;
  }
}

/** Names of the folders in a folder; nothing when that is not there. */
async function subfolders(folder: string): Promise<string[] | undefined> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

async function pidsBelow(folder: string): Promise<number[]> {
  const names = await subfolders(folder);
  if (names === undefined) return [];
  const below = await Promise.all(names.map((name) => pidsBelow(path.join(folder, name))));
  return [...(await livingPids(path.join(folder, 'cgroup.procs'))), ...below.flat()];
}

async function livingPids(procsFile: string): Promise<number[]> {
  let text: string;
  try {
    text = await readFile(procsFile, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) return [];
    throw error;
  }
  // 0 stands for a process of a pid namespace that cannot be seen from here.
  const pids = text
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
  const stats = await Promise.all(pids.map((pid) => readStat(pid)));
  return pids.filter((_, i) => stats[i] !== undefined && stats[i].state !== 'Z' && stats[i].state !== 'X');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}

async function removeBelow(folder: string): Promise<void> {
  const names = await subfolders(folder);
  if (names === undefined) return;
  for (const name of names) await removeBelow(path.join(folder, name));
  await waitFor(() => removed(folder), {
    // The kernel counts a process as gone a moment after it can no longer be seen.
    deadlineMs: 2_000,
    intervalMs: 10,
    what: `cgroup ${folder} to be free`,
  }).catch((cause) => {
    throw new HeddleError('refused', `cgroup ${folder} cannot be removed: processes are still in it`, { cause });
  });
}

/** Whether a cgroup folder is gone after one attempt to remove it. */
async function removed(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return true;
    if (isErrno(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}
