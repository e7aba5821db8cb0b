import { Writer } from './writer';

/** OpenFlow 1.4 on the wire. */
export const VERSION = 0x05;
export const HEADER_BYTES = 8;

/** Message types (OpenFlow 1.4, section 7.1.1), as far as they are used. */
export const MessageType = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  featuresRequest: 5,
  featuresReply: 6,
  setConfig: 9,
  packetIn: 10,
  portStatus: 12,
  packetOut: 13,
  flowMod: 14,
  multipartRequest: 18,
  multipartReply: 19,
  barrierRequest: 20,
  barrierReply: 21,
  setAsync: 28,
  meterMod: 29,
  bundleControl: 33,
  bundleAdd: 34,
} as const;

/** A whole message as it came. */
export interface Message {
  readonly version: number;
  readonly type: number;
  readonly xid: number;
  /** The whole message, header included: positions in it are those of the specification. */
  readonly bytes: Buffer;
}

/** Writes one message; `body` writes what follows the header. */
export function writeMessage(out: Writer, type: number, xid: number, body?: (out: Writer) => void): void {
  const start = out.length;
  out.u8(VERSION).u8(type).u16(0).u32(xid);
  body?.(out);
  out.fillLength(start + 2, start);
}

/** One message by itself. */
export function encodeMessage(type: number, xid: number, body?: (out: Writer) => void): Buffer {
  const out = new Writer();
  writeMessage(out, type, xid, body);
  return out.finish();
}
