import type { Flow } from '@heddle/pipeline';
import { FlowCommand, writeFlowMod } from './flow-mod';
import { encodeMessage, HEADER_BYTES, MessageType, writeMessage, type Message } from './header';
import type { Writer } from './writer';

/** Bundle control messages (OpenFlow 1.4, section 7.3.9); each reply has the number after its request. */
export const BundleControl = { open: 0, close: 2, commit: 4, discard: 6 } as const;
export type BundleControl = (typeof BundleControl)[keyof typeof BundleControl];

/** Packets meet the tables before the bundle or after it, and its messages take effect in their order. */
const ATOMIC_ORDERED = 0b11;

export function encodeBundleControl(xid: number, bundle: number, control: BundleControl): Buffer {
  return encodeMessage(MessageType.bundleControl, xid, (out) => out.u32(bundle).u16(control).u16(ATOMIC_ORDERED));
}

/** Whether a message answers a bundle control message of this kind. */
export function answersControl({ type, bytes }: Message, control: BundleControl): boolean {
  return type === MessageType.bundleControl && bytes.readUInt16BE(HEADER_BYTES + 4) === control + 1;
}

/** Writes the message that puts a flow-mod into a bundle; inner and outer message have the same xid. */
export function writeBundledFlow(
  out: Writer,
  xid: number,
  bundle: number,
  command: FlowCommand,
  flow: Flow,
  cookieMask?: bigint,
): void {
  writeMessage(out, MessageType.bundleAdd, xid, () => {
    out.u32(bundle).zeros(2).u16(ATOMIC_ORDERED);
    writeFlowMod(out, xid, command, flow, cookieMask);
  });
}
