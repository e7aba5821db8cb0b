import {
  FIELDS,
  type Action,
  type Field,
  type FieldMatch,
  type Flow,
  type Match,
  type SubField,
} from '@heddle/pipeline';
import type { Meter } from '../openflow/codec/meter';

/** Flows of every kind that the codec knows: each field in a match, exact and masked, and each action. */

/** The meter that flows of the catalogue name: a switch must have it to take them. */
export const METER: Meter = { id: 7, packetsPerSecond: 20, burst: 20 };

export const IP = 0x0800n;
export const ARP = 0x0806n;
export const IPV6 = 0x86ddn;

export const mac = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
export const ip = (text: string): bigint => text.split('.').reduce((all, part) => (all << 8n) | BigInt(part), 0n);
export const bits = (field: Field, offset: number, count: number): SubField => ({ field, offset, bits: count });

const masked = (value: bigint, mask: bigint): FieldMatch => ({ value, mask });

const TRACKED: Match = { ct_state: masked(0x20n, 0x31n), eth_type: IP };
const TCP: Match = { eth_type: IP, ip_proto: 6n };
const UDP: Match = { eth_type: IP, ip_proto: 17n };
const ND: Match = { eth_type: IPV6, ip_proto: 58n, icmpv6_type: 135n, icmpv6_code: 0n };

export const MATCHES: readonly Match[] = [
  {},
  { in_port: 1n },
  { in_port: 0xfffffffen },
  { eth_dst: mac('01:00:00:00:00:00'), eth_src: mac('02:00:0a:00:01:05') },
  { eth_dst: masked(mac('01:00:00:00:00:00'), mac('01:00:00:00:00:00')) },
  { eth_type: 0x88ccn },
  { vlan_tci: masked(0n, 0x1fffn) },
  { vlan_tci: masked(0n, 0xffffn) },
  { vlan_tci: masked(0n, 0x1000n) },
  { vlan_tci: masked(0x1000n, 0x1000n) },
  { vlan_tci: masked(0x1064n, 0x1fffn) },
  { vlan_tci: 0xf064n },
  { metadata: 5n, tun_id: 0x64n, tun_src: ip('10.255.0.1'), tun_dst: ip('10.255.0.2') },
  {
    metadata: masked(5n, 0xffn),
    tun_id: masked(5n, 0xff00_0000_0000_0005n),
    tun_src: masked(ip('10.0.0.0'), ip('255.0.0.0')),
  },
  { reg0: 10n, reg2: masked(0x20n, 0xf0n), reg9: 0xffffffffn, reg15: 1n },
  { eth_type: IP },
  { eth_type: IP, ip_dscp: 46n, nw_ttl: 1n, ip_src: ip('10.0.0.1'), ip_dst: masked(ip('10.0.0.0'), ip('255.0.255.0')) },
  { eth_type: IP, ip_proto: 47n, ip_src: masked(ip('10.0.0.0'), ip('255.0.0.0')) },
  { eth_type: IP, ip_frag: 0n },
  { eth_type: IP, ip_frag: masked(1n, 1n) },
  { eth_type: IP, ip_frag: 1n },
  { eth_type: IP, ip_frag: 3n },
  { eth_type: IPV6, ip_frag: masked(0n, 2n) },
  { ...TCP, tcp_src: 40000n, tcp_dst: 80n },
  { ...TCP, tcp_src: masked(0x100n, 0xff00n), tcp_flags: masked(0x002n, 0x012n) },
  { ...TCP, tcp_flags: 0x012n },
  { eth_type: IPV6, ip_proto: 6n, tcp_dst: 443n },
  { ...UDP, udp_src: 53n, udp_dst: masked(0x10n, 0xfff0n) },
  { eth_type: IP, ip_proto: 132n, sctp_src: 1n, sctp_dst: 2n },
  { eth_type: IP, ip_proto: 1n, icmp_type: 8n, icmp_code: 0n },
  { eth_type: ARP, arp_op: 1n, arp_spa: ip('10.0.0.1'), arp_tpa: masked(ip('10.0.0.0'), ip('255.255.255.0')) },
  { eth_type: ARP, arp_sha: mac('02:00:00:00:00:01'), arp_tha: masked(0n, mac('ff:00:00:00:00:00')) },
  { eth_type: IPV6, ipv6_src: masked(0xfdn << 120n, 0xffn << 120n), ipv6_dst: (0xfd00n << 112n) | 1n },
  { ...ND, nd_target: (0xfe80n << 112n) | 1n, nd_sll: mac('02:00:00:00:00:01') },
  { ...ND, icmpv6_type: 136n, nd_target: masked(0xfe80n << 112n, 0xffffn << 112n), nd_tll: mac('02:00:00:00:00:01') },
  { ...ND, icmpv6_type: 136n, nd_reserved: 0x60000000n, nd_options_type: 2n },
  { ...TRACKED, ct_zone: 1n, ct_mark: 5n, ct_label: masked(0x10n, 0xffn) },
  { ...TRACKED, ct_mark: masked(5n, 0xfn), ct_label: (1n << 127n) | 1n },
  { ...TRACKED, ct_nw_proto: 6n, ct_tp_src: masked(0x100n, 0xff00n), ct_tp_dst: 8080n },
  { ...TRACKED, ct_nw_src: ip('10.0.0.1'), ct_nw_dst: masked(ip('10.0.0.0'), ip('255.0.0.0')) },
  { ct_state: 0x21n, eth_type: IP },
  { ct_state: masked(0xa9n, 0xffn), eth_type: IP },
];

