import type { Field } from './flow';

/** How `ovs-ofctl` calls a field in a match, where that differs from its name in ovs-fields(7). */
export const MATCH_NAMES: { readonly [F in Field]?: string } = {
  eth_dst: 'dl_dst',
  eth_src: 'dl_src',
  eth_type: 'dl_type',
  ip_dscp: 'nw_tos',
  ip_proto: 'nw_proto',
  ip_src: 'nw_src',
  ip_dst: 'nw_dst',
  ip_frag: 'nw_frag',
  tcp_src: 'tp_src',
  tcp_dst: 'tp_dst',
  udp_src: 'tp_src',
  udp_dst: 'tp_dst',
  sctp_src: 'tp_src',
  sctp_dst: 'tp_dst',
  icmpv6_type: 'icmp_type',
  icmpv6_code: 'icmp_code',
};

/** The order in which `ovs-ofctl dump-flows` writes a match; the protocol word stands before the registers. */
export const MATCH_ORDER: readonly (Field | 'protocol')[] = [
  'ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_src', 'ct_nw_dst', 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst',
  'protocol',
  'reg0', 'reg1', 'reg2', 'reg3', 'reg4', 'reg5', 'reg6', 'reg7', 'reg8', 'reg9', 'reg10', 'reg11', 'reg12', 'reg13', 'reg14', 'reg15',
  'tun_id', 'tun_src', 'tun_dst', 'metadata', 'in_port', 'vlan_tci', 'eth_src', 'eth_dst', 'eth_type',
  'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'arp_spa', 'arp_tpa', 'ip_proto', 'arp_op', 'arp_sha', 'arp_tha',
  'ip_dscp', 'nw_ttl', 'ip_frag', 'icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code',
  'nd_target', 'nd_sll', 'nd_tll', 'nd_reserved', 'nd_options_type',
  'tcp_src', 'tcp_dst', 'udp_src', 'udp_dst', 'sctp_src', 'sctp_dst', 'tcp_flags',
]; // prettier-ignore

const NXM_NAMES: { readonly [F in Field]?: string } = {
  metadata: 'OXM_OF_METADATA',
  ip_dscp: 'OXM_OF_IP_DSCP',
  sctp_src: 'OXM_OF_SCTP_SRC',
  sctp_dst: 'OXM_OF_SCTP_DST',
  nd_reserved: 'ERICOXM_OF_ICMPV6_ND_RESERVED',
  nd_options_type: 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE',
  tun_src: 'NXM_NX_TUN_IPV4_SRC',
  tun_dst: 'NXM_NX_TUN_IPV4_DST',
};

/** Fields that were in the first Nicira class; every other one without a name of its own is in the second. */
const FIRST_CLASS: ReadonlySet<Field> = new Set<Field>([
  'in_port', 'eth_dst', 'eth_src', 'eth_type', 'vlan_tci', 'ip_proto', 'ip_src', 'ip_dst',
  'tcp_src', 'tcp_dst', 'udp_src', 'udp_dst', 'icmp_type', 'icmp_code', 'arp_op', 'arp_spa', 'arp_tpa',
]); // prettier-ignore

/** The name of a field where actions refer to bits of it: `NXM_NX_REG0[0..15]`. */
export function nxmName(field: Field): string {
  return NXM_NAMES[field] ?? `${FIRST_CLASS.has(field) ? 'NXM_OF' : 'NXM_NX'}_${field.toUpperCase()}`;
}
