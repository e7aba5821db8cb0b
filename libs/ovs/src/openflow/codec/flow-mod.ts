import { HeddleError } from '@heddle/model';
import { canonicalActions, formatFlow, type Flow } from '@heddle/pipeline';
import { HEADER_BYTES, MessageType, writeMessage } from './header';
import { readInstructions, writeInstructions } from './instructions';
import { readMatch, writeMatch } from './oxm';
import type { Writer } from './writer';

/** What to do with the entry of a flow (OpenFlow 1.4, section 7.3.4.1). */
export const FlowCommand = {
  /** Makes the entry be so, in place of one with the same table, priority and match. Counters go on. */
  add: 0,
  /** Takes the entry away, and only this one. */
  deleteStrict: 4,
} as const;
export type FlowCommand = (typeof FlowCommand)[keyof typeof FlowCommand];

const NO_BUFFER = 0xffffffff;
const ANY = 0xffffffff;
const MATCH_OXM = 1;
/** Where the match starts, after 40 bytes of fixed fields. */
const MATCH_AT = HEADER_BYTES + 40;

/** Writes the fields of a match with its header, filled up to a multiple of 8 bytes. */
export function writeWholeMatch(out: Writer, flow: Pick<Flow, 'match' | 'unknownMatch'>): void {
  const start = out.length;
  out.u16(MATCH_OXM).u16(0);
  writeMatch(out, flow.match, flow.unknownMatch);
  out.fillLength(start + 2, start);
  out.pad8(start);
}

/**
 * Writes a flow-mod message.
 *
 * @param cookieMask for a deletion: which bits of the cookie must be those of `flow`.
 * @throws HeddleError `invalid` with the flow as text, for what OpenFlow cannot express.
 */
export function writeFlowMod(out: Writer, xid: number, command: FlowCommand, flow: Flow, cookieMask = 0n): void {
  const deletes = command === FlowCommand.deleteStrict;
  try {
    writeMessage(out, MessageType.flowMod, xid, () => {
      out.u64(flow.cookie).u64(cookieMask);
      out.u8(flow.table).u8(command);
      out
        .u16(deletes ? 0 : (flow.idleTimeout ?? 0))
        .u16(deletes ? 0 : (flow.hardTimeout ?? 0))
        .u16(flow.priority);
      out.u32(NO_BUFFER).u32(ANY).u32(ANY).u16(0).u16(0);
      writeWholeMatch(out, flow);
      if (!deletes) writeInstructions(out, canonicalActions(flow.actions));
    });
  } catch (error) {
    if (!(error instanceof HeddleError || isRangeError(error))) throw error;
    throw new HeddleError('invalid', `${error.message}, in the flow "${formatFlow(flow)}"`, { cause: error });
  }
}

/** A number that does not fit its place, as Node's buffers report it. */
function isRangeError(error: unknown): error is Error {
  return typeof error === 'object' && error !== null && (error as { name?: unknown }).name === 'RangeError';
}

/** Reads a flow-mod message: the flow in it, with what the wire cannot hold lost. */
export function readFlowMod(bytes: Buffer): Flow {
  const matchBytes = bytes.readUInt16BE(MATCH_AT + 2);
  const { match, unknown } = readMatch(bytes.subarray(MATCH_AT + 4, MATCH_AT + matchBytes));
  const actions = readInstructions(bytes, MATCH_AT + ((matchBytes + 7) & ~7), bytes.length);
  const idleTimeout = bytes.readUInt16BE(HEADER_BYTES + 18);
  const hardTimeout = bytes.readUInt16BE(HEADER_BYTES + 20);
  return {
    table: bytes.readUInt8(HEADER_BYTES + 16),
    priority: bytes.readUInt16BE(HEADER_BYTES + 22),
    cookie: bytes.readBigUInt64BE(HEADER_BYTES),
    match,
    ...(unknown.length > 0 ? { unknownMatch: unknown } : {}),
    actions,
    ...(hardTimeout > 0 ? { hardTimeout } : {}),
    ...(idleTimeout > 0 ? { idleTimeout } : {}),
  };
}
