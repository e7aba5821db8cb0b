import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { HostNode } from '@heddle/lab';
import type { ResolvedEntry } from '@heddle/model';

interface PolicyState {
  readonly highestClassId: number;
  readonly accepted?: { readonly entries: Readonly<Record<string, ResolvedEntry>> };
}

/** The policy that the agent of a host keeps on its disk, after the line with its hash. */
async function policyState(host: HostNode): Promise<PolicyState> {
  const { stateDir } = await host.config();
  const text = await readFile(path.join(stateDir, 'agent.policy'), 'utf8');
  return JSON.parse(text.slice(text.indexOf('\n') + 1)) as PolicyState;
}

/** The highest class id that was ever enforced on a host. */
export const highestClassId = async (host: HostNode): Promise<number> => (await policyState(host)).highestClassId;

/** The class id that a host has for an EPG. */
export async function classIdOf(host: HostNode, epg: string): Promise<number | undefined> {
  const entry = (await policyState(host)).accepted?.entries[`class/${epg}`];
  return entry?.type === 'class' ? entry.classId : undefined;
}
