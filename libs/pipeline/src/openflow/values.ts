import { exactMask, FIELD_INFO, ones } from './fields';
import type { Field } from './flow';
import { portOf } from './ports';

/** The text of field values, as `ovs-ofctl` writes and reads them. */

const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'];
const CT_STATE = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const FRAGMENTS: ReadonlyMap<string, string> = new Map([
  ['0/3', 'no'],
  ['1/1', 'yes'],
  ['1/3', 'first'],
  ['3/3', 'later'],
  ['0/2', 'not_later'],
]);

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const hex16 = (value: bigint): string => `0x${value.toString(16).padStart(4, '0')}`;

/** `02:00:0a:00:01:05` for a 48-bit value. */
export function formatMac(value: bigint): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** `10.0.1.5` for a 32-bit value. */
export function formatIpv4(value: bigint): string {
  const n = Number(value);
  return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
}

/** The canonical text of RFC 5952 (lower case, the longest run of zero groups shortened) for a 128-bit value. */
export function formatIpv6(value: bigint): string {
  const groups = (value.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).map((g) => g.replace(/^0{1,3}/, ''));
  let best = { start: 0, length: 1 };
  for (let i = 0; i < groups.length; i++) {
    let length = 0;
    while (groups[i + length] === '0') length++;
    if (length > best.length) best = { start: i, length };
  }
  if (best.length === 1) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

/** The length of a mask that is a prefix, else undefined. */
function prefixLength(mask: bigint, bits: number): number | undefined {
  const zeros = ones(bits) ^ mask;
  if ((zeros & (zeros + 1n)) !== 0n) return undefined;
  return bits - (zeros === 0n ? 0 : zeros.toString(2).length);
}

function formatAddress(value: bigint, mask: bigint, bits: number, text: (value: bigint) => string): string {
  if (mask === ones(bits)) return text(value);
  const prefix = prefixLength(mask, bits);
  return `${text(value)}/${prefix ?? text(mask)}`;
}

/** `new|trk` for an exact value, `+trk-new` under a mask; hex when a bit has no word. */
function formatFlags(value: bigint, mask: bigint, words: readonly string[], exact: bigint): string {
  const known = ones(words.length);
  const at = (bit: number, of: bigint): boolean => ((of >> BigInt(bit)) & 1n) === 1n;
  if (mask === exact && (value & ~known) === 0n) {
    return words.filter((_, bit) => at(bit, value)).join('|') || '0';
  }
  if ((mask & ~known) !== 0n) return `${hex(value)}/${hex(mask)}`;
  return words.map((word, bit) => (at(bit, mask) ? (at(bit, value) ? '+' : '-') + word : '')).join('');
}

function formatPort(value: bigint): string {
  const port = portOf(Number(value));
  return typeof port === 'number' ? String(port) : port.toUpperCase();
}

/** The text of `value` under `mask` for a field, as in a match: `10.0.0.0/8`, `+trk-new`, `0x20/0xf0`. */
export function formatValue(field: Field, value: bigint, mask: bigint): string {
  const { bits, format } = FIELD_INFO[field];
  const exact = mask === exactMask(field);
  switch (format) {
    case 'mac':
      return exact ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
    case 'ipv4':
      return formatAddress(value, mask, bits, formatIpv4);
    case 'ipv6':
      return formatAddress(value, mask, bits, formatIpv6);
    case 'port':
      return exact ? formatPort(value) : `${hex(value)}/${hex(mask)}`;
    case 'frag':
      return FRAGMENTS.get(`${value}/${mask}`) ?? `${hex(value)}/${hex(mask)}`;
    case 'tcp_flags':
      return formatFlags(value, mask, TCP_FLAGS, exactMask(field));
    case 'ct_state':
      return formatFlags(value, mask, CT_STATE, exactMask(field));
    case 'hex16':
      return exact ? hex16(value) : `${hex16(value)}/${hex16(mask)}`;
    case 'decimal':
      return exact ? value.toString() : `${hex(value)}/${hex(mask)}`;
    case 'hex':
      return exact ? hex(value) : `${hex(value)}/${hex(mask)}`;
  }
}
