import { access, mkdir, readdir, readFile, realpath, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HeddleError } from '@heddle/model';

const ROOT = '/sys/fs/cgroup';
/** Version 1 has a hierarchy a controller; one of these is enough to know which processes are ours. */
const TRACKING = ['freezer', 'pids', 'systemd'];

/**
 * A cgroup as a list of processes that cannot be left by forking: whatever was started in it, and whatever that started,
 * can be ended exactly. Versions 1 and 2.
 */
export class Cgroup {
  private constructor(
    /** Path below the root, the same in every hierarchy, with a leading slash. */
    readonly path: string,
    private readonly version: 1 | 2,
    /** Where its processes are tracked. */
    private readonly dir: string,
  ) {}

  /** The cgroup of that name at the root, whether it exists or not. The prefix keeps clear of everybody else's. */
  static async at(name: string): Promise<Cgroup> {
    if (!/^heddle[a-zA-Z0-9_.-]{1,100}$/.test(name)) {
      throw new HeddleError(
        'invalid',
        `found the cgroup name ${JSON.stringify(name)}; allowed are "heddle" and letters, digits, "_.-"`,
      );
    }
    if (await exists(path.join(ROOT, 'cgroup.controllers'))) return new Cgroup(`/${name}`, 2, path.join(ROOT, name));
    for (const controller of TRACKING) {
      if (await exists(path.join(ROOT, controller, 'cgroup.procs'))) {
        return new Cgroup(`/${name}`, 1, path.join(ROOT, controller, name));
      }
    }
    throw new HeddleError('unavailable', `no cgroup hierarchy is mounted at ${ROOT}; mount one`);
  }

  /** Makes the cgroup, with the child `engine` for processes started by {@link enterArgv}. */
  async create(): Promise<void> {
    await mkdir(path.join(this.dir, 'engine'), { recursive: true });
  }

  /** Cgroup for the engine's containers. Version 2 allows processes in leaves only, so it is not that of the engine. */
  get containers(): string {
    return `${this.path}/containers`;
  }

  /** The same command, begun inside the cgroup: it is a member before its first instruction. */
  enterArgv(argv: readonly string[]): string[] {
    return [
      'sh',
      '-c',
      'echo $$ >"$1" && shift && exec "$@"',
      'sh',
      path.join(this.dir, 'engine', 'cgroup.procs'),
      ...argv,
    ];
  }

  /** Every process in it and below. */
  async pids(): Promise<number[]> {
    const found: number[] = [];
    for (const dir of await tree(this.dir)) {
      const text = await ifPresent(readFile(path.join(dir, 'cgroup.procs'), 'utf8'));
      // A process of an outer pid namespace is listed as 0, which kill() would take for ourselves.
      found.push(
        ...(text ?? '')
          .split('\n')
          .map(Number)
          .filter((pid) => pid > 0),
      );
    }
    return found;
  }

  /** Kills until nothing is left, against forks; then removes the cgroup from every hierarchy. */
  async destroy(timeoutMs = 10_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (let pids = await this.pids(); pids.length > 0; pids = await this.pids()) {
      if (Date.now() > deadline) {
        throw new HeddleError(
          'deadline',
          `processes ${pids.join(', ')} of ${this.path} did not die within ${timeoutMs} ms`,
        );
      }
      if (this.version === 2) await ifPresent(writeFile(path.join(this.dir, 'cgroup.kill'), '1'));
      else pids.forEach(kill);
      await delay(10);
    }
    for (const hierarchy of await this.hierarchies()) {
      // Deepest first; the kernel may need a moment to let go of a cgroup whose last process just died.
      for (const dir of (await tree(path.join(hierarchy, this.path))).reverse()) await removeDir(dir, deadline);
    }
  }

  private async hierarchies(): Promise<string[]> {
    if (this.version === 2) return [ROOT];
    const names = await readdir(ROOT);
    // `cpu` and `cpuacct` may be links to one hierarchy.
    return [...new Set(await Promise.all(names.map((name) => realpath(path.join(ROOT, name)))))];
  }
}

/** The directory and all below it, parents first; empty if it does not exist. */
async function tree(dir: string): Promise<string[]> {
  const entries = await ifPresent(readdir(dir, { withFileTypes: true }));
  if (!entries) return [];
  const below = await Promise.all(entries.filter((e) => e.isDirectory()).map((e) => tree(path.join(dir, e.name))));
  return [dir, ...below.flat()];
}

async function removeDir(dir: string, deadline: number): Promise<void> {
  for (;;) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || Date.now() > deadline) throw error;
      await delay(10);
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** The result, or undefined when the file or cgroup went away meanwhile. */
async function ifPresent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
