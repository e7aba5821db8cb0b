import { isNodeId, NODE_ID_RULE } from '@heddle/model';

/** A port of a leaf as an APIC names it, or why it cannot. */
export type PathResult = { readonly path: string; readonly nodes: readonly string[] } | { readonly problem: string };

const INTERFACE = /^eth[0-9]{1,3}\/[0-9]{1,3}(\/[0-9]{1,3})?$/;
const GROUP = /^[a-zA-Z0-9_.-]{1,64}$/;

/**
 * The distinguished name of a port: `topology/pod-1/paths-101/pathep-[eth1/5]`, and of a virtual port channel over two leaves
 * (leaf `101-102`) `topology/pod-1/protpaths-101-102/pathep-[GROUP]`. A port channel is named by its policy group.
 */
export function portPath(pod: number, leaf: string, port: string): PathResult {
  if (!isNodeId(leaf)) return { problem: `found leaf "${leaf}"; allowed is ${NODE_ID_RULE}` };
  const nodes = leaf.split('-');
  const pair = nodes.length === 2;
  if (!GROUP.test(port) && (pair || !INTERFACE.test(port))) {
    const allowed = pair ? 'the name of its interface policy group' : 'an interface such as eth1/5, or a policy group';
    return { problem: `found port "${port}" of leaf ${leaf}; allowed is ${allowed}` };
  }
  const ids = [...nodes].sort((a, b) => Number(a) - Number(b));
  const place = pair ? `protpaths-${ids.join('-')}` : `paths-${leaf}`;
  return { path: `topology/pod-${pod}/${place}/pathep-[${port}]`, nodes: ids };
}
