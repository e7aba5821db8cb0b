import type { FlowStats } from '@heddle/pipeline';
import { HEADER_BYTES, MessageType, writeMessage, type Message } from './header';
import { readInstructions } from './instructions';
import { readMatch } from './oxm';
import { Writer } from './writer';

/** Kinds of multipart messages (OpenFlow 1.4, section 7.3.5), as far as they are used. */
export const Multipart = { flow: 1, portStats: 4, portDescription: 13 } as const;

const REPLY_MORE = 1;
const BODY_AT = HEADER_BYTES + 8;
const ANY = 0xffffffff;
const ALL_TABLES = 0xff;

/** Which flows to report. */
export interface FlowFilter {
  /** Only this table. */
  readonly table?: number;
  /** Only flows whose cookie has these bits, under `cookieMask` (all bits if missing). */
  readonly cookie?: bigint;
  readonly cookieMask?: bigint;
}

export function encodeMultipart(kind: number, xid: number, body?: (out: Writer) => void): Buffer {
  const out = new Writer();
  writeMessage(out, MessageType.multipartRequest, xid, () => {
    out.u16(kind).u16(0).zeros(4);
    body?.(out);
  });
  return out.finish();
}

/** The request for flows and their counters. */
export function encodeFlowRequest(xid: number, { table, cookie, cookieMask }: FlowFilter): Buffer {
  const mask = cookie === undefined ? 0n : (cookieMask ?? 0xffff_ffff_ffff_ffffn);
  return encodeMultipart(Multipart.flow, xid, (out) => {
    out
      .u8(table ?? ALL_TABLES)
      .zeros(3)
      .u32(ANY)
      .u32(ANY)
      .zeros(4);
    out.u64(cookie ?? 0n).u64(mask);
    out.u16(1).u16(4).zeros(4); // a match on everything
  });
}

/** The request for the counters of all ports. */
export function encodePortStatsRequest(xid: number): Buffer {
  return encodeMultipart(Multipart.portStats, xid, (out) => out.u32(ANY).zeros(4));
}

/** Whether more parts of the same answer follow. */
export function hasMore({ bytes }: Message): boolean {
  return (bytes.readUInt16BE(HEADER_BYTES + 2) & REPLY_MORE) !== 0;
}

/** The body of a multipart message. */
export function multipartBody({ bytes }: Message): Buffer {
  return bytes.subarray(BODY_AT);
}

/** Flows with their counters, from the body of one part. */
export function readFlowStats(body: Buffer): FlowStats[] {
  const flows: FlowStats[] = [];
  for (let at = 0; at + 56 <= body.length;) {
    const length = body.readUInt16BE(at);
    if (length < 56 || at + length > body.length) break;
    flows.push(readFlow(body.subarray(at, at + length)));
    at += length;
  }
  return flows;
}

/** One `ofp_flow_stats`: a match follows 48 bytes of fixed fields, the instructions follow the match. */
function readFlow(entry: Buffer): FlowStats {
  const matchBytes = entry.readUInt16BE(50);
  const { match, unknown } = readMatch(entry.subarray(52, 48 + matchBytes));
  const actions = readInstructions(entry, 48 + ((matchBytes + 7) & ~7), entry.length);
  const idleTimeout = entry.readUInt16BE(14);
  const hardTimeout = entry.readUInt16BE(16);
  return {
    table: entry.readUInt8(2),
    priority: entry.readUInt16BE(12),
    cookie: entry.readBigUInt64BE(24),
    match,
    ...(unknown.length > 0 ? { unknownMatch: unknown } : {}),
    actions,
    ...(hardTimeout > 0 ? { hardTimeout } : {}),
    ...(idleTimeout > 0 ? { idleTimeout } : {}),
    packets: entry.readBigUInt64BE(32),
    bytes: entry.readBigUInt64BE(40),
  };
}
