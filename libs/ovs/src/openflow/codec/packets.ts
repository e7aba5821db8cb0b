import type { Action, Match, Port } from '@heddle/pipeline';
import { portNumber } from '@heddle/pipeline';
import { writeActions } from './actions';
import { HEADER_BYTES, MessageType, writeMessage, type Message } from './header';
import { readMatch } from './oxm';
import { Writer } from './writer';

const NO_BUFFER = 0xffffffff;

/** A packet to be sent by the switch. */
export interface PacketOut {
  /** The port that the packet counts as received from. */
  readonly inPort: Port;
  readonly actions: readonly Action[];
  /** The frame, from the destination MAC address on. */
  readonly data: Uint8Array;
}

export function encodePacketOut(xid: number, packet: PacketOut): Buffer {
  const out = new Writer();
  writeMessage(out, MessageType.packetOut, xid, () => {
    out.u32(NO_BUFFER).u32(portNumber(packet.inPort));
    const lengthAt = out.length;
    out.u16(0).zeros(6);
    const start = out.length;
    writeActions(out, packet.actions);
    out.fillLength(lengthAt, start);
    out.bytes(packet.data);
  });
  return out.finish();
}

/** A packet that a flow sent to the controller. */
export interface PacketIn {
  /** Port of the bridge that it came in at. */
  readonly inPort: number;
  readonly table: number;
  /** Of the flow that sent it. */
  readonly cookie: bigint;
  /** The port again, with registers and metadata that are not zero. */
  readonly match: Match;
  /** The frame as it was then, from the destination MAC address on. */
  readonly data: Buffer;
}

export function readPacketIn({ bytes }: Message): PacketIn {
  const matchAt = HEADER_BYTES + 16;
  const matchBytes = bytes.readUInt16BE(matchAt + 2);
  const { match } = readMatch(bytes.subarray(matchAt + 4, matchAt + matchBytes));
  return {
    inPort: Number(match.in_port ?? 0n),
    table: bytes.readUInt8(HEADER_BYTES + 7),
    cookie: bytes.readBigUInt64BE(HEADER_BYTES + 8),
    match,
    data: bytes.subarray(matchAt + ((matchBytes + 7) & ~7) + 2),
  };
}
