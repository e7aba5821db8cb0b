import { createHash } from 'node:crypto';

/** IFNAMSIZ less its final zero: the longest name the kernel gives a network link. */
export const MAX_LINK_NAME = 15;

/**
 * A link's name made of a prefix and an id: `PREFIX ID` as they are when that fits into 15 characters, else the prefix
 * and as much of the id's SHA-256 in base 36 as there is room for. The same words always give the same name.
 * @param prefix at most 9 characters, so that a hash of 6 or more makes names of different ids differ
 */
export function linkName(prefix: string, id: string): string {
  if (!/^[A-Za-z0-9_.-]{1,9}$/.test(prefix)) {
    throw new RangeError(`the prefix of a link name is 1 to 9 of A-Z a-z 0-9 _ . -, not "${prefix}"`);
  }
  if (/^[A-Za-z0-9_.-]+$/.test(id) && prefix.length + id.length <= MAX_LINK_NAME) return prefix + id;
  const hash = BigInt(`0x${createHash('sha256').update(id).digest('hex')}`).toString(36);
  return prefix + hash.slice(-(MAX_LINK_NAME - prefix.length));
}
