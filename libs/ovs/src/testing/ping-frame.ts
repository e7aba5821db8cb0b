import { ip4, mac } from '@heddle/pipeline';

export interface FrameAddresses {
  readonly mac: string;
  readonly address: string;
}

/** An 802.1Q header with these 16 bits; of another type than the usual on demand. */
export const tag = (tci: number, type = '8100'): string => `${type}${tci.toString(16).padStart(4, '0')}`;

/** A ping from one to another that needs no router, as a cable carries it. @param tags the headers before it, see `tag` */
export function pingFrame(from: FrameAddresses, to: FrameAddresses, tags = ''): Buffer {
  const ethernet = [bytes(mac(to.mac), 6), bytes(mac(from.mac), 6), Buffer.from(`${tags}0800`, 'hex')];
  const ip = Buffer.concat([IP_HEADER, bytes(ip4(from.address), 4), bytes(ip4(to.address), 4)]);
  ip.writeUInt16BE(checksum(ip), CHECKSUM_AT);
  return Buffer.concat([
    ...ethernet,
    ip,
    ECHO_REQUEST,
    Buffer.alloc(SHORTEST_PAYLOAD - ip.length - ECHO_REQUEST.length),
  ]);
}

/** 28 bytes of ICMP with a TTL of 64, without checksum and addresses. */
const IP_HEADER = Buffer.from('4500001c0001000040010000', 'hex');
const CHECKSUM_AT = 10;
const ECHO_REQUEST = Buffer.from('0800f7fd00010001', 'hex');
const SHORTEST_PAYLOAD = 46;

const bytes = (value: bigint, count: number): Buffer => Buffer.from(value.toString(16).padStart(2 * count, '0'), 'hex');

/** Of the internet protocol: the complement of the sum of 16-bit words with the carries added (RFC 1071). */
function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  return ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
}
