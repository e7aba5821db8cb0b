import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { HostNode } from '@heddle/lab';
import type { ResolvedEntry } from '@heddle/model';

interface AgentState {
  readonly highestClassId: number;
  readonly policy?: { readonly entries: Readonly<Record<string, ResolvedEntry>> };
}

/** What the agent of a host keeps on its disk, after the line with its hash. */
async function agentState(host: HostNode): Promise<AgentState> {
  const { stateDir } = await host.config();
  const text = await readFile(path.join(stateDir, 'agent.state'), 'utf8');
  return JSON.parse(text.slice(text.indexOf('\n') + 1)) as AgentState;
}

/** The highest class id that was ever enforced on a host. */
export const highestClassId = async (host: HostNode): Promise<number> => (await agentState(host)).highestClassId;

/** The class id that a host has for an EPG. */
export async function classIdOf(host: HostNode, epg: string): Promise<number | undefined> {
  const entry = (await agentState(host)).policy?.entries[`class/${epg}`];
  return entry?.type === 'class' ? entry.classId : undefined;
}
