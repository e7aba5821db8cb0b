import type { Action, Match, SubField } from './openflow/flow';

/** What each register holds while a packet is in the pipeline. */
export const REGISTER = {
  /** Class of the source; of the connection's opener between `connection-state` and `commit`. */
  sourceClass: 'reg0',
  /** Class of the destination. */
  destinationClass: 'reg2',
  bridgeDomain: 'reg3',
  /** VRF id; its low 16 bits are the conntrack zone. */
  vrf: 'reg4',
  /** See {@link FLAG}. */
  flags: 'reg5',
  /** VLAN in which the packet came in at a shared port; 0: untagged. Answers go back in it. */
  arrivalVlan: 'reg6',
  /** OpenFlow port of the endpoint or tunnel to output to. */
  outputPort: 'reg7',
  /** Of a source whose EPG travels a fabric: the port that leads there. */
  uplinkPort: 'reg8',
  /** And the VLAN of its EPG there. */
  uplinkVlan: 'reg9',
} as const;
export type RegisterName = keyof typeof REGISTER;

export const FLAG = {
  fromTunnel: 1n,
  toTunnel: 2n,
  fromFabric: 4n,
  toFabric: 8n,
  /** Whoever sent it has routed already: the frame carries the MAC of its destination whatever bridge domain that is in. */
  routed: 16n,
  /** The source has an uplink, see the registers. */
  hasUplink: 32n,
} as const;
type FlagName = keyof typeof FLAG;

/** The whole of a register as a sub-field. */
export const whole = (register: RegisterName): SubField => ({ field: REGISTER[register], offset: 0, bits: 32 });

export const load = (register: RegisterName, value: number): Action => ({
  type: 'set_field',
  field: REGISTER[register],
  value: BigInt(value),
});

const bitsOf = (flags: readonly FlagName[]): bigint => flags.reduce((bits, flag) => bits | FLAG[flag], 0n);

export const setFlags = (...flags: FlagName[]): Action => ({
  type: 'set_field',
  field: REGISTER.flags,
  value: bitsOf(flags),
  mask: bitsOf(flags),
});

export const is = (register: RegisterName, value: number): Match => ({ [REGISTER[register]]: BigInt(value) });

/** A match on flags that are set and flags that are not. */
export const flags = (set: readonly FlagName[], clear: readonly FlagName[]): Match => ({
  [REGISTER.flags]: { value: bitsOf(set), mask: bitsOf([...set, ...clear]) },
});

/** Exchanges the two classes by way of the stack. */
export const SWAP_CLASSES: readonly Action[] = [
  { type: 'push', source: whole('sourceClass') },
  { type: 'push', source: whole('destinationClass') },
  { type: 'pop', target: whole('sourceClass') },
  { type: 'pop', target: whole('destinationClass') },
];
