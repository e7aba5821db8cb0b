/** A value with a mask of 16 bits. */
export interface PortMask {
  readonly value: number;
  readonly mask: number;
}

/**
 * The shortest list of value/mask pairs that covers exactly the ports `from`..`to`: the range is cut into aligned blocks of
 * powers of two, largest first from the left (the usual prefix cover of an interval; at most 30 for 16 bits).
 */
export function portMasks(from: number, to: number): PortMask[] {
  const masks: PortMask[] = [];
  for (let start = from; start <= to;) {
    const alignment = start === 0 ? 0x10000 : start & -start;
    let size = alignment;
    while (start + size - 1 > to) size >>= 1;
    masks.push({ value: start, mask: 0xffff & ~(size - 1) });
    start += size;
  }
  return masks;
}
