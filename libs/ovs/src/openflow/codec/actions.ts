import { HeddleError } from '@heddle/model';
import { exactMask, ones, portNumber, portOf, type Action, type SubField } from '@heddle/pipeline';
import { checkSubField, readEntry, readReference, writeSet, writeReference } from './oxm';
import { readUint, Writer } from './writer';

/** Standard actions (OpenFlow 1.4, section 7.2.4). */
const OUTPUT = 0;
const PUSH_VLAN = 17;
const POP_VLAN = 18;
const DEC_NW_TTL = 24;
const SET_FIELD = 25;
const EXPERIMENTER = 0xffff;

/** Actions of the Nicira extensions (OVS lib/ofp-actions.c). */
const NICIRA = 0x00002320;
const REG_MOVE = 6;
const REG_LOAD = 7;
const RESUBMIT_TABLE = 14;
const OUTPUT_REG = 15;
const STACK_PUSH = 27;
const STACK_POP = 28;
const OUTPUT_REG2 = 32;
const REG_LOAD2 = 33;
const CT = 35;

const ETH_TYPE_VLAN = 0x8100;
/** Send the whole packet to the controller; also the value where a length has no meaning. */
const NO_LIMIT = 0xffff;
/** "The port the packet came from" in the 16-bit numbers of the Nicira actions. */
const IN_PORT_16 = 0xfff8;
const CT_COMMIT = 1;
const CT_NO_TABLE = 0xff;
/** type, length, experimenter and subtype. */
const NICIRA_HEADER = 10;

type ActionOf<T extends Action['type']> = Extract<Action, { type: T }>;

/** Writes actions one after the other. `meter` and `goto` are instructions and not accepted here. */
export function writeActions(out: Writer, actions: readonly Action[]): void {
  for (const action of actions) writeAction(out, action);
}

/** Reads the actions between two positions; what is not known becomes `unknown` with its bytes. */
export function readActions(buffer: Buffer, start: number, end: number): Action[] {
  const actions: Action[] = [];
  for (let at = start; at + 4 <= end;) {
    const length = buffer.readUInt16BE(at + 2);
    if (length < 4 || at + length > end) {
      actions.push(unknown(buffer.subarray(at, end)));
      break;
    }
    const bytes = buffer.subarray(at, at + length);
    actions.push(readAction(bytes) ?? unknown(bytes));
    at += length;
  }
  return actions;
}

function unknown(bytes: Buffer): ActionOf<'unknown'> {
  return { type: 'unknown', kind: 'action', hex: bytes.toString('hex') };
}

function writeAction(out: Writer, action: Action): void {
  switch (action.type) {
    case 'output':
      return standard(out, OUTPUT, () => {
        const port = portNumber(action.port);
        out
          .u32(port)
          .u16(portOf(port) === 'controller' ? NO_LIMIT : 0)
          .zeros(6);
      });
    case 'push_vlan':
      return standard(out, PUSH_VLAN, () => out.u16(ETH_TYPE_VLAN));
    case 'pop_vlan':
      return standard(out, POP_VLAN, () => undefined);
    case 'dec_ttl':
      return standard(out, DEC_NW_TTL, () => undefined);
    case 'set_field':
      return writeSetField(out, action);
    case 'move':
      return writeMove(out, action);
    case 'output_reg':
      return nicira(out, OUTPUT_REG2, () => {
        out.u16(rangeOf(action.source)).u16(NO_LIMIT);
        writeReference(out, action.source.field);
      });
    case 'push':
      return writeStack(out, STACK_PUSH, action.source);
    case 'pop':
      return writeStack(out, STACK_POP, action.target);
    case 'resubmit':
      return nicira(out, RESUBMIT_TABLE, () => out.u16(IN_PORT_16).u8(action.table).zeros(3));
    case 'ct':
      return writeCt(out, action);
    case 'unknown':
      if (action.kind === 'instruction') throw misplaced('an instruction');
      out.hex(action.hex);
      return;
    case 'goto':
      throw misplaced('goto');
    case 'meter':
      throw misplaced('meter', 'first');
  }
}

