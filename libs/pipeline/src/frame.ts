import { formatIpv4, formatMac } from './openflow/values';

/** The headers of a frame, as far as they are told apart here. */
export interface Frame {
  readonly destination: string;
  readonly source: string;
  /** Of the outer 802.1Q header, if there is one. */
  readonly vlan?: number;
  /** EtherType of what follows that. */
  readonly etherType: number;
  /** Present for ARP over Ethernet and IPv4 that is wholly there. */
  readonly arp?: Arp;
}

export interface Arp {
  /** 1 asks, 2 answers. */
  readonly operation: number;
  readonly senderMac: string;
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
}

const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;
const ARP_BYTES = 28;
const TPID = 0x8100;
const ETHER_TYPE_ARP = 0x0806;
/** Ethernet and IPv4, with addresses of 6 and 4 bytes. */
const ARP_OVER_ETHERNET = 0x0001_0800_0604n;

/** Reads the headers of a frame that somebody sent, whatever is in it; undefined when it is shorter than they are. */
export function parseFrame(data: Uint8Array): Frame | undefined {
  if (data.length < ETHERNET_BYTES) return undefined;
  const addresses = { destination: macAt(data, 0), source: macAt(data, 6) };
  const type = Number(numberAt(data, 12, 2));
  if (type !== TPID) return { ...addresses, etherType: type, ...arpAt(data, ETHERNET_BYTES, type) };
  if (data.length < ETHERNET_BYTES + TAG_BYTES) return undefined;
  const vlan = Number(numberAt(data, 14, 2)) & 0xfff;
  const etherType = Number(numberAt(data, 16, 2));
  return { ...addresses, vlan, etherType, ...arpAt(data, ETHERNET_BYTES + TAG_BYTES, etherType) };
}

function arpAt(data: Uint8Array, at: number, etherType: number): { arp?: Arp } {
  if (etherType !== ETHER_TYPE_ARP || data.length < at + ARP_BYTES) return {};
  if (numberAt(data, at, 6) !== ARP_OVER_ETHERNET) return {};
  return {
    arp: {
      operation: Number(numberAt(data, at + 6, 2)),
      senderMac: macAt(data, at + 8),
      senderAddress: addressAt(data, at + 14),
      targetMac: macAt(data, at + 18),
      targetAddress: addressAt(data, at + 24),
    },
  };
}

const macAt = (data: Uint8Array, at: number): string => formatMac(numberAt(data, at, 6));
const addressAt = (data: Uint8Array, at: number): string => formatIpv4(numberAt(data, at, 4));

/** An unsigned number in network order. */
const numberAt = (data: Uint8Array, at: number, bytes: number): bigint =>
  data.subarray(at, at + bytes).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