/** Actions, each list with a match that makes them acceptable. */
export const ACTIONS: readonly (readonly [Match, readonly Action[]])[] = [
  [{}, []],
  [{}, [{ type: 'output', port: 5 }]],
  [{}, [{ type: 'output', port: 'in_port' }, { type: 'output', port: 'local' }, { type: 'output', port: 'controller' }]],
  [{}, [{ type: 'meter', meter: METER.id }, { type: 'output', port: 'controller' }]],
  [{}, [{ type: 'meter', meter: METER.id }]],
  [{}, [{ type: 'output', port: 'normal' }, { type: 'output', port: 'flood' }, { type: 'output', port: 'all' }]],
  [{}, [{ type: 'output_reg', source: bits('reg3', 0, 32) }, { type: 'output_reg', source: bits('reg3', 0, 16) }]],
  [{}, [{ type: 'resubmit', table: 5 }, { type: 'goto', table: 6 }]],
  [{}, [{ type: 'goto', table: 11 }]],
  [{}, [{ type: 'push', source: bits('reg0', 0, 32) }, { type: 'pop', target: bits('reg2', 4, 16) }]],
  [{}, [{ type: 'push', source: bits('eth_src', 0, 48) }, { type: 'pop', target: bits('eth_dst', 0, 48) }]],
  [{}, [{ type: 'move', source: bits('eth_src', 0, 48), target: bits('eth_dst', 0, 48) }]],
  [{}, [{ type: 'move', source: bits('reg0', 0, 24), target: bits('tun_id', 0, 24) }]],
  [{}, [{ type: 'move', source: bits('in_port', 0, 16), target: bits('reg1', 0, 16) }]],
  [{ eth_type: IPV6 }, [{ type: 'move', source: bits('ipv6_src', 0, 128), target: bits('ipv6_dst', 0, 128) }]],
  [{}, [{ type: 'push_vlan' }, { type: 'set_field', field: 'vlan_tci', value: 0x1064n }, { type: 'output', port: 5 }]],
  [{}, [{ type: 'set_field', field: 'vlan_tci', value: 0x1064n, mask: 0x1fffn }]],
  [{}, [{ type: 'push_vlan' }, { type: 'move', source: bits('reg9', 0, 12), target: bits('vlan_tci', 0, 12) }]],
  [{ vlan_tci: masked(0x1064n, 0x1fffn) }, [{ type: 'pop_vlan' }]],
  [{ eth_type: IP }, [{ type: 'dec_ttl' }, { type: 'set_field', field: 'nw_ttl', value: 64n }, { type: 'set_field', field: 'ip_dscp', value: 46n }]],
  [{}, [{ type: 'set_field', field: 'in_port', value: 0n }, { type: 'set_field', field: 'tun_id', value: 100n }]],
  [{}, [{ type: 'set_field', field: 'tun_dst', value: ip('10.255.0.3') }, { type: 'set_field', field: 'metadata', value: 7n }]],
  [{}, [{ type: 'set_field', field: 'eth_src', value: mac('02:00:00:00:00:09') }, { type: 'set_field', field: 'reg7', value: 7n }]],
  [{}, [{ type: 'set_field', field: 'reg5', value: 0x10n, mask: 0xf0f0n }, { type: 'set_field', field: 'reg6', value: 1n, mask: 1n }]],
  [{}, [{ type: 'set_field', field: 'reg5', value: 1n }, { type: 'set_field', field: 'reg5', value: 0x20n, mask: 0xf0n }]],
  [TCP, [{ type: 'set_field', field: 'tcp_dst', value: 8080n }, { type: 'set_field', field: 'ip_dst', value: ip('10.0.0.9') }]],
  [UDP, [{ type: 'set_field', field: 'udp_src', value: 53n }, { type: 'set_field', field: 'ip_src', value: 0x0a000000n, mask: 0xff000000n }]],
  [{ eth_type: IPV6 }, [{ type: 'set_field', field: 'ipv6_dst', value: (0xfd00n << 112n) | 2n }]],
  [{ eth_type: IP, ip_proto: 1n, icmp_type: 8n, icmp_code: 0n }, [{ type: 'set_field', field: 'icmp_type', value: 0n }]],
  [
    { eth_type: ARP, arp_op: 1n },
    [
      { type: 'set_field', field: 'arp_op', value: 2n },
      { type: 'move', source: bits('arp_sha', 0, 48), target: bits('arp_tha', 0, 48) },
      { type: 'move', source: bits('arp_spa', 0, 32), target: bits('arp_tpa', 0, 32) },
      { type: 'set_field', field: 'arp_sha', value: mac('02:00:00:00:00:09') },
      { type: 'set_field', field: 'arp_spa', value: ip('10.0.0.1') },
      { type: 'output', port: 'in_port' },
    ],
  ],
  [ND, [{ type: 'set_field', field: 'icmpv6_type', value: 136n }, { type: 'goto', table: 11 }]],
  [
    { ...ND, icmpv6_type: 136n },
    [
      { type: 'set_field', field: 'nd_reserved', value: 0xe0000000n },
      { type: 'set_field', field: 'nd_options_type', value: 2n },
      { type: 'set_field', field: 'nd_tll', value: mac('02:00:00:00:00:09') },
    ],
  ],
  [{ eth_type: IP }, [{ type: 'ct', zone: 1, table: 5 }]],
  [{ eth_type: IP }, [{ type: 'ct', zone: bits('reg4', 0, 16), table: 5 }]],
  [{ eth_type: IP }, [{ type: 'ct', commit: true, zone: 0 }]],
  [{ eth_type: IP }, [{ type: 'ct', commit: true, zone: 65535, table: 7 }]],
  [
    { eth_type: IP },
    [
      {
        type: 'ct',
        commit: true,
        zone: 1,
        exec: [
          { type: 'set_field', field: 'ct_mark', value: 1n },
          { type: 'set_field', field: 'ct_label', value: 1n << 100n },
          { type: 'move', source: bits('reg4', 0, 32), target: bits('ct_mark', 0, 32) },
          { type: 'set_field', field: 'ct_mark', value: 2n, mask: 3n },
          { type: 'set_field', field: 'ct_label', value: 1n << 80n, mask: 3n << 80n },
        ],
      },
      { type: 'goto', table: 6 },
    ],
  ],
]; // prettier-ignore

/** One flow for each entry above, each at a place of its own, with cookies and time-outs. */
export function flowCatalogue(): Flow[] {
  const matches = MATCHES.map((match, index): Flow => ({
    table: 0,
    priority: 100 + index,
    cookie: 0x1234_0000_0000_0000n + BigInt(index),
    match,
    actions: [{ type: 'goto', table: 1 }],
  }));
  const actions = ACTIONS.map(([match, list], index): Flow => ({
    table: 1,
    priority: 100 + index,
    cookie: 0x1234_0001_0000_0000n + BigInt(index),
    match,
    actions: list,
  }));
  const timed: Flow = {
    table: 2,
    priority: 65535,
    cookie: 0xffff_ffff_ffff_fffen,
    match: {},
    actions: [],
    hardTimeout: 60000,
    idleTimeout: 30000,
  };
  return [...matches, ...actions, timed];
}

/** The fields that no match of the catalogue uses. */
export function unusedFields(): Field[] {
  return FIELDS.filter((field) => !/^reg\d+$/.test(field) && !MATCHES.some((match) => match[field] !== undefined));
}