function misplaced(what: string, place: 'first' | 'last' = 'last'): HeddleError {
  return new HeddleError('invalid', `${what} stands among the actions; it must be the ${place} thing a flow does`);
}

/** An action of type, length and body, filled up to a multiple of 8 bytes. */
function standard(out: Writer, type: number, body: () => unknown): void {
  const start = out.length;
  out.u16(type).u16(0);
  body();
  out.pad8(start).fillLength(start + 2, start);
}

function nicira(out: Writer, subtype: number, body: () => unknown): void {
  standard(out, EXPERIMENTER, () => {
    out.u32(NICIRA).u16(subtype);
    body();
  });
}

/** Offset and width of a part in the 16 bits that OVS calls `ofs_nbits`, which have room for a width of 64. */
function rangeOf(part: SubField): number {
  checkSubField(part);
  if (part.bits > 64)
    throw new HeddleError('invalid', `${part.bits} bits of ${part.field}: at most 64 fit this action`);
  return (part.offset << 6) | (part.bits - 1);
}

function writeSetField(out: Writer, { field, value, mask }: ActionOf<'set_field'>): void {
  const exact = exactMask(field);
  if (mask === undefined || (mask & exact) === exact) {
    standard(out, SET_FIELD, () => writeSet(out, field, value));
  } else {
    // Set-field of OpenFlow 1.4 has no mask.
    nicira(out, REG_LOAD2, () => writeSet(out, field, value & mask, mask & exact));
  }
}

function writeMove(out: Writer, { source, target }: ActionOf<'move'>): void {
  if (source.bits !== target.bits) {
    throw new HeddleError(
      'invalid',
      `move of ${source.bits} bits of ${source.field} to ${target.bits} bits of ${target.field}`,
    );
  }
  checkSubField(source);
  checkSubField(target);
  nicira(out, REG_MOVE, () => {
    out.u16(source.bits).u16(source.offset).u16(target.offset);
    writeReference(out, source.field);
    writeReference(out, target.field);
  });
}

function writeStack(out: Writer, subtype: number, part: SubField): void {
  checkSubField(part);
  nicira(out, subtype, () => {
    out.u16(part.offset);
    writeReference(out, part.field);
    out.u16(part.bits).zeros(6);
  });
}

function writeCt(out: Writer, { commit, zone, table, exec = [] }: ActionOf<'ct'>): void {
  nicira(out, CT, () => {
    out.u16(commit ? CT_COMMIT : 0);
    if (typeof zone === 'number') {
      out.u32(0).u16(zone);
    } else {
      writeReference(out, zone.field);
      out.u16(rangeOf(zone));
    }
    out
      .u8(table ?? CT_NO_TABLE)
      .zeros(3)
      .u16(0);
    writeActions(out, exec);
  });
}

function readAction(bytes: Buffer): Action | undefined {
  switch (bytes.readUInt16BE(0)) {
    case OUTPUT:
      return bytes.length === 16 ? { type: 'output', port: portOf(bytes.readUInt32BE(4)) } : undefined;
    case PUSH_VLAN:
      return bytes.length === 8 && bytes.readUInt16BE(4) === ETH_TYPE_VLAN ? { type: 'push_vlan' } : undefined;
    case POP_VLAN:
      return { type: 'pop_vlan' };
    case DEC_NW_TTL:
      return { type: 'dec_ttl' };
    case SET_FIELD:
      return readSetField(bytes, 4);
    case EXPERIMENTER:
      return bytes.length >= 16 && bytes.readUInt32BE(4) === NICIRA ? readNicira(bytes) : undefined;
    default:
      return undefined;
  }
}

