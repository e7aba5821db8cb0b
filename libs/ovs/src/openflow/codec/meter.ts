import { encodeMessage, MessageType } from './header';

/** Ends the packets above a rate (OpenFlow 1.4, section 5.7): a flow that names it passes no more than that on. */
export interface Meter {
  /** 1 to 2^32 - 65537; the owner of a bridge gives them out. */
  readonly id: number;
  readonly packetsPerSecond: number;
  /** Packets above the rate that pass at once after a silence. */
  readonly burst: number;
}

/** What to do with a meter (section 7.3.4.4); `add` is refused for one that there is, `modify` for one that there is not. */
export const MeterCommand = { add: 0, modify: 1 } as const;
export type MeterCommand = (typeof MeterCommand)[keyof typeof MeterCommand];

const PACKETS_PER_SECOND = 0b0010;
const BURST = 0b0100;
const STATISTICS = 0b1000;
const DROP_BAND = 1;

/** The name of the error with which `add` is refused. */
export const METER_EXISTS = 'OFPMMFC_METER_EXISTS';

export function encodeMeterMod(xid: number, command: MeterCommand, meter: Meter): Buffer {
  return encodeMessage(MessageType.meterMod, xid, (out) =>
    out
      .u16(command)
      .u16(PACKETS_PER_SECOND | BURST | STATISTICS)
      .u32(meter.id)
      .u16(DROP_BAND)
      .u16(16)
      .u32(meter.packetsPerSecond)
      .u32(meter.burst)
      .zeros(4),
  );
}
