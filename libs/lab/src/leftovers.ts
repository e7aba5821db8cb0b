import type { Cgroup } from '@heddle/host';
import { isBelow, mountPoints } from './clear';
import { DEFAULT_ROOTS, LabLayout, type LabRoots } from './layout';
import { thisMachine, type Machine } from './machine';
import { labCgroup, labScope } from './scope';

/** How much of a lab there is on the machine. All zero: nothing of it was left behind. */
export interface Leftovers {
  /** Processes in its cgroups, and any others whose command line names its folders. */
  readonly processes: number;
  /** Those of them that keep a container. */
  readonly shims: number;
  readonly namespaces: number;
  /** Links in this network namespace that carry its name; those in its own namespaces go with them. */
  readonly links: number;
  readonly mounts: number;
  readonly cgroups: number;
  readonly folders: number;
}

/** Counts what carries the name of a lab, by looking at the machine alone, never at the lab's records. */
export async function leftovers(
  lab: string,
  roots: LabRoots = DEFAULT_ROOTS,
  machine: Machine = thisMachine(),
): Promise<Leftovers> {
  const layout = new LabLayout(roots, lab);
  const folders = [layout.state, layout.run];
  const cgroup = await machine.openCgroup(labCgroup(lab, await labScope(roots)));
  const grouped = new Set(await cgroup.pids());
  const processes = (await machine.processes.list()).filter(
    ({ pid, argv }) =>
      grouped.has(pid) ||
      (pid !== process.pid && argv.some((arg) => folders.some((folder) => arg.includes(`${folder}/`)))),
  );
  const namespaces = (await machine.namespaces.list()).filter((name) => name.startsWith(`${lab}-`));
  const links = (await machine.ip.links()).filter((link) => link.ifname.startsWith(`${lab}-`));
  const mountinfo = (await machine.files.readText('/proc/self/mountinfo')) ?? '';
  const exist = await Promise.all(folders.map((folder) => machine.files.exists(folder)));
  return {
    processes: processes.length,
    shims: processes.filter(({ argv }) => argv[0]?.includes('containerd-shim')).length,
    namespaces: namespaces.length,
    links: links.length,
    mounts: mountPoints(mountinfo).filter((point) => folders.some((folder) => isBelow(point, folder))).length,
    cgroups: await countCgroups(cgroup),
    folders: exist.filter(Boolean).length,
  };
}

/** Names of the labs below these folders, whole or not. */
export async function labNames(roots: LabRoots = DEFAULT_ROOTS, machine: Machine = thisMachine()): Promise<string[]> {
  const lists = await Promise.all([machine.files.list(roots.state), machine.files.list(roots.run)]);
  return [...new Set(lists.flat())].sort();
}

/** How many cgroups there are, counting one that is in several hierarchies once. */
async function countCgroups(cgroup: Cgroup): Promise<number> {
  if (!(await cgroup.exists())) return 0;
  const below = await Promise.all((await cgroup.children()).map((name) => countCgroups(cgroup.child(name))));
  return below.reduce((sum, count) => sum + count, 1);
}
