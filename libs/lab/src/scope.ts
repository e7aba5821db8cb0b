import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { LabRoots } from './layout';

/**
 * What tells the labs below these folders from labs of the same name elsewhere on the machine: cgroups and locks are
 * seen through a change of the root directory, folders and namespaces are not.
 */
export async function labScope(roots: LabRoots): Promise<string> {
  const { dev, ino } = await stat('/');
  return createHash('sha256').update(`${dev}:${ino}:${roots.state}:${roots.run}`).digest('hex').slice(0, 8);
}

/** Cgroup above those of all labs. */
export const LABS_CGROUP = '/heddle';

/** The cgroup that holds everything a lab starts. */
export function labCgroup(lab: string, scope: string): string {
  return `${LABS_CGROUP}/${lab}-${scope}`;
}
