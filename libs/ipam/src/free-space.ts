import { bitsOf, networkOf, sizeOf, type Cidr } from '@heddle/model';
import { countUsable, type Subnet } from './subnet';

/** Addresses from `start` up to, not including, `end`. */
export interface Range {
  readonly start: bigint;
  readonly end: bigint;
}

const rangeOf = (cidr: Cidr): Range => {
  const { value: start } = networkOf(cidr);
  return { start, end: start + sizeOf(cidr) };
};

/** The parts of a network that none of the blocks covers, in ascending order. */
export function gaps(network: Cidr, taken: readonly Cidr[]): Range[] {
  const { start, end } = rangeOf(network);
  const ranges = taken
    .filter((cidr) => cidr.family === network.family)
    .map(rangeOf)
    .filter((r) => r.end > start && r.start < end)
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  const free: Range[] = [];
  let at = start;
  for (const range of ranges) {
    if (range.start > at) free.push({ start: at, end: range.start });
    if (range.end > at) at = range.end;
  }
  if (at < end) free.push({ start: at, end });
  return free;
}

export const sizeOfGaps = (free: readonly Range[]): bigint => free.reduce((sum, r) => sum + (r.end - r.start), 0n);

/** Size of the largest address family: address 0 is aligned to every block. */
const ADDRESS_SPACE = 1n << 128n;

/** Cuts a range into the fewest aligned blocks (powers of two), in ascending order. */
function* alignedBlocks({ start, end }: Range): Generator<Range> {
  let at = start;
  while (at < end) {
    let size = at === 0n ? ADDRESS_SPACE : at & -at;
    while (size > end - at) size >>= 1n;
    yield { start: at, end: at + size };
    at += size;
  }
}

/**
 * A free aligned block of the given prefix length with at least one address for an endpoint: from the smallest run that
 * fits (buddy allocation with best fit, which keeps large runs whole), lowest address first. Undefined if none fits.
 */
export function findBlock(free: readonly Range[], prefix: number, subnet: Subnet): Cidr | undefined {
  const { family } = subnet.network;
  const size = 1n << BigInt(bitsOf(family) - prefix);
  const runs = free
    .flatMap((range) => [...alignedBlocks(range)])
    .filter((run) => run.end - run.start >= size)
    .sort((a, b) => Number(a.end - a.start - (b.end - b.start)) || (a.start < b.start ? -1 : 1));
  for (const run of runs) {
    // At most three addresses of a subnet are reserved, so the loop ends after a few steps.
    for (let value = run.start; value < run.end; value += size) {
      const block: Cidr = { family, value, prefix };
      if (countUsable(block, subnet) > 0n) return block;
    }
  }
  return undefined;
}
