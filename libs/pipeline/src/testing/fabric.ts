import { resolvedKey, type ResolvedEntry } from '@heddle/model';
import { ip4, mac } from '../addresses';
import type { Field } from '../openflow/flow';
import type { DatapathSnapshot, LocalEndpoint, RemoteEndpoint, Wire } from '../snapshot';

/** One host and one leaf that know the same endpoints, for tests of the tables. */

export const CLASSES = { web: 16, api: 17, db: 18, other: 32 } as const;
export type EpgName = keyof typeof CLASSES;
export const VLANS: Readonly<Record<EpgName, number>> = { web: 101, api: 102, db: 103, other: 104 };
/** web has a bridge domain of its own, api and db share one; other is in another VRF, with the addresses of web. */
const BRIDGE_DOMAINS: Readonly<Record<EpgName, number>> = { web: 7, api: 8, db: 8, other: 9 };

export const epgPath = (epg: EpgName): string => `acme/shop/${epg}`;

export const ENTRIES: readonly ResolvedEntry[] = [
  { type: 'vrf', path: 'acme/default', id: 1, enforcement: 'enforced' },
  { type: 'vrf', path: 'acme/second', id: 2, enforcement: 'enforced' },
  { type: 'bridge-domain', path: 'acme/web', id: 7, vrf: 1, gateways: ['10.7.0.1/16'] },
  { type: 'bridge-domain', path: 'acme/back', id: 8, vrf: 1, gateways: ['10.8.0.1/16'] },
  { type: 'bridge-domain', path: 'acme/second', id: 9, vrf: 2, gateways: ['10.7.0.1/16'] },
  ...(Object.keys(CLASSES) as EpgName[]).map(
    (epg): ResolvedEntry => ({
      type: 'class', epg: epgPath(epg), epgUid: epg, classId: CLASSES[epg], vrf: epg === 'other' ? 2 : 1,
      bridgeDomain: BRIDGE_DOMAINS[epg], domain: 'default', isolation: 'unenforced',
    }),
  ),
  // Everybody may speak with everybody of the VRF: these tests are about everything but contracts.
  ...[1, 2].map((vrf): ResolvedEntry => ({ type: 'rule', id: `00000000000${vrf}`, vrf, source: 0, destination: 0, action: 'permit', priority: 20, origin: 'any' })),
]; // prettier-ignore

export const RESOLVED: ReadonlyMap<string, ResolvedEntry> = new Map(ENTRIES.map((e) => [resolvedKey(e), e]));

/** 02:00:0a:07:00:0b for 10.7.0.11. */
export const macOf = (address: string): string =>
  `02:00:${address.split('.').map((part) => Number(part).toString(16).padStart(2, '0')).join(':')}`; // prettier-ignore

export const local = (epg: EpgName, address: string, port: number, more: Partial<LocalEndpoint> = {}): LocalEndpoint => ({
  id: `${epg}/${address}`, epg: epgPath(epg), mac: macOf(address), addresses: [address], port, healthPorts: [], ...more,
}); // prettier-ignore

export const wired = (epg: EpgName, address: string, port: number, wire: Partial<Wire> = {}): LocalEndpoint =>
  local(epg, address, port, { wire: { routed: false, hairpin: false, ...wire } });

export const remote = (epg: EpgName, address: string, underlay: string, fabric = false): RemoteEndpoint => ({
  id: `${epg}/${address}`, epg: epgPath(epg), mac: macOf(address), addresses: [address], underlay, ...(fabric ? { fabric } : {}),
}); // prettier-ignore

export const TUNNEL = 1;
export const HOST_LINK = 2;
export const UPLINK = 3;
export const LEAF_UNDERLAY = '192.0.2.9';
export const FAR_UNDERLAY = '192.0.2.12';

/** web travels the fabric, api does not; b and m are behind the leaf, r on a host without cable. */
export const HOST: DatapathSnapshot = {
  resolved: RESOLVED,
  local: [
    local('web', '10.7.0.11', 11, { uplink: { port: UPLINK, vlan: VLANS.web }, linkIndex: 1 }),
    local('web', '10.7.0.12', 12, { uplink: { port: UPLINK, vlan: VLANS.web }, linkIndex: 2 }),
    local('db', '10.8.0.13', 13, { uplink: { port: UPLINK, vlan: VLANS.db }, linkIndex: 3 }),
    local('api', '10.8.0.14', 14, { linkIndex: 4, healthPorts: [8080] }),
  ],
  remote: [
    remote('db', '10.8.0.42', LEAF_UNDERLAY, true),
    remote('web', '10.7.0.41', LEAF_UNDERLAY, true),
    remote('api', '10.8.0.51', FAR_UNDERLAY),
  ],
  ports: { tunnel: TUNNEL, hostLink: { port: HOST_LINK, mac: '0a:00:00:00:00:02' } },
};

/** Ports of the leaf: the cable to HOST, an access port with siblings, a server, an access port whose siblings are private. */
export const CABLE = 40;
export const ACCESS = 41;
export const SERVER = 42;
export const PRIVATE = 43;

export const LEAF: DatapathSnapshot = {
  resolved: RESOLVED,
  local: [
    wired('web', '10.7.0.11', CABLE, { vlan: VLANS.web, routed: true }),
    wired('web', '10.7.0.12', CABLE, { vlan: VLANS.web, routed: true }),
    wired('db', '10.8.0.13', CABLE, { vlan: VLANS.db, routed: true }),
    wired('web', '10.7.0.41', ACCESS, { hairpin: true }),
    wired('api', '10.8.0.43', ACCESS, { hairpin: true }),
    wired('db', '10.8.0.42', SERVER, { vlan: VLANS.db }),
    wired('web', '10.7.0.61', PRIVATE),
    wired('web', '10.7.0.62', PRIVATE),
    wired('other', '10.7.0.11', SERVER, { vlan: VLANS.other }),
  ],
  remote: [remote('api', '10.8.0.51', FAR_UNDERLAY)],
  ports: { tunnel: TUNNEL },
};

type Fields = { readonly [F in Field]?: bigint };
const PACKET = { ip_proto: 6n, tcp_src: 40_000n, tcp_dst: 80n, nw_ttl: 64n };

/** The fields of an IP packet between two addresses; MACs are theirs unless others are given. */
export const packet = (from: string, to: string, more: Fields = {}): Fields => ({
  eth_type: 0x0800n, eth_src: mac(macOf(from)), eth_dst: mac(macOf(to)), ip_src: ip4(from), ip_dst: ip4(to), ...PACKET, ...more,
}); // prettier-ignore

/** The fields of a question who has `to`. */
export const arpRequest = (from: string, to: string, more: Fields = {}): Fields => ({
  eth_type: 0x0806n, eth_src: mac(macOf(from)), eth_dst: 0xffff_ffff_ffffn, arp_op: 1n,
  arp_sha: mac(macOf(from)), arp_spa: ip4(from), arp_tpa: ip4(to), ...more,
}); // prettier-ignore
