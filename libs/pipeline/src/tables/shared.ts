import type { Action, Flow, Match } from '../openflow/flow';
import { tableNumber, type TableName } from '../tables';
import { REGISTER, type RegisterName } from '../registers';
import { dropCookie, FIXED_COOKIE, type DropReason } from '../cookie';

export const ETH_IP = 0x0800n;
export const ETH_ARP = 0x0806n;
export const PROTO = { icmp: 1n, tcp: 6n, udp: 17n } as const;

export const IP: Match = { eth_type: ETH_IP };
export const ARP: Match = { eth_type: ETH_ARP };

/** No 802.1Q header: without this a tagged frame with valid inner addresses would pass the guards. */
export const UNTAGGED: Match = { vlan_tci: { value: 0n, mask: 0x1fffn } };

/** The bit of `vlan_tci` that is set in every tagged frame. */
const VLAN_PRESENT = 0x1000n;
const tci = (vlan: number) => ({ value: VLAN_PRESENT | BigInt(vlan), mask: 0x1fffn });

/** An outer 802.1Q header with this VLAN, of any priority. */
export const tagged = (vlan: number): Match => ({ vlan_tci: tci(vlan) });

export const POP_VLAN: Action = { type: 'pop_vlan' };

/** Tags a frame. */
export const pushVlan = (vlan: number): Action[] => [
  { type: 'push_vlan' },
  { type: 'set_field', field: 'vlan_tci', ...tci(vlan) },
];

/** Tags a frame with the VLAN in a register. */
export const pushVlanOf = (register: RegisterName): Action[] => [
  { type: 'push_vlan' },
  {
    type: 'move',
    source: { field: REGISTER[register], offset: 0, bits: 12 },
    target: { field: 'vlan_tci', offset: 0, bits: 12 },
  },
];

/** Bits of `ct_state`, by ovs-fields(7). */
const CT = { new: 0x01n, est: 0x02n, rel: 0x04n, rpl: 0x08n, inv: 0x10n, trk: 0x20n } as const;
type CtFlag = keyof typeof CT;

/** A match on connection state: `ctState(['trk', 'new'], ['inv'])` is `+trk+new-inv`. */
export function ctState(set: readonly CtFlag[], clear: readonly CtFlag[] = []): Match {
  const bits = (flags: readonly CtFlag[]): bigint => flags.reduce((sum, flag) => sum | CT[flag], 0n);
  return { ct_state: { value: bits(set), mask: bits(set) | bits(clear) } };
}

export const goto = (table: TableName): Action => ({ type: 'goto', table: tableNumber(table) });

export function flow(
  table: TableName,
  priority: number,
  match: Match,
  actions: readonly Action[],
  cookie = FIXED_COOKIE,
): Flow {
  return { table: tableNumber(table), priority, cookie, match, actions };
}

/** The last flow of a table: drops, and counts why. */
export const otherwiseDrop = (table: TableName, reason: DropReason): Flow => flow(table, 0, {}, [], dropCookie(reason));

export const set = (field: Extract<Action, { type: 'set_field' }>['field'], value: bigint): Action => ({
  type: 'set_field',
  field,
  value,
});

/** Copies a whole field of `bits` onto another of the same size. */
export const copy = (
  source: Extract<Action, { type: 'set_field' }>['field'],
  target: Extract<Action, { type: 'set_field' }>['field'],
  bits: number,
): Action => ({ type: 'move', source: { field: source, offset: 0, bits }, target: { field: target, offset: 0, bits } });

/** Out of the port that the packet came in by; a plain output to it has no effect in OpenFlow. */
export const TO_IN_PORT: Action = { type: 'output', port: 'in_port' };

/** An answer, made of the packet in hand, to whoever sent that. */
export const BACK: Action = goto('reply');
