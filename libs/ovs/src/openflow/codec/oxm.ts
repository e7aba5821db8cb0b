import { HeddleError } from '@heddle/model';
import {
  exactMask,
  FIELD_INFO,
  fieldMatch,
  FIELDS,
  matchFields,
  referenceBits,
  type Field,
  type FieldMatch,
  type Match,
  type SubField,
} from '@heddle/pipeline';
import { readUint, type Writer } from './writer';

/** Classes of match fields: OpenFlow's own, the two of Nicira, ONF extensions by experimenter id, and Ericsson's. */
const OPENFLOW_BASIC = 0x8000;
const NXM_0 = 0x0000;
const NXM_1 = 0x0001;
const ERICSSON = 0x1000;
const EXPERIMENTER = 0xffff;
const ONF = 0x4f4e4600;

/** One way to name a field on the wire, and the bytes of its value there. */
interface Header {
  readonly class: number;
  readonly number: number;
  readonly bytes: number;
  readonly experimenter?: number;
}

const oxm = (number: number, bytes: number): Header => ({ class: OPENFLOW_BASIC, number, bytes });
const nxm0 = (number: number, bytes: number): Header => ({ class: NXM_0, number, bytes });
const nxm1 = (number: number, bytes: number): Header => ({ class: NXM_1, number, bytes });

const register = (index: number): readonly [Header] => [nxm1(index, 4)];

/**
 * The headers of each field (OpenFlow 1.4 section 7.2.2.7; OVS lib/meta-flow.h for the others). The first is written in
 * matches and sets, the last where actions refer to bits of the field; all are read.
 */
const HEADERS: Readonly<Record<Field, readonly [Header, ...Header[]]>> = {
  in_port: [oxm(0, 4), nxm0(0, 2)],
  eth_dst: [oxm(3, 6), nxm0(1, 6)],
  eth_src: [oxm(4, 6), nxm0(2, 6)],
  eth_type: [oxm(5, 2), nxm0(3, 2)],
  vlan_tci: [nxm0(4, 2)],
  metadata: [oxm(2, 8)],
  ip_dscp: [oxm(8, 1)],
  ip_proto: [oxm(10, 1), nxm0(6, 1)],
  ip_src: [oxm(11, 4), nxm0(7, 4)],
  ip_dst: [oxm(12, 4), nxm0(8, 4)],
  ip_frag: [nxm1(26, 1)],
  nw_ttl: [nxm1(29, 1)],
  tcp_src: [oxm(13, 2), nxm0(9, 2)],
  tcp_dst: [oxm(14, 2), nxm0(10, 2)],
  tcp_flags: [nxm1(34, 2), { class: EXPERIMENTER, number: 42, bytes: 2, experimenter: ONF }, oxm(42, 2), nxm1(34, 2)],
  udp_src: [oxm(15, 2), nxm0(11, 2)],
  udp_dst: [oxm(16, 2), nxm0(12, 2)],
  sctp_src: [oxm(17, 2)],
  sctp_dst: [oxm(18, 2)],
  icmp_type: [oxm(19, 1), nxm0(13, 1)],
  icmp_code: [oxm(20, 1), nxm0(14, 1)],
  arp_op: [oxm(21, 2), nxm0(15, 2)],
  arp_spa: [oxm(22, 4), nxm0(16, 4)],
  arp_tpa: [oxm(23, 4), nxm0(17, 4)],
  arp_sha: [oxm(24, 6), nxm1(17, 6)],
  arp_tha: [oxm(25, 6), nxm1(18, 6)],
  ipv6_src: [oxm(26, 16), nxm1(19, 16)],
  ipv6_dst: [oxm(27, 16), nxm1(20, 16)],
  icmpv6_type: [oxm(29, 1), nxm1(21, 1)],
  icmpv6_code: [oxm(30, 1), nxm1(22, 1)],
  nd_target: [oxm(31, 16), nxm1(23, 16)],
  nd_sll: [oxm(32, 6), nxm1(24, 6)],
  nd_tll: [oxm(33, 6), nxm1(25, 6)],
  nd_reserved: [{ class: ERICSSON, number: 1, bytes: 4 }],
  nd_options_type: [{ class: ERICSSON, number: 2, bytes: 1 }],
  tun_id: [oxm(38, 8), nxm1(16, 8)],
  tun_src: [nxm1(31, 4)],
  tun_dst: [nxm1(32, 4)],
  reg0: register(0),
  reg1: register(1),
  reg2: register(2),
  reg3: register(3),
  reg4: register(4),
  reg5: register(5),
  reg6: register(6),
  reg7: register(7),
  reg8: register(8),
  reg9: register(9),
  reg10: register(10),
  reg11: register(11),
  reg12: register(12),
  reg13: register(13),
  reg14: register(14),
  reg15: register(15),
  ct_state: [nxm1(105, 4)],
  ct_zone: [nxm1(106, 2)],
  ct_mark: [nxm1(107, 4)],
  ct_label: [nxm1(108, 16)],
  ct_nw_proto: [nxm1(119, 1)],
  ct_nw_src: [nxm1(120, 4)],
  ct_nw_dst: [nxm1(121, 4)],
  ct_tp_src: [nxm1(124, 2)],
  ct_tp_dst: [nxm1(125, 2)],
};

