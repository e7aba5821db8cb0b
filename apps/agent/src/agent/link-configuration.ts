import type { ResolvedEntry } from '@heddle/model';
import type { LinkBridgeDomain, LinkConfiguration } from '../link/protocol';

/** What a VXLAN tunnel over IPv4 adds to a frame: outer Ethernet, IP, UDP and VXLAN headers less the inner Ethernet's own. */
export const VXLAN_OVERHEAD = 50;

export interface HeldBlock {
  readonly bridgeDomain: string;
  readonly block: string;
}

/** What the attach daemon needs to know of the resolved policy. */
export function linkConfiguration(
  resolved: ReadonlyMap<string, ResolvedEntry>,
  blocks: readonly HeldBlock[],
  underlayMtu: number,
): LinkConfiguration {
  const bridgeDomains: LinkBridgeDomain[] = [];
  const pathById = new Map<number, string>();
  for (const entry of resolved.values()) {
    if (entry.type !== 'bridge-domain') continue;
    pathById.set(entry.id, entry.path);
    bridgeDomains.push({
      path: entry.path,
      gateways: entry.gateways,
      blocks: blocks.filter((b) => b.bridgeDomain === entry.path).map((b) => b.block),
    });
  }
  const epgs: Record<string, string> = {};
  for (const entry of resolved.values()) {
    const path = entry.type === 'class' ? pathById.get(entry.bridgeDomain) : undefined;
    if (entry.type === 'class' && path !== undefined) epgs[entry.epg] = path;
  }
  return { bridgeDomains, epgs, mtu: underlayMtu - VXLAN_OVERHEAD };
}

/** The highest class id among the resolved classes. */
export function highestClassId(resolved: ReadonlyMap<string, ResolvedEntry>): number {
  let highest = 0;
  for (const entry of resolved.values()) if (entry.type === 'class' && entry.classId > highest) highest = entry.classId;
  return highest;
}
