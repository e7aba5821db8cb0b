import path from 'node:path';
import type { Cgroup } from '@heddle/host';
import type { LabLayout } from './layout';
import type { Machine } from './machine';
import { netnsName } from './names';
import { NodeRecords } from './records';

/** SIGKILL takes effect at once; what a thousand containers held takes the kernel a while to give back. */
const END_DEADLINE_MS = 30_000;

export interface LabTraces {
  readonly lab: string;
  readonly layout: LabLayout;
  readonly cgroup: Cgroup;
  readonly machine: Machine;
}

/**
 * Names of the nodes that have left a trace: a record, or a cgroup. Both are made before anything else of a node, so
 * whatever is left over of a lab belongs to one of these, even when one of the two was taken away.
 */
export async function tracedNodes({ layout, cgroup, machine }: LabTraces): Promise<string[]> {
  const [recorded, grouped] = await Promise.all([machine.files.list(layout.nodes), cgroup.children()]);
  return [...new Set([...recorded, ...grouped])].sort();
}

/** Ends exactly what the lab's cgroup holds and takes away all that belonged to the lab. Harmless when there is nothing. */
export async function clearLab(traces: LabTraces): Promise<void> {
  const { layout, cgroup, machine } = traces;
  const nodes = await tracedNodes(traces);
  await cgroup.killAll(END_DEADLINE_MS);
  await Promise.all(nodes.map((node) => removeNamespace(traces, node)));
  await detachMounts(machine, [layout.run, layout.state]);
  await cgroup.remove();
  await machine.files.remove(layout.run);
  await machine.files.remove(layout.state);
}

/** The same for one node. */
export async function clearNode(traces: LabTraces, node: string): Promise<void> {
  const { layout, machine } = traces;
  const cgroup = traces.cgroup.child(node);
  const { run, state } = layout.node(node);
  await cgroup.killAll(END_DEADLINE_MS);
  await removeNamespace(traces, node);
  await detachMounts(machine, [run, state]);
  await machine.files.remove(run);
  await machine.files.remove(state);
  await cgroup.remove();
}

/** A namespace that is not the one that was made is somebody else's by now. */
async function removeNamespace({ lab, layout, machine }: LabTraces, node: string): Promise<void> {
  const name = netnsName(lab, node);
  const record = await new NodeRecords(machine.files, layout.node(node)).loadNode();
  const made = record.state === 'ok' ? record.value.netnsInode : undefined;
  const found = await machine.namespaces.inode(name);
  if (made === undefined || found === undefined || made === found) await machine.namespaces.remove(name);
}

/** Removing a folder must never reach through a mount into what is mounted there. */
async function detachMounts(machine: Machine, folders: readonly string[]): Promise<void> {
  const mountinfo = (await machine.files.readText('/proc/self/mountinfo')) ?? '';
  const mounts = mountPoints(mountinfo).filter((point) => folders.some((folder) => isBelow(point, folder)));
  for (const point of mounts.reverse()) await machine.processes.run(['umount', '--lazy', '--', point]);
}

/** The mount points in the text of /proc/self/mountinfo, in the order they were mounted. */
export function mountPoints(mountinfo: string): string[] {
  return mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) => point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))));
}

/** Whether a path is a folder or below it. */
export function isBelow(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative === '' || !(relative === '..' || relative.startsWith('../') || path.isAbsolute(relative));
}