/** Actions know the port that a packet came from with 16 bits; OVS refuses to set the one of 32 bits to zero. */
const NXM_IN_PORT = HEADERS.in_port[1] as Header;

/** OpenFlow's two halves of what OVS calls `vlan_tci`; OVS reports matches in these. */
const VLAN_VID = oxm(6, 2);
const VLAN_PCP = oxm(7, 1);
const VID_MASK = 0x1fffn;
const PCP_MASK = 0xe000n;
const PCP_SHIFT = 13n;

/** One number for each header: fields of an experimenter are below zero. */
function headerKey(cls: number, number: number, experimenter = 0): number {
  return experimenter === 0 ? (cls << 7) | number : -(experimenter * 128 + number);
}

/** How a value on the wire lies in its field: shifted up by `shift`, and covering `mask` when it is exact. */
interface Place {
  readonly field: Field;
  readonly header: Header;
  readonly shift: bigint;
  readonly mask: bigint;
}

const PLACES = new Map<number, Place>();

function place(field: Field, header: Header, mask: bigint, shift = 0n): void {
  PLACES.set(headerKey(header.class, header.number, header.experimenter), { field, header, shift, mask });
}

for (const field of FIELDS) {
  for (const header of HEADERS[field]) place(field, header, exactMask(field));
}
place('vlan_tci', VLAN_VID, VID_MASK);
place('vlan_tci', VLAN_PCP, PCP_MASK, PCP_SHIFT);

function writeHeader(out: Writer, header: Header, hasMask: boolean): void {
  const experimenterBytes = header.experimenter === undefined ? 0 : 4;
  const length = experimenterBytes + header.bytes * (hasMask ? 2 : 1);
  out
    .u16(header.class)
    .u8((header.number << 1) | (hasMask ? 1 : 0))
    .u8(length);
  if (header.experimenter !== undefined) out.u32(header.experimenter);
}

function writeEntry(out: Writer, header: Header, value: bigint, mask?: bigint): void {
  writeHeader(out, header, mask !== undefined);
  out.uint(value, header.bytes);
  if (mask !== undefined) out.uint(mask, header.bytes);
}

function checkValue(field: Field, value: bigint): void {
  if (value >= 0n && value <= exactMask(field)) return;
  throw new HeddleError('invalid', `${field}=0x${value.toString(16)}: the field has ${FIELD_INFO[field].bits} bits`);
}

/**
 * Writes a field with its value, and its mask unless that is exact.
 *
 * @throws HeddleError `invalid` when the value has more bits than the field.
 */
export function writeField(out: Writer, field: Field, value: bigint, mask?: bigint): void {
  checkValue(field, value);
  writeEntry(out, HEADERS[field][0], value, mask);
}

/** Writes the field, value and mask of a set-field action. */
export function writeSet(out: Writer, field: Field, value: bigint, mask?: bigint): void {
  if (field === 'in_port') writeEntry(out, NXM_IN_PORT, value);
  else writeField(out, field, value, mask);
}

/** Writes the header by which actions refer to bits of a field. */
export function writeReference(out: Writer, field: Field): void {
  const headers = HEADERS[field];
  writeHeader(out, headers[headers.length - 1] as Header, false);
}

function writeVlan(out: Writer, value: bigint, mask: bigint): void {
  const priority = mask & PCP_MASK;
  const tagged = (value & mask & 0x1000n) !== 0n;
  if (priority !== 0n && !(priority === PCP_MASK && tagged)) {
    throw new HeddleError(
      'invalid',
      `vlan_tci=0x${value.toString(16)}/0x${mask.toString(16)} matches the priority in a way that OpenFlow cannot express; ` +
        'match all three bits of it, together with the CFI bit 0x1000, or none',
    );
  }
  const vid = mask & VID_MASK;
  if (vid !== 0n) writeEntry(out, VLAN_VID, value & VID_MASK, vid === VID_MASK ? undefined : vid);
  if (priority !== 0n) writeEntry(out, VLAN_PCP, value >> PCP_SHIFT);
}

