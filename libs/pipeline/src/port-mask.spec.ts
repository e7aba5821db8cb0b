import fc from 'fast-check';
import { portMasks } from './port-mask';

describe('portMasks', () => {
  it.each([
    [80, 80, 1],
    [0, 65535, 1],
    [1, 65535, 16],
    [1024, 65535, 6],
    [8000, 8099, 3],
  ])('covers %i-%i with %i masks', (from, to, count) => {
    expect(portMasks(from, to)).toHaveLength(count);
  });

  it('covers exactly the range, each port once', () => {
    const port = fc.integer({ min: 0, max: 65535 });
    fc.assert(
      fc.property(port, port, port, (a, b, probe) => {
        const [from, to] = a <= b ? [a, b] : [b, a];
        const hits = portMasks(from, to).filter(({ value, mask }) => (probe & mask) === value).length;
        return hits === (probe >= from && probe <= to ? 1 : 0);
      }),
    );
  });
});
