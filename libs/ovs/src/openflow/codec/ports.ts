import { readUint } from './writer';

/** A port of a bridge (OpenFlow 1.4, section 7.2.1). */
export interface PortDescription {
  readonly number: number;
  readonly name: string;
  /** Colon-separated, lower case. */
  readonly mac: string;
  /** Taken down by the administrator. */
  readonly adminDown: boolean;
  /** The link has no carrier. */
  readonly linkDown: boolean;
}

/** The counters of a port. */
export interface PortCounters {
  readonly number: number;
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
}

export type PortEvent = 'added' | 'deleted' | 'modified';

const CONFIG_PORT_DOWN = 1;
const STATE_LINK_DOWN = 1;
const DESCRIPTION_BYTES = 40;
const STATS_BYTES = 80;
const EVENTS: readonly PortEvent[] = ['added', 'deleted', 'modified'];

function readDescription(entry: Buffer): PortDescription {
  const name = entry.subarray(16, 32);
  const end = name.indexOf(0);
  return {
    number: entry.readUInt32BE(0),
    name: name.toString('utf8', 0, end < 0 ? name.length : end),
    mac: (entry.toString('hex', 8, 14).match(/../g) ?? []).join(':'),
    adminDown: (entry.readUInt32BE(32) & CONFIG_PORT_DOWN) !== 0,
    linkDown: (entry.readUInt32BE(36) & STATE_LINK_DOWN) !== 0,
  };
}

/** Port descriptions from the body of one part; each carries its own length. */
export function readPortDescriptions(body: Buffer): PortDescription[] {
  const ports: PortDescription[] = [];
  for (let at = 0; at + DESCRIPTION_BYTES <= body.length;) {
    ports.push(readDescription(body.subarray(at)));
    at += Math.max(DESCRIPTION_BYTES, body.readUInt16BE(at + 4));
  }
  return ports;
}

/** Port counters from the body of one part. */
export function readPortCounters(body: Buffer): PortCounters[] {
  const ports: PortCounters[] = [];
  for (let at = 0; at + STATS_BYTES <= body.length;) {
    const counter = (index: number): bigint => readUint(body, at + 16 + 8 * index, 8);
    ports.push({
      number: body.readUInt32BE(at + 4),
      rxPackets: counter(0),
      txPackets: counter(1),
      rxBytes: counter(2),
      txBytes: counter(3),
      rxDropped: counter(4),
      txDropped: counter(5),
    });
    at += Math.max(STATS_BYTES, body.readUInt16BE(at));
  }
  return ports;
}

/** The body of a port-status message. */
export function readPortStatus(body: Buffer): { readonly event: PortEvent; readonly port: PortDescription } {
  return { event: EVENTS[body.readUInt8(0)] ?? 'modified', port: readDescription(body.subarray(8)) };
}
