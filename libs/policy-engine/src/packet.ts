import { PROTOCOLS, type PortRange, type ProtocolName, type RuleFilter } from '@heddle/model';

/** The first packet of a connection, as the one who opens it sends it. */
export interface FirstPacket {
  /** IP protocol number, or one of the names that filters know. */
  readonly protocol: number | ProtocolName;
  /** Of tcp and udp. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of icmp. */
  readonly icmpType?: number;
}

export const protocolNumber = (protocol: number | ProtocolName): number =>
  typeof protocol === 'number' ? protocol : PROTOCOLS[protocol];

/** `tcp`, `udp`, `icmp`, otherwise the number. */
export function protocolName(protocol: number): string {
  const known = Object.entries(PROTOCOLS).find(([, number]) => number === protocol);
  return known ? known[0] : String(protocol);
}

/** Whether a packet has everything that a filter names; no filter matches every packet. */
export function filterMatches(filter: RuleFilter | undefined, packet: FirstPacket): boolean {
  if (filter?.protocol === undefined) return true;
  return (
    filter.protocol === protocolNumber(packet.protocol) &&
    within(filter.sourcePorts, packet.sourcePort) &&
    within(filter.destinationPorts, packet.destinationPort) &&
    (filter.icmpType === undefined || filter.icmpType === packet.icmpType)
  );
}

const within = (range: PortRange | undefined, port: number | undefined): boolean =>
  range === undefined || (port !== undefined && range.from <= port && port <= range.to);

/** `tcp 8080`, `icmp type 8`, `protocol 47`. */
export function packetText(packet: FirstPacket): string {
  const name = protocolName(protocolNumber(packet.protocol));
  const protocol = /^[0-9]/.test(name) ? `protocol ${name}` : name;
  if (packet.icmpType !== undefined) return `${protocol} type ${packet.icmpType}`;
  return packet.destinationPort === undefined ? protocol : `${protocol} ${packet.destinationPort}`;
}
