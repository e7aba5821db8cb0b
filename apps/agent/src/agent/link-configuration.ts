import type { DistributedEncapsulation, ResolvedClass, Uplink } from '@heddle/model';
import type { LinkAttachment, LinkConfiguration } from '../link/protocol';
import type { HeldBlock } from '../store';
import type { PolicyView } from './policy-view';

/** What a VXLAN tunnel over IPv4 adds to a frame: outer IP, UDP and VXLAN headers, and the inner Ethernet's own. */
export const VXLAN_OVERHEAD = 50;
const USUAL_MTU = 1500;

export interface ConfigurationParts {
  readonly policy: PolicyView;
  /** By path of the EPG. */
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
  readonly blocks: readonly HeldBlock[];
  readonly underlayMtu: number;
  readonly uplinks: Readonly<Record<string, Uplink>>;
}

/** What the attach daemon needs to know of the resolved policy. An EPG that this host cannot attach is not in it. Pure. */
export function linkConfiguration(parts: ConfigurationParts): LinkConfiguration {
  const { policy, encapsulations, blocks } = parts;
  const mtu = parts.underlayMtu - VXLAN_OVERHEAD;
  const epgs: Record<string, string> = {};
  const attachments: Record<string, LinkAttachment> = {};
  for (const entry of policy.entries.values()) {
    if (entry.type !== 'class') continue;
    const bridgeDomain = policy.bridgeDomains.get(entry.bridgeDomain);
    const attachment = linkAttachment(entry, encapsulations.get(entry.epg), parts.uplinks, mtu);
    if (!bridgeDomain || !attachment) continue;
    epgs[entry.epg] = bridgeDomain.path;
    if (attachment.driver !== 'ovs' || attachment.mtu !== mtu) attachments[entry.epg] = attachment;
  }
  return {
    bridgeDomains: [...policy.bridgeDomains.values()].map(({ path, gateways }) => ({
      path,
      gateways,
      blocks: blocks.filter((held) => held.bridgeDomain === path).map((held) => held.block),
    })),
    epgs,
    mtu,
    attachments,
  };
}

/**
 * @param tunnelMtu what fits a tunnel: others may be behind one, and the datapath has no way to tell a sender that its packets
 *   are too large, so more than this is for those who asked for it
 */
function linkAttachment(
  { isolation }: ResolvedClass,
  encapsulation: DistributedEncapsulation | undefined,
  uplinks: Readonly<Record<string, Uplink>>,
  tunnelMtu: number,
): LinkAttachment | undefined {
  if (!encapsulation) return undefined;
  const { spec, vlan } = encapsulation;
  if (spec.driver === 'ovs' && spec.encapsulation === 'vxlan') return { driver: 'ovs', mtu: tunnelMtu };
  const uplink = uplinks[spec.uplink ?? ''];
  if (!uplink || vlan === undefined) return undefined;
  const mtu = spec.mtu ?? Math.min(uplink.mtu ?? USUAL_MTU, tunnelMtu);
  if (spec.driver === 'ovs') return { driver: 'ovs', mtu };
  const { mode, tagging, shim } = spec;
  return {
    driver: 'macvlan',
    uplink: uplink.interface,
    // In mode bridge siblings reach each other around every contract.
    mode: mode === 'bridge' && isolation === 'enforced' ? 'vepa' : mode,
    tagging,
    vlan,
    mtu,
    shim,
  };
}
