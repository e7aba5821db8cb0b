/** A cgroup, the same one in every hierarchy that the machine mounts (one in version 2, one a controller in version 1). */
export interface Cgroup {
  /** Path below the roots of the hierarchies: `/heddle/demo`. */
  readonly path: string;
  /** The `cgroup.procs` files by which a process joins: those of the hierarchies that are used to find processes again. */
  readonly procsFiles: readonly string[];
  /** Makes the cgroup where processes join it. Harmless when it is there. */
  create(): Promise<void>;
  exists(): Promise<boolean>;
  /** The cgroup below this one by that name. */
  child(name: string): Cgroup;
  /** Names of the cgroups directly below, in any hierarchy, sorted. */
  children(): Promise<string[]>;
  /** Pids of the processes in it and below it, in any hierarchy, ascending. Zombies are not counted. */
  pids(): Promise<number[]>;
  /**
   * Ends every process in it and below it with SIGKILL and waits until they are gone; what they start meanwhile is ended
   * as well.
   * @throws HeddleError `deadline`, naming the pids that are left
   */
  killAll(deadlineMs: number): Promise<void>;
  /**
   * Removes it and all below it, in every hierarchy. Harmless when it is not there.
   * @throws HeddleError `refused` when processes are still in it
   */
  remove(): Promise<void>;
  /** Removes it where nothing is in or below it, and leaves it elsewhere. */
  removeIfEmpty(): Promise<void>;
}

/** Where the cgroup hierarchies of a machine are mounted. */
export interface CgroupMounts {
  readonly version: 1 | 2;
  /** Hierarchies that processes join so that they can be found again. */
  readonly join: readonly string[];
  /** All hierarchies, the unified one of a hybrid system included: a container engine makes its cgroups in each. */
  readonly all: readonly string[];
  /** The hierarchy with the version 1 freezer, if there is one. */
  readonly freezer?: string;
}

/** Version 1 controllers whose hierarchies need no preparation before a process joins and limit nothing by themselves. */
const JOIN_CONTROLLERS = ['freezer', 'pids'];

/**
 * Finds the hierarchies in the text of /proc/self/mountinfo. A version 2 mount without version 1 beside it is the whole;
 * on hybrid systems the controllers are in version 1, so that is used. Nothing when no hierarchy is of use.
 */
export function parseCgroupMounts(mountinfo: string): CgroupMounts | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const target = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (target === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ target: unescapeMount(target), type, controllers: new Set(options?.split(',')) }];
  });
  const v1 = mounts.filter((mount) => mount.type === 'cgroup');
  const join = JOIN_CONTROLLERS.flatMap((name) => v1.find((m) => m.controllers.has(name))?.target ?? []);
  if (join.length > 0) {
    return {
      version: 1,
      join: [...new Set(join)],
      all: [...new Set(mounts.map((mount) => mount.target))],
      freezer: v1.find((mount) => mount.controllers.has('freezer'))?.target,
    };
  }
  const unified = mounts.find((mount) => mount.type === 'cgroup2');
  return unified && { version: 2, join: [unified.target], all: [unified.target] };
}

/** mountinfo writes space, tab, line break and backslash as octal. */
function unescapeMount(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
