import { isIpv4 } from '@heddle/model';
import { ip4, isMac, mac as macNumber, type LocalEndpoint, type RemoteEndpoint } from '@heddle/pipeline';

/** Which MAC has which address, by `BRIDGE-DOMAIN ADDRESS`. */
export type Bindings = ReadonlyMap<string, string>;

/** A frame to be sent out of a port of the bridge. */
export interface Announcement {
  readonly port: number;
  readonly data: Buffer;
}

/** @param bridgeDomainOf the bridge domain of an EPG, undefined while it is not resolved */
export function bindingsOf(
  endpoints: Iterable<LocalEndpoint | RemoteEndpoint>,
  bridgeDomainOf: (epg: string) => number | undefined,
): Bindings {
  const bindings = new Map<string, string>();
  for (const { epg, mac, addresses } of endpoints) {
    const bridgeDomain = bridgeDomainOf(epg);
    if (bridgeDomain === undefined || !isMac(mac)) continue;
    // As with flows, who comes first keeps an address that two claim.
    for (const address of addresses) {
      const key = `${bridgeDomain} ${address}`;
      if (isIpv4(address) && !bindings.has(key)) bindings.set(key, mac);
    }
  }
  return bindings;
}

/**
 * Gratuitous ARP (RFC 5227, section 3) for what moved. Neighbours behind our ports hear of an address that another MAC has now,
 * or they would go on sending to the old one; a fabric hears of every endpoint that appears behind an uplink, in its VLAN, so
 * that switches which learn find it there. Pure.
 *
 * @param appeared endpoints that had no port here before
 */
export function announcements(
  before: Bindings,
  now: Bindings,
  local: readonly LocalEndpoint[],
  appeared: ReadonlySet<string>,
  bridgeDomainOf: (epg: string) => number | undefined,
): Announcement[] {
  const changed = [...now].filter(([key, mac]) => before.has(key) && before.get(key) !== mac);
  const toNeighbours = changed.flatMap(([key, mac]) => {
    const [bridgeDomain, address] = key.split(' ') as [string, string];
    return local
      .filter((e) => !e.wire?.routed && String(bridgeDomainOf(e.epg)) === bridgeDomain && e.mac !== mac)
      .map((e) => ({ port: e.port, data: gratuitousArp(mac, address, { to: e.mac, vlan: e.wire?.vlan }) }));
  });
  const toFabric = local.flatMap(({ id, mac, addresses, uplink }) =>
    uplink && appeared.has(id) && isMac(mac)
      ? addresses.filter(isIpv4).map((address) => ({
          port: uplink.port,
          data: gratuitousArp(mac, address, { to: BROADCAST, vlan: uplink.vlan }),
        }))
      : [],
  );
  return [...toNeighbours, ...toFabric];
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const ETHERTYPE = { vlan: 0x8100, arp: 0x0806 } as const;
/** Without its checksum; a frame with a VLAN header has four bytes more. */
const SHORTEST_FRAME = 60;

/** An ARP request in which sender and target are the same address, as a frame. */
export function gratuitousArp(mac: string, address: string, { to, vlan }: { to: string; vlan?: number }): Buffer {
  const header = Buffer.concat([
    macBytes(to),
    macBytes(mac),
    ...(vlan === undefined ? [] : [uint16(ETHERTYPE.vlan), uint16(vlan)]),
    uint16(ETHERTYPE.arp),
  ]);
  const ip = Buffer.alloc(4);
  ip.writeUInt32BE(Number(ip4(address)));
  // Ethernet, IPv4, their address lengths, request; sender MAC and address, target MAC (none) and address.
  const arp = Buffer.concat([Buffer.from('0001080006040001', 'hex'), macBytes(mac), ip, Buffer.alloc(6), ip]);
  const padding = Buffer.alloc(Math.max(0, SHORTEST_FRAME - header.length - arp.length));
  return Buffer.concat([header, arp, padding]);
}

const macBytes = (mac: string): Buffer => Buffer.from(macNumber(mac).toString(16).padStart(12, '0'), 'hex');

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
