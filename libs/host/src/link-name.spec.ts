import fc from 'fast-check';
import { linkName, MAX_LINK_NAME } from './link-name';

describe('linkName', () => {
  it('keeps a name that fits, and hashes one that does not', () => {
    expect(linkName('demo-', 'h1')).toBe('demo-h1');
    expect(linkName('demo-', 'h123456789')).toBe('demo-h123456789');
    expect(linkName('demo-', 'h1234567890')).toMatch(/^demo-[0-9a-z]{10}$/);
  });

  it('gives every pair of ids its own valid name, always the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        for (const name of [linkName('hd', a), linkName('hd', b)]) {
          expect(name.length).toBeLessThanOrEqual(MAX_LINK_NAME);
          expect(name).toMatch(/^hd[A-Za-z0-9_.-]+$/);
        }
        expect(linkName('hd', a) === linkName('hd', b)).toBe(a === b);
      }),
    );
  });

  it('refuses a prefix that leaves too little room', () => {
    expect(() => linkName('tenletters', 'x')).toThrow(RangeError);
    expect(() => linkName('a b', 'x')).toThrow(RangeError);
  });
});
