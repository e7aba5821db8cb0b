/**
 * OpenFlow flows as plain values. A flow is what the pipeline computes, what the text form of `ovs-ofctl` shows and
 * what the OpenFlow client puts on the wire; all three read this one shape.
 */

/** A match on one field: exact, or only the bits of `mask`. Numbers are big integers because IPv6 and cookies need them. */
export type FieldMatch = bigint | { readonly value: bigint; readonly mask: bigint };

/**
 * Match fields, by the names of `ovs-fields(7)`. The prerequisites of a field (`eth_type` for `ip_src`, `ip_proto` for
 * `tcp_dst`) are written out by whoever builds the match: nothing is added silently.
 */
export const FIELDS = [
  'in_port', 'eth_dst', 'eth_src', 'eth_type', 'vlan_tci', 'metadata',
  'ip_dscp', 'ip_proto', 'ip_src', 'ip_dst', 'ip_frag', 'nw_ttl',
  'tcp_src', 'tcp_dst', 'tcp_flags', 'udp_src', 'udp_dst', 'sctp_src', 'sctp_dst',
  'icmp_type', 'icmp_code', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha',
  'ipv6_src', 'ipv6_dst', 'icmpv6_type', 'icmpv6_code', 'nd_target', 'nd_sll', 'nd_tll', 'nd_reserved', 'nd_options_type',
  'tun_id', 'tun_src', 'tun_dst',
  'reg0', 'reg1', 'reg2', 'reg3', 'reg4', 'reg5', 'reg6', 'reg7', 'reg8', 'reg9', 'reg10', 'reg11', 'reg12', 'reg13', 'reg14', 'reg15',
  'ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_tp_src', 'ct_tp_dst',
] as const; // prettier-ignore
export type Field = (typeof FIELDS)[number];

/** A run of bits inside a field: `field[offset..offset+bits-1]`. */
export interface SubField {
  readonly field: Field;
  readonly offset: number;
  readonly bits: number;
}

export type Match = { readonly [F in Field]?: FieldMatch };

/** OpenFlow port numbers, or one of the reserved ports (see `ports.ts`). */
export type Port = number | 'in_port' | 'normal' | 'flood' | 'all' | 'controller' | 'local';

export type Action =
  | { readonly type: 'output'; readonly port: Port }
  | { readonly type: 'output_reg'; readonly source: SubField }
  | { readonly type: 'set_field'; readonly field: Field; readonly value: bigint; readonly mask?: bigint }
  | { readonly type: 'move'; readonly source: SubField; readonly target: SubField }
  | { readonly type: 'push'; readonly source: SubField }
  | { readonly type: 'pop'; readonly target: SubField }
  | { readonly type: 'push_vlan' }
  | { readonly type: 'pop_vlan' }
  | { readonly type: 'dec_ttl' }
  | { readonly type: 'resubmit'; readonly table: number }
  | {
      readonly type: 'ct';
      readonly commit?: boolean;
      /** A constant zone, or the field that holds it. */
      readonly zone: number | SubField;
      /** Where the packet goes on after tracking; without it processing continues untracked. */
      readonly table?: number;
      /** Actions on the connection itself (`set_field` of `ct_mark` or `ct_label`). */
      readonly exec?: readonly Action[];
    }
  /** Always first: becomes the meter instruction, which ends the packets above the rate of the meter. */
  | { readonly type: 'meter'; readonly meter: number }
  /** Always last: becomes the goto-table instruction. */
  | { readonly type: 'goto'; readonly table: number }
  /**
   * Read back from the switch and not understood: the action or instruction as it is on the wire, in lower-case hex.
   * It can be compared, shown and sent back unchanged.
   */
  | { readonly type: 'unknown'; readonly kind: 'action' | 'instruction'; readonly hex: string };

/** One flow entry. No actions means drop. */
export interface Flow {
  readonly table: number;
  readonly priority: number;
  /** 64 bits. The upper 16 are the ownership mark (see `cookie.ts`), the rest identify what the flow stands for. */
  readonly cookie: bigint;
  readonly match: Match;
  /** Match fields read back from the switch and not understood: whole OXM entries in lower-case hex, in wire order. */
  readonly unknownMatch?: readonly string[];
  readonly actions: readonly Action[];
  /** Seconds; absent or 0 means for ever. */
  readonly hardTimeout?: number;
  readonly idleTimeout?: number;
}

/** A flow as read back from the switch, with its counters. */
export interface FlowStats extends Flow {
  readonly packets: bigint;
  readonly bytes: bigint;
}
