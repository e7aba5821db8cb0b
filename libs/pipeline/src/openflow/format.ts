import { canonicalActions, canonicalMatch, fieldMatch } from './canonical';
import { exactMask, referenceBits } from './fields';
import type { Action, Field, FieldMatch, Flow, Match, SubField } from './flow';
import { MATCH_NAMES, MATCH_ORDER, nxmName } from './names';
import { formatValue } from './values';

/** Names to show instead of table numbers. The text is then for people: `ovs-ofctl` knows only the numbers. */
export type TableNames = ReadonlyMap<number, string>;

const NO_NAMES: TableNames = new Map();

const ETH_TYPES: ReadonlyMap<FieldMatch | undefined, string> = new Map([
  [0x0800n, 'ip'],
  [0x0806n, 'arp'],
  [0x86ddn, 'ipv6'],
]);
const IP_PROTOCOLS: ReadonlyMap<FieldMatch | undefined, string> = new Map([
  [1n, 'icmp'],
  [6n, 'tcp'],
  [17n, 'udp'],
  [132n, 'sctp'],
]);
const IPV6_PROTOCOLS: ReadonlyMap<FieldMatch | undefined, string> = new Map([
  [58n, 'icmp6'],
  [6n, 'tcp6'],
  [17n, 'udp6'],
  [132n, 'sctp6'],
]);

/** The word for eth_type and ip_proto together, and whether it covers ip_proto. */
function protocol(match: Match): { readonly word?: string; readonly covers: readonly Field[] } {
  const network = ETH_TYPES.get(match.eth_type);
  if (network === undefined) return { covers: [] };
  const transports = network === 'ip' ? IP_PROTOCOLS : network === 'ipv6' ? IPV6_PROTOCOLS : new Map();
  const transport = transports.get(match.ip_proto);
  if (transport === undefined) return { word: network, covers: ['eth_type'] };
  return { word: transport, covers: ['eth_type', 'ip_proto'] };
}

function formatVlan(value: bigint, mask: bigint): string {
  if ((value & 0x1000n) !== 0n && (mask & 0x1fffn) === 0x1fffn) {
    const vlan = `dl_vlan=${value & 0xfffn}`;
    if (mask === 0x1fffn) return vlan;
    if (mask === 0xffffn) return `${vlan},dl_vlan_pcp=${value >> 13n}`;
  }
  return `vlan_tci=${formatValue('vlan_tci', value, mask)}`;
}

function formatField(field: Field, value: bigint, mask: bigint, names: Names): string {
  if (field === 'vlan_tci') return formatVlan(value, mask);
  // nw_tos is the whole byte, of which ip_dscp is the upper six bits.
  if (field === 'ip_dscp' && mask === exactMask(field)) return `nw_tos=${value << 2n}`;
  return `${names[field] ?? field}=${formatValue(field, value, mask)}`;
}

/**
 * A match as `ovs-ofctl dump-flows` writes it: `tcp,reg0=0xa,nw_dst=10.0.0.1,tp_dst=80`. Empty for a match on
 * everything.
 */
export function formatMatch(match: Match, unknown: readonly string[] = []): string {
  return formatFields(match, MATCH_NAMES, unknown);
}

/**
 * A packet in the text that `ofproto/trace` reads: a match with exact fields. Other than a match, a packet has
 * `udp_dst`, `sctp_dst` and `icmpv6_type` by these names only.
 */
export function formatPacket(packet: Match): string {
  return formatFields(packet, {});
}

type Names = typeof MATCH_NAMES;

function formatFields(match: Match, names: Names, unknown: readonly string[] = []): string {
  const canonical = canonicalMatch(match);
  const { word, covers } = protocol(canonical);
  const parts: string[] = [];
  for (const field of MATCH_ORDER) {
    if (field === 'protocol') {
      if (word !== undefined) parts.push(word);
      continue;
    }
    const entry = canonical[field];
    if (entry === undefined || covers.includes(field)) continue;
    const { value, mask } = fieldMatch(field, entry);
    parts.push(formatField(field, value, mask, names));
  }
  return [...parts, ...unknown.map((hex) => `unknown(${hex})`)].join(',');
}

