import fc from 'fast-check';
import { CONTROL_ADDRESS, freeIndex, hostAddress, macOf, MAX_HOSTS } from './underlay';

describe('underlay addresses', () => {
  it('begin after the control plane and end before broadcast', () => {
    expect(CONTROL_ADDRESS).toBe('192.0.2.10');
    expect(hostAddress(0)).toBe('192.0.2.11');
    expect(hostAddress(MAX_HOSTS - 1)).toBe('192.0.2.254');
    expect(() => hostAddress(MAX_HOSTS)).toThrow(/at most 244 hosts/);
  });

  it('make locally administered unicast MAC addresses', () => {
    expect(macOf('192.0.2.11')).toBe('02:68:c0:00:02:0b');
    expect(parseInt(macOf(CONTROL_ADDRESS).slice(0, 2), 16) & 0b11).toBe(0b10);
  });
});

describe('freeIndex', () => {
  it('is the smallest that is not taken', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (taken) => {
        const index = freeIndex(taken);
        expect(taken).not.toContain(index);
        for (let smaller = 0; smaller < index; smaller++) expect(taken).toContain(smaller);
      }),
    );
  });
});
