import fc from 'fast-check';
import { formatCidr, parseCidr, type Cidr } from '@heddle/model';
import { findBlock, gaps, sizeOfGaps } from './free-space';
import { subnetOf } from './subnet';

const cidr = (text: string): Cidr => parseCidr(text) as Cidr;
const NETWORK = cidr('10.0.0.0/24');

describe('gaps', () => {
  it('are what no block covers, also where blocks nest or reach beyond the network', () => {
    const taken = ['10.0.0.0/26', '10.0.0.16/28', '10.0.0.192/26', '10.0.1.0/24', 'fd00::/64'].map(cidr);
    const start = NETWORK.value;
    expect(gaps(NETWORK, taken)).toEqual([{ start: start + 64n, end: start + 192n }]);
    expect(gaps(NETWORK, [cidr('10.0.0.0/8')])).toEqual([]);
    expect(gaps(NETWORK, [])).toEqual([{ start, end: start + 256n }]);
  });

  it('hold every free address and no other', () => {
    const block = fc
      .tuple(fc.nat({ max: 511 }), fc.integer({ min: 23, max: 32 }))
      .map(([offset, prefix]): Cidr => ({ family: 4, value: NETWORK.value + BigInt(offset), prefix }));
    fc.assert(
      fc.property(fc.array(block, { maxLength: 6 }), (blocks) => {
        let free = 0;
        for (let value = NETWORK.value; value < NETWORK.value + 256n; value++) {
          const covered = blocks.some((b) => value >> BigInt(32 - b.prefix) === b.value >> BigInt(32 - b.prefix));
          const inGap = gaps(NETWORK, blocks).some((r) => value >= r.start && value < r.end);
          if (inGap === covered) expect({ value, inGap }).toEqual({ value, inGap: !covered });
          if (!covered) free++;
        }
        expect(sizeOfGaps(gaps(NETWORK, blocks))).toBe(BigInt(free));
      }),
    );
  });
});

describe('findBlock', () => {
  const subnet = subnetOf('10.0.0.1/24');
  const find = (prefix: number, taken: readonly string[]): string | undefined => {
    const block = findBlock(gaps(NETWORK, taken.map(cidr)), prefix, subnet);
    return block && formatCidr(block);
  };

  it('takes the smallest run that fits, lowest first', () => {
    expect(find(28, ['10.0.0.0/26', '10.0.0.80/28'])).toBe('10.0.0.64/28');
    expect(find(28, ['10.0.0.32/28'])).toBe('10.0.0.48/28');
    expect(find(25, ['10.0.0.32/28'])).toBe('10.0.0.128/25');
    expect(find(25, ['10.0.0.32/28', '10.0.0.200/32'])).toBeUndefined();
  });

  it('passes over blocks in which no endpoint may have an address', () => {
    expect(find(32, [])).toBe('10.0.0.2/32');
    expect(find(31, [])).toBe('10.0.0.2/31');
    expect(find(32, ['10.0.0.0/25', '10.0.0.128/26', '10.0.0.192/27', '10.0.0.224/28', '10.0.0.240/29', '10.0.0.248/30', '10.0.0.252/31', '10.0.0.254/32'])).toBeUndefined(); // prettier-ignore
  });
});