function formatSubField({ field, offset, bits }: SubField): string {
  const whole = offset === 0 && bits === referenceBits(field);
  const range = whole ? '' : bits === 1 ? String(offset) : `${offset}..${offset + bits - 1}`;
  return `${nxmName(field)}[${range}]`;
}

function formatOutput(port: number | string): string {
  if (typeof port === 'number') return `output:${port}`;
  return port === 'controller' ? 'CONTROLLER:65535' : port.toUpperCase();
}

function formatCt(action: Extract<Action, { type: 'ct' }>, tables: TableNames): string {
  const args: string[] = [];
  if (action.commit) args.push('commit');
  if (action.table !== undefined) args.push(`table=${tableName(action.table, tables)}`);
  if (typeof action.zone !== 'number') args.push(`zone=${formatSubField(action.zone)}`);
  else if (action.zone !== 0) args.push(`zone=${action.zone}`);
  if (action.exec) args.push(`exec(${action.exec.map((inner) => formatAction(inner, tables)).join(',')})`);
  return args.length > 0 ? `ct(${args.join(',')})` : 'ct';
}

function tableName(table: number, tables: TableNames): string {
  return tables.get(table) ?? String(table);
}

function formatAction(action: Action, tables: TableNames): string {
  switch (action.type) {
    case 'output':
      return formatOutput(action.port);
    case 'output_reg':
      return `output:${formatSubField(action.source)}`;
    case 'set_field': {
      const value = formatValue(action.field, action.value, action.mask ?? exactMask(action.field));
      return `set_field:${value}->${action.field}`;
    }
    case 'move':
      return `move:${formatSubField(action.source)}->${formatSubField(action.target)}`;
    case 'push':
      return `push:${formatSubField(action.source)}`;
    case 'pop':
      return `pop:${formatSubField(action.target)}`;
    case 'push_vlan':
      return 'push_vlan:0x8100';
    case 'pop_vlan':
    case 'dec_ttl':
      return action.type;
    case 'resubmit':
      return `resubmit(,${tableName(action.table, tables)})`;
    case 'ct':
      return formatCt(action, tables);
    case 'meter':
      return `meter:${action.meter}`;
    case 'goto':
      return `goto_table:${tableName(action.table, tables)}`;
    case 'unknown':
      return `unknown(${action.hex})`;
  }
}

/** Actions as `ovs-ofctl` writes them, `drop` for none. */
export function formatActions(actions: readonly Action[], tables: TableNames = NO_NAMES): string {
  const canonical = canonicalActions(actions);
  return canonical.length === 0 ? 'drop' : canonical.map((action) => formatAction(action, tables)).join(',');
}

/**
 * A flow in the text of `ovs-ofctl`, which its `add-flow` accepts with OpenFlow 1.4 (unless table names are given or
 * something unknown was read back): `cookie=0x5,table=0,priority=100,tcp,in_port=1,tp_dst=80 actions=goto_table:3`.
 */
export function formatFlow(flow: Flow, tables: TableNames = NO_NAMES): string {
  const parts = [`cookie=0x${flow.cookie.toString(16)}`, `table=${tableName(flow.table, tables)}`];
  if (flow.idleTimeout) parts.push(`idle_timeout=${flow.idleTimeout}`);
  if (flow.hardTimeout) parts.push(`hard_timeout=${flow.hardTimeout}`);
  parts.push(`priority=${flow.priority}`);
  const match = formatMatch(flow.match, flow.unknownMatch);
  if (match !== '') parts.push(match);
  return `${parts.join(',')} actions=${formatActions(flow.actions, tables)}`;
}
