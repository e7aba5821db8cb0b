import type { HostNode } from '@heddle/lab';

/** A flow on a switch, told apart by everything that is in it. */
export interface DumpedFlow {
  /** Cookie, table, priority, match and actions. */
  readonly flow: string;
  /** How long it has been there, seconds: a flow that was written again begins at 0. */
  readonly seconds: number;
}

const COUNTERS = /,? ?(duration|n_packets|n_bytes|idle_age|hard_age)=[0-9.]+s?/g;

/** The flows of a host's or leaf's bridge, as Open vSwitch's own tool shows them. */
export async function dumpFlows(node: Pick<HostNode, 'layout' | 'exec'>): Promise<Map<string, DumpedFlow>> {
  const target = `unix:${node.layout.ovsRun}/br-heddle.mgmt`;
  const { stdout } = await node.exec(['ovs-ofctl', '-O', 'OpenFlow14', 'dump-flows', target]);
  const flows = stdout
    .split('\n')
    .filter((line) => line.includes('cookie='))
    .map((line) => ({
      flow: line.replace(COUNTERS, '').trim(),
      seconds: Number(/duration=([0-9.]+)s/.exec(line)?.[1]),
    }));
  return new Map(flows.map((flow) => [flow.flow, flow]));
}

/** What became of flows between two dumps. */
export function compareFlows(
  before: ReadonlyMap<string, DumpedFlow>,
  after: ReadonlyMap<string, DumpedFlow>,
): { gone: string[]; added: string[]; rewritten: string[] } {
  return {
    gone: [...before.keys()].filter((flow) => !after.has(flow)),
    added: [...after.keys()].filter((flow) => !before.has(flow)),
    rewritten: [...before.values()]
      .filter(({ flow, seconds }) => (after.get(flow)?.seconds ?? Infinity) < seconds)
      .map(({ flow }) => flow),
  };
}

export const UNTOUCHED = { gone: [], added: [], rewritten: [] };
