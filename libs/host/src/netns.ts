import { stat } from 'node:fs/promises';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import { isErrno } from './errno';
import type { Processes } from './processes';

const FOLDER = '/run/netns';

/** Named network namespaces, as `ip netns` keeps them. */
export interface NetworkNamespaces {
  /** Makes one. @throws HeddleError `conflict` when the name is taken */
  add(name: string): Promise<void>;
  /** Removes the name. The namespace itself ends with the last process in it. Harmless when there is none. */
  remove(name: string): Promise<void>;
  /** The inode number of the namespace, by which it is told from another of the same name; nothing when there is none. */
  inode(name: string): Promise<number | undefined>;
  /** Names of all that there are, sorted. */
  list(): Promise<string[]>;
}

/** Where the namespace of that name is mounted. */
export function netnsPath(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    throw new HeddleError('invalid', `a network namespace is named with 1 to 64 of A-Z a-z 0-9 _ . -, not "${name}"`);
  }
  return `${FOLDER}/${name}`;
}

/**
 * The words before a command that let it run in a named network namespace. Not `ip netns exec`, which mounts another
 * /sys over this one, without its cgroups.
 */
export function inNetns(name: string): string[] {
  return ['nsenter', `--net=${netnsPath(name)}`, '--'];
}

/** The words before a command that let it run in the mount and network namespace of a process, with `/` as its folder. */
export function inProcessNamespaces(pid: number): string[] {
  return ['nsenter', '--target', String(pid), '--mount', '--net', '--'];
}

/** Network namespaces by means of iproute2. */
export class SystemNetworkNamespaces implements NetworkNamespaces {
  constructor(private readonly processes: Processes) {}

  async add(name: string): Promise<void> {
    if ((await this.inode(name)) !== undefined) {
      throw new HeddleError('conflict', `there is a network namespace ${name} already, and it is not ours to replace`);
    }
    await this.processes.run(['ip', 'netns', 'add', name]);
  }

  async remove(name: string): Promise<void> {
    if ((await exists(netnsPath(name))) === undefined) return;
    await this.processes.run(['ip', 'netns', 'del', name]);
  }

  inode(name: string): Promise<number | undefined> {
    return netnsInode(netnsPath(name));
  }

  async list(): Promise<string[]> {
    const { stdout } = await this.processes.run(['ip', 'netns', 'list']);
    return stdout
      .split('\n')
      .flatMap((line) => line.split(' ')[0] || [])
      .sort();
  }
}

/**
 * The inode number of the network namespace that is mounted on a file; nothing when there is no such file, or nothing is
 * mounted on it.
 */
export async function netnsInode(file: string): Promise<number | undefined> {
  const [entry, folder] = await Promise.all([exists(file), exists(path.dirname(file))]);
  // A file on the folder's own device is a mount point that nothing is mounted on.
  return entry === undefined || entry.dev === folder?.dev ? undefined : entry.ino;
}

async function exists(file: string): Promise<{ ino: number; dev: number } | undefined> {
  try {
    return await stat(file);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
