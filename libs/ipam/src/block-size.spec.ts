import fc from 'fast-check';
import { FREE_SHARE, naturalBlockPrefix, nextBlockPrefix } from './block-size';

describe('naturalBlockPrefix', () => {
  it.each([
    [8, 24],
    [16, 26],
    [20, 27],
    [24, 28],
    [26, 28],
    [28, 30],
    [30, 32],
  ])('gives blocks of an IPv4 /%i the prefix /%i', (subnet, block) => {
    expect(naturalBlockPrefix(4, subnet)).toBe(block);
  });

  it('gives IPv6 subnets blocks of 64 addresses', () => {
    expect(naturalBlockPrefix(6, 64)).toBe(122);
    expect(naturalBlockPrefix(6, 124)).toBe(126);
  });
});

describe('nextBlockPrefix', () => {
  it('halves the block as free space shrinks, down to a single address', () => {
    const at = (free: bigint): number => nextBlockPrefix(4, 24, free, 1);
    expect([256n, 128n, 127n, 64n, 32n, 16n, 15n, 1n].map(at)).toEqual([28, 28, 29, 29, 30, 31, 32, 32]);
  });

  it('gives a larger block for a larger want, while there is room', () => {
    expect(nextBlockPrefix(4, 16, 65_536n, 500)).toBe(23);
    expect(nextBlockPrefix(4, 24, 256n, 500)).toBe(27);
  });

  it('never exceeds its share of the free space unless it is a single address', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 30 }),
        fc.nat(),
        fc.integer({ min: 1, max: 10_000 }),
        (prefix, used, want) => {
          const size = 1n << BigInt(32 - prefix);
          const free = size - (BigInt(used) % size);
          const block = nextBlockPrefix(4, prefix, free, want);
          expect(block).toBeGreaterThanOrEqual(prefix);
          expect(block === 32 || (1n << BigInt(32 - block)) * FREE_SHARE <= free).toBe(true);
        },
      ),
    );
  });
});
