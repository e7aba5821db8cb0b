/** Frames built by hand, and read as far as the tests look into them. */

export const BROADCAST = 'ff:ff:ff:ff:ff:ff';
/** Where every endpoint finds its gateway; see the pipeline. */
export const GATEWAY_MAC = '02:48:00:00:00:01';

/** `experiment` is the type for local experiments (IEEE Std 802). */
const ETHER_TYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd, experiment: 0x88b5 } as const;
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;

/** The MAC address that an endpoint with this address has on every host: 02:48 and the address written out. */
export const macOf = (address: string): string =>
  ['02', '48', ...address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');

const mac = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
const ip = (text: string): Buffer => Buffer.from(text.split('.').map(Number));

function numbers(...values: (readonly [bits: 8 | 16 | 32, value: number])[]): Buffer {
  return Buffer.concat(
    values.map(([bits, value]) => {
      const buffer = Buffer.alloc(bits / 8);
      buffer.writeUIntBE(value, 0, bits / 8);
      return buffer;
    }),
  );
}

export interface Link {
  readonly from: string;
  readonly to: string;
}

export const ethernet = ({ from, to }: Link, type: keyof typeof ETHER_TYPE, payload: Buffer): Buffer =>
  Buffer.concat([mac(to), mac(from), numbers([16, ETHER_TYPE[type]]), payload]);

/** The same frame with an 802.1Q header. */
export const tagged = (frame: Buffer, vlan: number): Buffer =>
  Buffer.concat([frame.subarray(0, 12), numbers([16, ETHER_TYPE.vlan], [16, vlan]), frame.subarray(12)]);

export interface Arp {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac?: string;
  readonly targetAddress: string;
}

export const arp = (link: Link, body: Arp): Buffer =>
  ethernet(
    link,
    'arp',
    Buffer.concat([
      numbers([16, 1], [16, ETHER_TYPE.ipv4], [8, 6], [8, 4], [16, body.operation === 'request' ? 1 : 2]),
      mac(body.senderMac),
      ip(body.senderAddress),
      mac(body.targetMac ?? '00:00:00:00:00:00'),
      ip(body.targetAddress),
    ]),
  );

export interface Addresses {
  readonly source: string;
  readonly destination: string;
}

export interface Ports {
  readonly sourcePort: number;
  readonly destinationPort: number;
}

function ipv4({ source, destination }: Addresses, protocol: keyof typeof PROTOCOL, payload: Buffer): Buffer {
  const header = Buffer.concat([
    numbers([8, 0x45], [8, 0], [16, 20 + payload.length], [16, 0], [16, 0x4000], [8, 64], [8, PROTOCOL[protocol]]),
    numbers([16, 0]),
    ip(source),
    ip(destination),
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

/** Checksum over the pseudo-header and the segment; its own field must be zero. */
function transportChecksum({ source, destination }: Addresses, protocol: number, segment: Buffer): number {
  const pseudo = Buffer.concat([ip(source), ip(destination), numbers([8, 0], [8, protocol], [16, segment.length])]);
  return checksum(Buffer.concat([pseudo, segment]));
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] as number) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function udp(link: Link, addresses: Addresses, ports: Ports, payload: Buffer | string): Buffer {
  const data = Buffer.from(payload);
  const segment = Buffer.concat([
    numbers([16, ports.sourcePort], [16, ports.destinationPort], [16, 8 + data.length], [16, 0]),
    data,
  ]);
  segment.writeUInt16BE(transportChecksum(addresses, PROTOCOL.udp, segment) || 0xffff, 6);
  return ethernet(link, 'ipv4', ipv4(addresses, 'udp', segment));
}

/** The first segment of a connection, with a payload by which it is known again. */
export function tcpSyn(link: Link, addresses: Addresses, ports: Ports, payload = ''): Buffer {
  const segment = Buffer.concat([
    numbers([16, ports.sourcePort], [16, ports.destinationPort], [32, 1], [32, 0]),
    numbers([16, 0x5002], [16, 65_535], [16, 0], [16, 0]),
    Buffer.from(payload),
  ]);
  segment.writeUInt16BE(transportChecksum(addresses, PROTOCOL.tcp, segment), 16);
  return ethernet(link, 'ipv4', ipv4(addresses, 'tcp', segment));
}

/** An ICMP echo request. */
export function ping(link: Link, addresses: Addresses, payload: string): Buffer {
  const message = Buffer.concat([numbers([8, 8], [8, 0], [16, 0], [16, 1], [16, 1]), Buffer.from(payload)]);
  message.writeUInt16BE(checksum(message), 2);
  return ethernet(link, 'ipv4', ipv4(addresses, 'icmp', message));
}

/** A UDP datagram over IPv6, without regard for its checksum: nothing may look that far. */
export function udp6(link: Link, addresses: Addresses, ports: Ports, payload: string): Buffer {
  const data = Buffer.from(payload);
  const segment = Buffer.concat([
    numbers([16, ports.sourcePort], [16, ports.destinationPort], [16, 8 + data.length], [16, 0xffff]),
    data,
  ]);
  const address = (text: string): Buffer => Buffer.from(text.replaceAll(':', ''), 'hex');
  const header = numbers([32, 0x6000_0000], [16, segment.length], [8, PROTOCOL.udp], [8, 64]);
  return ethernet(
    link,
    'ipv6',
    Buffer.concat([header, address(addresses.source), address(addresses.destination), segment]),
  );
}

/** What a tunnel endpoint sends over UDP: the VXLAN header (RFC 7348) with a network identifier, and a frame. */
export const vxlan = (identifier: number, frame: Buffer): Buffer =>
  Buffer.concat([numbers([32, 0x0800_0000], [32, identifier * 256]), frame]);

/** Sender of a frame by its addresses, where it is IPv4 or ARP. */
export function sourceOf(frame: Buffer): { mac: string; address?: string } {
  const text = (at: number): string => [...frame.subarray(at, at + 4)].join('.');
  const type = frame.readUInt16BE(12);
  return {
    mac: [...frame.subarray(6, 12)].map((octet) => octet.toString(16).padStart(2, '0')).join(':'),
    ...(type === ETHER_TYPE.ipv4 ? { address: text(26) } : type === ETHER_TYPE.arp ? { address: text(28) } : {}),
  };
}
