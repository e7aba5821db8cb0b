import { fnv1a, formatAddress, type Address } from '@heddle/model';
import { requireAddress } from './subnet';

/**
 * The MAC address of the endpoint with an address: deterministic, so that it survives restarts and needs no table.
 *
 * Both forms are locally administered (bit 2 of the first octet set) and unicast (bit 1 clear). IPv4 is written out:
 * 10.32.0.7 -> 02:48:0a:20:00:07. IPv6 is hashed to 40 bits behind 06, so the two never meet; among the endpoints of one
 * bridge domain (1,000: one chance in two million) a collision of two hashes is for the caller to refuse.
 */
export function macOf(address: string): string {
  const parsed = requireAddress(address);
  return formatMac(parsed.family === 4 ? ipv4Octets(parsed) : ipv6Octets(parsed));
}

const ipv4Octets = ({ value }: Address): number[] => [0x02, 0x48, ...octets(Number(value))];

/**
 * The MAC address of an endpoint that shares its port with endpoints of other segments (children of one uplink): those of two
 * segments may have the same address, so the address alone will not do. 40 bits of hash behind 0a, where {@link macOf} never is;
 * the kernel refuses two equal ones on one parent.
 *
 * @param segment a name that no other segment has, such as the path of a bridge domain
 */
export function macIn(segment: string, address: string): string {
  const text = `${segment} ${formatAddress(requireAddress(address))}`;
  return formatMac([0x0a, fnv1a(`mac ${text}`) & 0xff, ...octets(fnv1a(text))]);
}

function ipv6Octets(address: Address): number[] {
  const text = formatAddress(address);
  // A second hash from another starting state: a suffix would add nothing, for FNV-1a's next state depends on its last.
  return [0x06, fnv1a(`mac ${text}`) & 0xff, ...octets(fnv1a(text))];
}

const octets = (n: number): number[] => [n >>> 24, (n >>> 16) & 0xff, (n >>> 8) & 0xff, n & 0xff];

const formatMac = (all: readonly number[]): string => all.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
