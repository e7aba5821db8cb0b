import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@heddle/host';
import type { Packet } from '@heddle/oracle';
import { direct, routed, type Container } from './containers';
import { ping, tcpSyn, udp } from './frames';
import type { Wire } from './wire';

/** The first packet of a connection from one container to another. */
export interface Attempt {
  readonly source: Container;
  readonly destination: Container;
  readonly packet: Packet;
  /** Straight to the neighbour's MAC address, or by way of the gateway. */
  readonly by: 'neighbour' | 'gateway';
}

export interface Arrival extends Attempt {
  readonly arrived: boolean;
}

const ARRIVAL_MS = 5_000;
/** How long a forbidden packet is given to arrive after the last permitted one did. */
const QUIET_MS = 500;
const FRAMES_AT_ONCE = 40;

let run = 0;

/**
 * Sends the first packet of every attempt, from below the protocol stack of the sender, and looks where it arrives. Every attempt
 * has ports of its own, so that none meets the connection of another.
 * @param permitted how many should arrive: only then, and after a time of quiet, is the absence of others believed
 */
export async function arrivals(
  attempts: readonly Attempt[],
  wires: ReadonlyMap<string, Wire>,
  permitted: number,
): Promise<Arrival[]> {
  run++;
  const marked = attempts.map((attempt, i) => ({ attempt, mark: `<${run}:${i}>` }));
  for (let i = 0; i < marked.length; i += FRAMES_AT_ONCE) {
    for (const { attempt, mark } of marked.slice(i, i + FRAMES_AT_ONCE)) {
      wireAt(wires, attempt.source).send(frameOf(attempt, 20_000 + ((run * 5_000 + i) % 40_000), mark));
    }
    await sleep(10);
  }
  const look = (): Arrival[] =>
    marked.map(({ attempt, mark }) => ({ ...attempt, arrived: wireAt(wires, attempt.destination).count(mark) > 0 }));
  const count = (): number => look().filter((a) => a.arrived).length;
  // If fewer arrive than should, the comparison says which.
  await waitFor(() => count() >= permitted, { deadlineMs: ARRIVAL_MS, intervalMs: 50, what: 'arrivals' }).catch(
    (): void => undefined,
  );
  await sleep(QUIET_MS);
  return look();
}

function wireAt(wires: ReadonlyMap<string, Wire>, { id, epg, host }: Container): Wire {
  const wire = wires.get(id);
  if (!wire) throw new Error(`no wire at ${epg} on ${host}`);
  return wire;
}

function frameOf({ source, destination, packet, by }: Attempt, sourcePort: number, mark: string): Buffer {
  const link = by === 'neighbour' ? direct(source, destination) : routed(source);
  const addresses = { source: source.address, destination: destination.address };
  const ports = { sourcePort: packet.sourcePort ?? sourcePort, destinationPort: packet.destinationPort ?? 0 };
  switch (packet.protocol) {
    case 'icmp':
      return ping(link, addresses, mark);
    case 'tcp':
      return tcpSyn(link, addresses, ports, mark);
    case 'udp':
      return udp(link, addresses, ports, mark);
    default:
      throw new Error(`no frame for protocol ${packet.protocol}`);
  }
}
