import { fnv1a } from '@heddle/model';

/**
 * Cookies: the upper 16 bits mark a flow as ours, the lower 48 say what it stands for: the id of a rule in the contract
 * table, a hash of the endpoint's or network's id for flows of one, a small number for the fixed ones.
 */
export const COOKIE_MARK = 0x4845n << 48n;
export const COOKIE_MARK_MASK = 0xffffn << 48n;
const ID_MASK = (1n << 48n) - 1n;

export const isOurs = (cookie: bigint): boolean => (cookie & COOKIE_MARK_MASK) === COOKIE_MARK;

/** Cookie of a rule, from its id of 12 hex digits. */
export const ruleCookie = (ruleId: string): bigint => COOKIE_MARK | BigInt(`0x${ruleId}`);

/** The rule id inside a cookie of the contract table. */
export const ruleIdOf = (cookie: bigint): string => (cookie & ID_MASK).toString(16).padStart(12, '0');

/** Cookie of everything that belongs to one endpoint, EPG, bridge domain or other named thing. */
export function objectCookie(id: string): bigint {
  const high = BigInt(fnv1a(id)) & 0xffffn;
  const low = BigInt(fnv1a(`${id}#`));
  return COOKIE_MARK | (high << 32n) | low;
}

/** Why a packet was dropped by a fixed flow; the number is the low part of that flow's cookie. */
export const DROP_REASONS = {
  'unknown-port': 1,
  'spoofed-source': 2,
  'unknown-tunnel-source': 3,
  'unanswered-arp': 4,
  'no-destination': 5,
  'not-ip': 6,
  'invalid-connection-state': 7,
  'no-contract': 8,
  'host-link-refused': 9,
  'unknown-vlan': 10,
  'unknown-fabric-source': 11,
  'vlan-mismatch': 12,
  'hairpin-refused': 13,
  'address-elsewhere': 14,
} as const;
export type DropReason = keyof typeof DROP_REASONS;

export const dropCookie = (reason: DropReason): bigint => COOKIE_MARK | BigInt(DROP_REASONS[reason]);

/** Cookie of the fixed flows that pass packets on. */
export const FIXED_COOKIE = COOKIE_MARK;

/** Asks a switch for the fixed flows, drops among them, and not for those of rules and endpoints, of which there are many. */
export const DROP_COOKIES = { cookie: COOKIE_MARK, cookieMask: COOKIE_MARK_MASK | (ID_MASK & ~0xfn) } as const;

export function dropReasonOf(cookie: bigint): DropReason | undefined {
  const id = Number(cookie & ID_MASK);
  return (Object.keys(DROP_REASONS) as DropReason[]).find((reason) => DROP_REASONS[reason] === id);
}
