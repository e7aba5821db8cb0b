import type { Flow } from './openflow/flow';
import { placeEndpoints } from './index-endpoints';
import type { DatapathSnapshot } from './snapshot';
import { answerForEndpoint, answerForGateways, answerOnHostLink, arpResponderFixed } from './tables/arp-responder';
import { classifyFixed, classifyHostLink, classifyLocal, classifyTunnel } from './tables/classify';
import { connectionFixed } from './tables/connection';
import { contractFixed, flowsOfRule } from './tables/contract';
import { answerPing, forwardFixed, forwardToLocal, forwardToRemote } from './tables/forward';
import { hostLinkFixed, hostLinkOfLocal } from './tables/host-link';
import { outputFixed } from './tables/output';
import { admitLocal, spoofGuardFixed } from './tables/spoof-guard';
import { admitRemote, tunnelGuardFixed } from './tables/tunnel-guard';

/**
 * Computes every flow of a bridge from a snapshot. Pure and deterministic; the caller diffs the result against what is on
 * the switch. What the snapshot does not know, or no flow can be made for, gets none, and what has no flow is dropped; the
 * rest is computed all the same.
 */
export function computeFlows(snapshot: DatapathSnapshot): Flow[] {
  const { tunnel, hostLink } = snapshot.ports;
  const { local, remote } = placeEndpoints(snapshot);
  const flows: Flow[] = [
    ...classifyFixed,
    ...spoofGuardFixed,
    ...tunnelGuardFixed,
    ...arpResponderFixed,
    ...forwardFixed,
    ...connectionFixed,
    ...contractFixed,
    ...outputFixed,
    ...hostLinkFixed,
  ];
  for (const e of local) {
    flows.push(classifyLocal(e), ...admitLocal(e), ...forwardToLocal(e), ...answerForEndpoint(e));
    if (hostLink) flows.push(...hostLinkOfLocal(e, hostLink));
  }
  if (tunnel !== undefined) {
    flows.push(classifyTunnel(tunnel));
    for (const e of remote) flows.push(...admitRemote(e), ...forwardToRemote(e, tunnel), ...answerForEndpoint(e));
  }
  if (hostLink) flows.push(...classifyHostLink(hostLink.port), answerOnHostLink(hostLink.port));
  for (const entry of snapshot.resolved.values()) {
    if (entry.type === 'rule') flows.push(...flowsOfRule(entry));
    else if (entry.type === 'bridge-domain') flows.push(...answerForGateways(entry), ...answerPing(entry));
  }
  return dropDuplicates(flows);
}

/**
 * Two sources may ask for the same entry (the fragments of two rules of one pair of classes, two endpoints that claim one
 * address). The first keeps it, and a local endpoint comes before a remote one.
 */
function dropDuplicates(flows: readonly Flow[]): Flow[] {
  const seen = new Map<string, Flow>();
  for (const flow of flows) {
    const key = entryKey(flow);
    if (!seen.has(key)) seen.set(key, flow);
  }
  return [...seen.values()];
}

const entryKey = ({ table, priority, match }: Flow): string => {
  const fields = Object.entries(match)
    .map(([field, value]) => `${field}=${typeof value === 'bigint' ? value : `${value.value}/${value.mask}`}`)
    .sort();
  return `${table},${priority},${fields.join(',')}`;
};
