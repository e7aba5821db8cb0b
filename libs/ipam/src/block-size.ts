import { bitsOf, type Family } from '@heddle/model';

/**
 * A block is at most this part of the space that is free when it is leased, so that many hosts find room in a small
 * subnet: with 8, every halving of the free space serves about as many hosts again, until blocks are single addresses.
 */
export const FREE_SHARE = 8n;

/** The size of an IPv6 block, 64 addresses: a subnet there has more blocks than there will be hosts. */
const IPV6_BLOCK = 122;

/**
 * Prefix length of the blocks of a subnet while there is plenty of room.
 *
 * IPv4: 22 + prefix/4, so that the number of blocks and their size grow together (/8 -> /24, /16 -> /26, /20 -> /27,
 * /24 -> /28), but at least four blocks a subnet (/28 -> /30) and no longer than /32.
 */
export function naturalBlockPrefix(family: Family, subnetPrefix: number): number {
  const wanted = family === 4 ? 22 + Math.floor(subnetPrefix / 4) : IPV6_BLOCK;
  return Math.min(bitsOf(family), Math.max(wanted, subnetPrefix + 2));
}

/**
 * Prefix length of the next block to lease: the natural one, or a larger block when more addresses are wanted, shrunk
 * towards a single address until it is at most a {@link FREE_SHARE}th of the free space.
 */
export function nextBlockPrefix(family: Family, subnetPrefix: number, free: bigint, want: number): number {
  const bits = bitsOf(family);
  const wanted = bits - Math.ceil(Math.log2(Math.max(1, want)));
  let prefix = Math.max(subnetPrefix, Math.min(naturalBlockPrefix(family, subnetPrefix), wanted));
  while (prefix < bits && (1n << BigInt(bits - prefix)) * FREE_SHARE > free) prefix++;
  return prefix;
}
