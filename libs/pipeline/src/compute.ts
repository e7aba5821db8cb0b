import { mayUseFabric, placeEndpoints, tunnelTo, type PlacedLocal } from './index-endpoints';
import { flowKey } from './openflow/canonical';
import type { Flow } from './openflow/flow';
import type { DatapathSnapshot } from './snapshot';
import { answerForEndpoint, answerForGateways, answerOnHostLink, arpResponderFixed } from './tables/arp-responder';
import {
  classifyFixed,
  classifyHostLink,
  classifyLocal,
  classifyStrangers,
  classifyTunnel,
  classifyUplink,
} from './tables/classify';
import { connectionFixed } from './tables/connection';
import { contractFixed, flowsOfRule } from './tables/contract';
import { admitFromFabric, admitVlan, fabricGuardFixed } from './tables/fabric-guard';
import { answerPing, forwardFixed, forwardToLocal, forwardToRemote, refuseOtherVlans } from './tables/forward';
import { hostLinkFixed, hostLinkOfLocal } from './tables/host-link';
import { deliver, outputFixed } from './tables/output';
import { replyFixed } from './tables/reply';
import { sighting } from './tables/sighting';
import { admitLocal, excuseOwnPlace, spoofGuardFixed, watchAddresses } from './tables/spoof-guard';
import { admitRemote, tunnelGuardFixed } from './tables/tunnel-guard';

/**
 * Computes every flow of a bridge from a snapshot. Pure and deterministic; the caller diffs the result against what is on
 * the switch. What the snapshot does not know, or no flow can be made for, gets none, and what has no flow is dropped; the
 * rest is computed all the same.
 */
export function computeFlows(snapshot: DatapathSnapshot): Flow[] {
  const { tunnel, hostLink } = snapshot.ports;
  const { local, remote } = placeEndpoints(snapshot);
  const uplinks = new Set(local.flatMap((e) => e.uplink?.port ?? []));
  const routedSources = local.some((e) => e.wire?.routed);
  // Only in these can anybody here claim an address.
  const bridgeDomains = new Set(local.map((e) => e.class.bridgeDomain));
  const flows: Flow[] = [
    ...classifyFixed,
    ...spoofGuardFixed,
    ...tunnelGuardFixed,
    ...fabricGuardFixed,
    ...arpResponderFixed,
    ...forwardFixed,
    ...connectionFixed,
    ...contractFixed,
    ...hostLinkFixed,
    ...outputFixed,
    ...replyFixed,
    sighting(snapshot.sightings ?? false),
  ];
  for (const e of local) {
    flows.push(classifyLocal(e), ...admitLocal(e), excuseOwnPlace(e), ...watchAddresses(e));
    flows.push(...forwardToLocal(e), ...deliver(e), ...answerForEndpoint(e));
    if (hostLink) flows.push(...hostLinkOfLocal(e, hostLink));
    if (e.uplink) flows.push(admitVlan(e, e.uplink));
    if (uplinks.size > 0) flows.push(...refuseOtherVlans(e));
  }
  for (const [port, behind] of sharedPorts(local)) flows.push(...classifyStrangers(port, behind));
  for (const port of uplinks) flows.push(classifyUplink(port));
  if (tunnel !== undefined) flows.push(classifyTunnel(tunnel));
  if (hostLink) flows.push(...classifyHostLink(hostLink.port), answerOnHostLink(hostLink.port));
  for (const e of remote) {
    if (bridgeDomains.has(e.class.bridgeDomain)) flows.push(...watchAddresses(e));
    const ways = {
      tunnel: tunnelTo(e, snapshot),
      fabric: uplinks.size > 0 && mayUseFabric(e, snapshot),
      routedSources,
    };
    if (ways.tunnel !== undefined) flows.push(...admitRemote(e));
    if (ways.fabric) flows.push(...admitFromFabric(e));
    if (ways.tunnel !== undefined || ways.fabric) flows.push(...forwardToRemote(e, ways), ...answerForEndpoint(e));
  }
  for (const entry of snapshot.resolved.values()) {
    if (entry.type === 'rule') flows.push(...flowsOfRule(entry));
    else if (entry.type === 'bridge-domain') flows.push(...answerForGateways(entry), ...answerPing(entry));
  }
  return dropDuplicates(flows);
}

/** The endpoints behind each port that is not one endpoint's own. */
function sharedPorts(local: readonly PlacedLocal[]): Map<number, PlacedLocal[]> {
  const ports = new Map<number, PlacedLocal[]>();
  for (const e of local) {
    if (!e.wire) continue;
    const behind = ports.get(e.port);
    if (behind) behind.push(e);
    else ports.set(e.port, [e]);
  }
  return ports;
}

/**
 * Two sources may ask for the same entry (the fragments of two rules of one pair of classes, two endpoints that claim one
 * address or one VLAN of a port). The first keeps it, and a local endpoint comes before a remote one.
 */
function dropDuplicates(flows: readonly Flow[]): Flow[] {
  const seen = new Map<string, Flow>();
  for (const flow of flows) {
    const key = flowKey(flow);
    if (!seen.has(key)) seen.set(key, flow);
  }
  return [...seen.values()];
}