function readNicira(bytes: Buffer): Action | undefined {
  switch (bytes.readUInt16BE(8)) {
    case REG_MOVE:
      return readMove(bytes);
    case REG_LOAD:
      return readLoad(bytes);
    case REG_LOAD2:
      return readSetField(bytes, NICIRA_HEADER);
    case RESUBMIT_TABLE:
      if (bytes.readUInt16BE(NICIRA_HEADER) !== IN_PORT_16) return undefined;
      return { type: 'resubmit', table: bytes.readUInt8(12) };
    case OUTPUT_REG:
      return readOutputRegister(bytes, 12);
    case OUTPUT_REG2:
      return readOutputRegister(bytes, 14);
    case STACK_PUSH:
      return readStack(bytes, (source) => ({ type: 'push', source }));
    case STACK_POP:
      return readStack(bytes, (target) => ({ type: 'pop', target }));
    case CT:
      return readCt(bytes);
    default:
      return undefined;
  }
}

function readSetField(bytes: Buffer, at: number): Action | undefined {
  const { entry } = readEntry(bytes, at);
  if (entry === undefined) return undefined;
  const { field, value, mask } = entry;
  return mask === exactMask(field) ? { type: 'set_field', field, value } : { type: 'set_field', field, value, mask };
}

/** The part that `ofs_nbits` at one position and a header at another name. */
function readPart(bytes: Buffer, rangeAt: number, headerAt: number): SubField | undefined {
  const range = bytes.readUInt16BE(rangeAt);
  return part(bytes, headerAt, range >> 6, (range & 0x3f) + 1)?.part;
}

function part(
  bytes: Buffer,
  headerAt: number,
  offset: number,
  bits: number,
): { part: SubField; next: number } | undefined {
  if (headerAt + 4 > bytes.length) return undefined;
  const { field, bits: width, next } = readReference(bytes, headerAt);
  if (field === undefined || bits < 1 || offset + bits > width) return undefined;
  return { part: { field, offset, bits }, next };
}

/** REG_LOAD sets a run of at most 64 bits; OVS reports masked sets as one or more of these. */
function readLoad(bytes: Buffer): Action | undefined {
  if (bytes.length !== 24) return undefined;
  const target = readPart(bytes, NICIRA_HEADER, 12);
  if (target === undefined) return undefined;
  const shift = BigInt(target.offset);
  const mask = ones(target.bits) << shift;
  const value = (readUint(bytes, 16, 8) << shift) & mask;
  const { field } = target;
  return mask === exactMask(field) ? { type: 'set_field', field, value } : { type: 'set_field', field, value, mask };
}

function readMove(bytes: Buffer): Action | undefined {
  if (bytes.length < 24) return undefined;
  const bits = bytes.readUInt16BE(10);
  const source = part(bytes, 16, bytes.readUInt16BE(12), bits);
  const target = source && part(bytes, source.next, bytes.readUInt16BE(14), bits);
  return source && target && { type: 'move', source: source.part, target: target.part };
}

function readOutputRegister(bytes: Buffer, headerAt: number): Action | undefined {
  if (bytes.length < 24) return undefined;
  const source = readPart(bytes, NICIRA_HEADER, headerAt);
  return source && { type: 'output_reg', source };
}

function readStack(bytes: Buffer, make: (part: SubField) => Action): Action | undefined {
  if (bytes.length !== 24) return undefined;
  const { next } = readReference(bytes, 12);
  if (next + 2 > bytes.length) return undefined;
  const found = part(bytes, 12, bytes.readUInt16BE(10), bytes.readUInt16BE(next));
  return found && make(found.part);
}

function readCt(bytes: Buffer): Action | undefined {
  if (bytes.length < 24) return undefined;
  const flags = bytes.readUInt16BE(10);
  const hasZoneField = bytes.readUInt32BE(12) !== 0;
  const zone = hasZoneField ? readPart(bytes, 16, 12) : bytes.readUInt16BE(16);
  const table = bytes.readUInt8(18);
  const algorithm = bytes.readUInt16BE(22);
  if (zone === undefined || (flags & ~CT_COMMIT) !== 0 || algorithm !== 0) return undefined;
  const exec = readActions(bytes, 24, bytes.length);
  return {
    type: 'ct',
    ...(flags & CT_COMMIT ? { commit: true } : {}),
    zone,
    ...(table === CT_NO_TABLE ? {} : { table }),
    ...(exec.length > 0 ? { exec } : {}),
  };
}
