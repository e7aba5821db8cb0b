import fc from 'fast-check';
import { formatAddress, macSchema } from '@heddle/model';
import { macIn, macOf } from './mac';

const IPV4 = fc.nat({ max: 0xffffffff }).map((n) => formatAddress({ family: 4, value: BigInt(n) }));
const IPV6 = fc.bigInt({ min: 1n << 96n, max: (1n << 128n) - 1n }).map((value) => formatAddress({ family: 6, value }));

describe('macOf', () => {
  it('writes an IPv4 address out', () => {
    expect(macOf('10.32.0.7')).toBe('02:48:0a:20:00:07');
    expect(macOf('255.255.255.255')).toBe('02:48:ff:ff:ff:ff');
  });

  it('hashes an IPv6 address, however it is spelled', () => {
    expect(macOf('fd00::7')).toBe(macOf('fd00:0:0:0:0:0:0:7'));
    expect(macOf('fd00::7')).toBe('06:6b:93:54:4e:98');
  });

  it('is a locally administered unicast address, different for different addresses', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.oneof(IPV4, IPV6), { minLength: 2, maxLength: 50 }), (addresses) => {
        const macs = addresses.map(macOf);
        for (const mac of macs) {
          expect(macSchema.safeParse(mac).success).toBe(true);
          expect(parseInt(mac.slice(0, 2), 16) & 0b11).toBe(0b10);
        }
        expect(new Set(macs).size).toBe(addresses.length);
      }),
    );
  });

  it('refuses what is no address', () => {
    expect(() => macOf('10.0.0')).toThrow(/found "10.0.0"/);
  });
});

describe('macIn', () => {
  it('tells segments with the same addresses apart, and is never one that an address alone has', () => {
    fc.assert(
      fc.property(fc.oneof(IPV4, IPV6), (address) => {
        const macs = [macIn('acme/default', address), macIn('beta/default', address), macOf(address)];
        for (const mac of macs) {
          expect(macSchema.safeParse(mac).success).toBe(true);
          expect(parseInt(mac.slice(0, 2), 16) & 0b11).toBe(0b10);
        }
        expect(new Set(macs).size).toBe(3);
        expect(macIn('acme/default', address)).toBe(macs[0]);
      }),
    );
  });
});
