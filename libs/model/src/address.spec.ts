import fc from 'fast-check';
import {
  contains,
  formatAddress,
  formatCidr,
  gatewaySchema,
  maskOf,
  networkOf,
  overlaps,
  parseAddress,
  parseCidr,
  sizeOf,
  type Cidr,
} from './address';

const ipv4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4 as const, value }));
const ipv6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6 as const, value }));
const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`${text} is no CIDR`);
  return parsed;
};

describe('addresses', () => {
  it('come back as they were printed', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (address) => expect(parseAddress(formatAddress(address))).toEqual(address)),
    );
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '1:2:3',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1.2.3.4/24',
  ])('refuses "%s"', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::', '2001:db8::'],
    ['1:0:2:0:3:0:4:0', '1:0:2:0:3:0:4:0'],
  ])('prints %s as RFC 5952 asks: %s', (text, printed) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(printed);
  });
});

describe('networks', () => {
  it('contain their own addresses and overlap exactly when one contains the other', () => {
    const network = fc
      .tuple(ipv4, fc.integer({ min: 0, max: 32 }))
      .map(([address, prefix]) => networkOf({ ...address, prefix }));
    fc.assert(
      fc.property(network, network, (a, b) => {
        expect(contains(a, a)).toBe(true);
        expect(contains(a, { family: 4, value: a.value + sizeOf(a) - 1n })).toBe(true);
        const disjoint = a.value + sizeOf(a) <= b.value || b.value + sizeOf(b) <= a.value;
        expect(overlaps(a, b)).toBe(!disjoint);
        expect(overlaps(a, b)).toBe(overlaps(b, a));
      }),
    );
  });

  it('keeps the host part of a gateway until the network is asked for', () => {
    expect(formatCidr(cidr('10.32.0.1/16'))).toBe('10.32.0.1/16');
    expect(formatCidr(networkOf(cidr('10.32.0.1/16')))).toBe('10.32.0.0/16');
    expect(maskOf(4, 16)).toBe(0xffff0000n);
  });

  it('never mixes families', () => {
    expect(overlaps(cidr('0.0.0.0/0'), cidr('::/0'))).toBe(false);
  });
});

describe('gateways', () => {
  it.each([
    ['10.32.0.0/16', 'the network address'],
    ['10.32.255.255/16', 'the broadcast address'],
    ['10.0.0.1/31', 'allowed are 8 to 30'],
    ['127.0.0.1/8', 'cannot be a subnet'],
    ['169.254.3.1/24', 'cannot be a subnet'],
    ['224.0.0.1/24', 'cannot be a subnet'],
    ['fd00::1/64', 'only IPv4'],
    ['10.0.0.1', 'allowed is an address with a prefix length'],
  ])('refuses %s: %s', (text, reason) => {
    expect(gatewaySchema.safeParse(text).error?.issues[0]?.message).toContain(reason);
  });
});
