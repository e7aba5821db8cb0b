import type { Field } from './flow';

/** How people read the value of a field. `frag`, `tcp_flags` and `ct_state` have words of their own in ovs-fields(7). */
export type FieldFormat =
  'decimal' | 'hex' | 'hex16' | 'mac' | 'ipv4' | 'ipv6' | 'port' | 'frag' | 'tcp_flags' | 'ct_state';

/** Width in bits (those that carry information, also where OpenFlow pads to whole bytes) and the form people read. */
export interface FieldInfo {
  readonly bits: number;
  readonly format: FieldFormat;
}

const info = (bits: number, format: FieldFormat): FieldInfo => ({ bits, format });
const REGISTER = info(32, 'hex');

/** What is known about each field, after ovs-fields(7). */
export const FIELD_INFO: Readonly<Record<Field, FieldInfo>> = {
  in_port: info(32, 'port'),
  eth_dst: info(48, 'mac'),
  eth_src: info(48, 'mac'),
  eth_type: info(16, 'hex16'),
  vlan_tci: info(16, 'hex16'),
  metadata: info(64, 'hex'),
  ip_dscp: info(6, 'decimal'),
  ip_proto: info(8, 'decimal'),
  ip_src: info(32, 'ipv4'),
  ip_dst: info(32, 'ipv4'),
  ip_frag: info(2, 'frag'),
  nw_ttl: info(8, 'decimal'),
  tcp_src: info(16, 'decimal'),
  tcp_dst: info(16, 'decimal'),
  tcp_flags: info(12, 'tcp_flags'),
  udp_src: info(16, 'decimal'),
  udp_dst: info(16, 'decimal'),
  sctp_src: info(16, 'decimal'),
  sctp_dst: info(16, 'decimal'),
  icmp_type: info(8, 'decimal'),
  icmp_code: info(8, 'decimal'),
  arp_op: info(16, 'decimal'),
  arp_spa: info(32, 'ipv4'),
  arp_tpa: info(32, 'ipv4'),
  arp_sha: info(48, 'mac'),
  arp_tha: info(48, 'mac'),
  ipv6_src: info(128, 'ipv6'),
  ipv6_dst: info(128, 'ipv6'),
  icmpv6_type: info(8, 'decimal'),
  icmpv6_code: info(8, 'decimal'),
  nd_target: info(128, 'ipv6'),
  nd_sll: info(48, 'mac'),
  nd_tll: info(48, 'mac'),
  nd_reserved: info(32, 'decimal'),
  nd_options_type: info(8, 'decimal'),
  tun_id: info(64, 'hex'),
  tun_src: info(32, 'ipv4'),
  tun_dst: info(32, 'ipv4'),
  reg0: REGISTER,
  reg1: REGISTER,
  reg2: REGISTER,
  reg3: REGISTER,
  reg4: REGISTER,
  reg5: REGISTER,
  reg6: REGISTER,
  reg7: REGISTER,
  reg8: REGISTER,
  reg9: REGISTER,
  reg10: REGISTER,
  reg11: REGISTER,
  reg12: REGISTER,
  reg13: REGISTER,
  reg14: REGISTER,
  reg15: REGISTER,
  // 32 bits on the wire; OVS knows eight of them and forgets the rest of a mask.
  ct_state: info(8, 'ct_state'),
  ct_zone: info(16, 'decimal'),
  ct_mark: info(32, 'hex'),
  ct_label: info(128, 'hex'),
  ct_nw_proto: info(8, 'decimal'),
  ct_nw_src: info(32, 'ipv4'),
  ct_nw_dst: info(32, 'ipv4'),
  ct_tp_src: info(16, 'decimal'),
  ct_tp_dst: info(16, 'decimal'),
};

/** All ones over `bits` bits. */
export function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

const EXACT_MASKS = Object.fromEntries(
  Object.entries(FIELD_INFO).map(([field, { bits }]) => [field, ones(bits)]),
) as Record<Field, bigint>;

/** The mask that makes a match on `field` exact. */
export function exactMask(field: Field): bigint {
  return EXACT_MASKS[field];
}

/**
 * The bits of a field that actions can refer to or set: all of it, except that the `in_port` of actions is the older
 * one of 16 bits, the only one that Open vSwitch lets be set to "none".
 */
export function referenceBits(field: Field): number {
  return field === 'in_port' ? 16 : FIELD_INFO[field].bits;
}
