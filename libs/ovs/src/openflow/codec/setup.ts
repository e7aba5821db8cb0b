import { HeddleError } from '@heddle/model';
import { encodeMessage, HEADER_BYTES, MessageType, VERSION, type Message } from './header';

const VERSION_BITMAP = 1;

/** The first message of a connection: the one version that is spoken here. */
export function encodeHello(xid: number): Buffer {
  return encodeMessage(MessageType.hello, xid, (out) =>
    out
      .u16(VERSION_BITMAP)
      .u16(8)
      .u32(1 << VERSION),
  );
}

/** @throws HeddleError `invalid` when the switch does not speak our version. */
export function checkHello({ version, bytes }: Message): void {
  const bitmap = versionBitmap(bytes);
  if (bitmap === undefined ? version >= VERSION : (bitmap & (1 << VERSION)) !== 0) return;
  throw new HeddleError(
    'invalid',
    `the bridge does not speak OpenFlow 1.4 (wire version 0x05); add OpenFlow14 to its protocols`,
  );
}

/** The first 32 versions that the sender speaks, if it says so. */
function versionBitmap(bytes: Buffer): number | undefined {
  for (let at = HEADER_BYTES; at + 8 <= bytes.length;) {
    const length = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) === VERSION_BITMAP && length >= 8) return bytes.readUInt32BE(at + 4);
    at += Math.max(8, (length + 7) & ~7);
  }
  return undefined;
}

/** What a switch says about itself. */
export interface Features {
  readonly datapathId: bigint;
  readonly tables: number;
}

export function readFeatures({ bytes }: Message): Features {
  return { datapathId: bytes.readBigUInt64BE(HEADER_BYTES), tables: bytes.readUInt8(HEADER_BYTES + 12) };
}

/** Bytes of a packet that a packet-in carries; above zero, or OVS sends no events at all on a management connection. */
const MISS_SEND_LENGTH = 0xffff;

export function encodeSetConfig(xid: number): Buffer {
  return encodeMessage(MessageType.setConfig, xid, (out) => out.u16(0).u16(MISS_SEND_LENGTH));
}

/** Properties of set-async (OpenFlow 1.4, section 7.3.10): even ones for slaves, odd ones for everyone else. */
const PACKET_IN = [0, 1] as const;
const PORT_STATUS = [2, 3] as const;
const FLOW_REMOVED = [4, 5] as const;
/** What flows and packet-outs send on purpose; not the packets whose TTL ended, which are nobody's affair here. */
const SENT_BY_FLOWS = 0b111011;

/** Which events the switch shall send: port changes always, packets that flows send only when asked for, nothing else. */
export function encodeSetAsync(xid: number, packetIns: boolean): Buffer {
  return encodeMessage(MessageType.setAsync, xid, (out) => {
    const set = (properties: readonly number[], reasons: number): void => {
      for (const property of properties) out.u16(property).u16(8).u32(reasons);
    };
    set(PACKET_IN, packetIns ? SENT_BY_FLOWS : 0);
    set(PORT_STATUS, 0b111);
    set(FLOW_REMOVED, 0);
  });
}
