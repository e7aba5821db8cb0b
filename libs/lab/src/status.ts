import type { NodeStatus } from './lab-node';
import { CONTROL, LEAF } from './names';
import type { PartStatus } from './parts';
import type { PartName } from './records';

export interface LabStatus {
  readonly name: string;
  /**
   * `absent`: nothing of it is there. `starting`: a living process is making it. `dead`: some part of it has ended or is
   * missing, or its making was cut off; the next `up` or `down` clears it.
   */
  readonly state: 'absent' | 'starting' | 'running' | 'dead';
  /** Why it is dead. */
  readonly reason?: string;
  /** What is being done to it at the moment, and by whom. */
  readonly busy?: string;
  /** Where the control plane's API is reached: from the machine, and from any network namespace on it. */
  readonly api?: { readonly url: string; readonly socket: string };
  /** Leaf and control plane first, then the hosts in the order of their addresses, then the servers by name. */
  readonly nodes: readonly NodeStatus[];
}

/**
 * What the states of its nodes say about a lab.
 * @param busy whether a living process is at work on the node of that name
 */
export function judge(
  nodes: readonly NodeStatus[],
  busy: (node: string) => boolean,
): Pick<LabStatus, 'state' | 'reason'> {
  if (nodes.length === 0) return { state: 'absent' };
  const names = new Set(nodes.map((node) => node.name));
  const cutOff = nodes.find((node) => node.state === 'starting' && !busy(node.name));
  const dead = nodes.find((node) => node.state === 'dead' && !busy(node.name));
  const absent = [LEAF, CONTROL].find((name) => !names.has(name) && !busy(name));
  if (dead) return { state: 'dead', reason: `${dead.name}: ${dead.reason ?? 'it is not whole'}` };
  if (cutOff) return { state: 'dead', reason: `${cutOff.name}: its start was cut off` };
  if (absent) return { state: 'dead', reason: `${absent}: it is not there` };
  const whole = names.has(LEAF) && names.has(CONTROL) && nodes.every((node) => node.state === 'running');
  return { state: whole ? 'running' : 'starting' };
}

/** Whether hosts can be made on leaf and control plane's node as they are: agent and control plane may run there or not. */
export function isBaseWhole(leaf: NodeStatus, control: NodeStatus): boolean {
  return isLeafWhole(leaf) && isWholeWithout('server', control);
}

/** Whether the leaf is as it was made, whatever has become of its agent. */
export function isLeafWhole(leaf: NodeStatus): boolean {
  return isWholeWithout('agent', leaf);
}

function isWholeWithout(optional: PartName, { state, parts }: NodeStatus): boolean {
  const others = parts.filter((part) => part.name !== optional);
  return state !== 'starting' && others.length > 0 && others.every(isRunning);
}

function isRunning(part: PartStatus): boolean {
  return part.state === 'running';
}
