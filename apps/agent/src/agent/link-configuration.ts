import type { LinkConfiguration } from '../link/protocol';
import type { HeldBlock } from '../store';
import type { PolicyView } from './policy-view';

/** What a VXLAN tunnel over IPv4 adds to a frame: outer IP, UDP and VXLAN headers, and the inner Ethernet's own. */
export const VXLAN_OVERHEAD = 50;

/** What the attach daemon needs to know of the resolved policy. */
export function linkConfiguration(
  policy: PolicyView,
  blocks: readonly HeldBlock[],
  underlayMtu: number,
): LinkConfiguration {
  const epgs: Record<string, string> = {};
  for (const entry of policy.entries.values()) {
    if (entry.type !== 'class') continue;
    const bridgeDomain = policy.bridgeDomains.get(entry.bridgeDomain);
    if (bridgeDomain) epgs[entry.epg] = bridgeDomain.path;
  }
  return {
    bridgeDomains: [...policy.bridgeDomains.values()].map(({ path, gateways }) => ({
      path,
      gateways,
      blocks: blocks.filter((held) => held.bridgeDomain === path).map((held) => held.block),
    })),
    epgs,
    mtu: underlayMtu - VXLAN_OVERHEAD,
  };
}
