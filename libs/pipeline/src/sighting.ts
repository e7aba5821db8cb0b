import type { Sighting } from '@heddle/model';
import { dropCookie } from './cookie';
import { parseFrame } from './frame';
import type { Match } from './openflow/flow';
import { REGISTER } from './registers';

/** A packet that the switch showed, as far as it matters here. */
export interface ShownPacket {
  readonly inPort: number;
  readonly cookie: bigint;
  /** Registers that are not zero. */
  readonly match: Match;
  readonly data: Uint8Array;
}

/** What a sighting says, with the OpenFlow number of the port: its name, and the time, are known to whoever listens. */
export type SightingAt = Omit<Sighting, 'at' | 'port'> & { readonly port: number };

/** Who claimed which address where, from a packet of the table `sighting`; undefined for any other packet. */
export function sightingOf({ inPort, cookie, match, data }: ShownPacket): SightingAt | undefined {
  if (cookie !== dropCookie('address-elsewhere')) return undefined;
  const frame = parseFrame(data);
  if (!frame?.arp) return undefined;
  // The tag is off by then; the register has what it was.
  const arrival = match[REGISTER.arrivalVlan];
  const vlan = typeof arrival === 'bigint' ? Number(arrival) : frame.vlan;
  return {
    mac: frame.source,
    address: frame.arp.senderAddress,
    port: inPort,
    ...(vlan === undefined || vlan === 0 ? {} : { vlan }),
  };
}