/** Writes the entries of a match, in an order that satisfies OpenFlow's prerequisites. */
export function writeMatch(out: Writer, match: Match, unknown: readonly string[] = []): void {
  for (const field of matchFields(match)) {
    const given = match[field] as FieldMatch;
    checkValue(field, typeof given === 'bigint' ? given : given.value);
    const { value, mask } = fieldMatch(field, given);
    if (mask === 0n) continue;
    if (field === 'vlan_tci') writeVlan(out, value, mask);
    else writeField(out, field, value, mask === exactMask(field) ? undefined : mask);
  }
  for (const hex of unknown) out.hex(hex);
}

/** A field with value and mask as it was read; `undefined` when the header is not known. */
export interface Entry {
  readonly field: Field;
  readonly value: bigint;
  readonly mask: bigint;
}

interface RawEntry {
  readonly place: Place | undefined;
  readonly hasMask: boolean;
  /** Where the value starts, after header and experimenter id. */
  readonly valueAt: number;
  readonly valueBytes: number;
  readonly end: number;
}

function readRaw(buffer: Buffer, at: number): RawEntry {
  const cls = buffer.readUInt16BE(at);
  const third = buffer.readUInt8(at + 2);
  const length = buffer.readUInt8(at + 3);
  const end = at + 4 + length;
  const isExperimenter = cls === EXPERIMENTER;
  const experimenter = isExperimenter && at + 8 <= buffer.length ? buffer.readUInt32BE(at + 4) : 0;
  const valueAt = at + 4 + (isExperimenter ? 4 : 0);
  const place = PLACES.get(headerKey(cls, third >> 1, experimenter));
  return { place, hasMask: (third & 1) === 1, valueAt, valueBytes: end - valueAt, end };
}

/** Reads one entry, header and value; `next` is where the following one starts. */
export function readEntry(buffer: Buffer, at: number): { readonly entry?: Entry; readonly next: number } {
  if (at + 4 > buffer.length) return { next: buffer.length };
  const { place, hasMask, valueAt, valueBytes, end } = readRaw(buffer, at);
  if (place === undefined || end > buffer.length) return { next: end };
  const bytes = place.header.bytes;
  if (valueBytes !== bytes * (hasMask ? 2 : 1)) return { next: end };
  const value = readUint(buffer, valueAt, bytes) << place.shift;
  const mask = hasMask ? (readUint(buffer, valueAt + bytes, bytes) << place.shift) & place.mask : place.mask;
  return { entry: { field: place.field, value: value & mask, mask }, next: end };
}

/** Reads a header without a value, as actions carry it; `bits` is the width of what it names. */
export function readReference(
  buffer: Buffer,
  at: number,
): { readonly field?: Field; readonly bits: number; readonly next: number } {
  const { place, valueAt } = readRaw(buffer, at);
  if (place === undefined || place.header === VLAN_PCP) return { bits: 0, next: valueAt };
  return { field: place.field, bits: Math.min(8 * place.header.bytes, referenceBits(place.field)), next: valueAt };
}

/** Reads the entries of a match. */
export function readMatch(buffer: Buffer): { readonly match: Match; readonly unknown: string[] } {
  const match: { [F in Field]?: FieldMatch } = {};
  const unknown: string[] = [];
  for (let at = 0; at + 4 <= buffer.length;) {
    const { entry, next } = readEntry(buffer, at);
    if (entry === undefined) {
      unknown.push(buffer.toString('hex', at, next));
    } else {
      const { field, value, mask } = entry;
      const before = match[field] === undefined ? undefined : fieldMatch(field, match[field]);
      const both = before ? before.mask | mask : mask;
      const all = before ? before.value | value : value;
      match[field] = both === exactMask(field) ? all : { value: all, mask: both };
    }
    at = next;
  }
  return { match, unknown };
}

/** @throws HeddleError `invalid` when a part is not inside its field. */
export function checkSubField({ field, offset, bits }: SubField): void {
  const width = referenceBits(field);
  if (offset >= 0 && bits >= 1 && offset + bits <= width) return;
  throw new HeddleError(
    'invalid',
    `bits ${offset}..${offset + bits - 1} of ${field}: the field has bits 0..${width - 1}`,
  );
}
