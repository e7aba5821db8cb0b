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
  /** OpenFlow port to output to. */
  outputPort: 'reg7',
} as const;
type RegisterName = keyof typeof REGISTER;

export const FLAG = {
  fromTunnel: 1n,
  toTunnel: 2n,
} as const;

/** The whole of a register as a sub-field. */
export const whole = (register: RegisterName): SubField => ({ field: REGISTER[register], offset: 0, bits: 32 });

export const load = (register: RegisterName, value: number): Action => ({
  type: 'set_field',
  field: REGISTER[register],
  value: BigInt(value),
});

export const setFlag = (flag: keyof typeof FLAG): Action => ({
  type: 'set_field',
  field: REGISTER.flags,
  value: FLAG[flag],
  mask: FLAG[flag],
});

export const is = (register: RegisterName, value: number): Match => ({ [REGISTER[register]]: BigInt(value) });

export const hasFlag = (flag: keyof typeof FLAG): Match => ({
  [REGISTER.flags]: { value: FLAG[flag], mask: FLAG[flag] },
});
export const hasNotFlag = (flag: keyof typeof FLAG): Match => ({ [REGISTER.flags]: { value: 0n, mask: FLAG[flag] } });

/** Exchanges the two classes by way of the stack. */
export const SWAP_CLASSES: readonly Action[] = [
  { type: 'push', source: whole('sourceClass') },
  { type: 'push', source: whole('destinationClass') },
  { type: 'pop', target: whole('sourceClass') },
  { type: 'pop', target: whole('destinationClass') },
];
