import type { HeddleObject } from '@heddle/model';
import { compile } from './compile';
import { EMPTY_IDS, assignIds } from './ids';
import type { FirstPacket } from './packet';
import { indexPolicy, type ResolvedPolicy } from './policy-index';
import { ACME, SHOP, bridgeDomain, contract, epg, filter, port, vrf } from './testing/build';
import { verdict } from './verdict';

const resolve = (objects: readonly HeddleObject[]): ResolvedPolicy => compile(objects, assignIds(EMPTY_IDS, objects));
const tcp = (destinationPort: number, sourcePort = 40_000): FirstPacket => ({
  protocol: 'tcp',
  sourcePort,
  destinationPort,
});

describe('verdict', () => {
  const shop = indexPolicy(resolve(SHOP));
  const ask = (source: string, destination: string, packet: FirstPacket): string => {
    const { action, reason } = verdict(shop, {
      source: `acme/shop/${source}`,
      destination: `acme/shop/${destination}`,
      packet,
    });
    return `${action}: ${reason}`;
  };

  it.each([
    ['web', 'api', tcp(8080), 'permit: contract acme/http permits it (entry http/s0/http/e0)'],
    ['web', 'api', tcp(8081), 'deny: no contract lets acme/shop/web open tcp 8081 to acme/shop/api'],
    [
      'web',
      'api',
      { protocol: 17, destinationPort: 8080 },
      'deny: no contract lets acme/shop/web open udp 8080 to acme/shop/api',
    ],
    ['api', 'web', tcp(8080), 'deny: no contract lets acme/shop/api open tcp 8080 to acme/shop/web'],
    ['web', 'db', tcp(5432), 'deny: no contract lets acme/shop/web open tcp 5432 to acme/shop/db'],
    [
      'web',
      'db',
      { protocol: 'icmp', icmpType: 8 },
      'deny: no contract lets acme/shop/web open icmp type 8 to acme/shop/db',
    ],
    ['web', 'db', { protocol: 47 }, 'deny: no contract lets acme/shop/web open protocol 47 to acme/shop/db'],
    ['web', 'web', tcp(22), 'permit: both are in the same EPG'],
    ['web', 'cache', tcp(22), 'deny: there is no EPG acme/shop/cache'],
  ] as [string, string, FirstPacket, string][])('%s to %s with %j', (source, destination, packet, expected) => {
    expect(ask(source, destination, packet)).toBe(expected);
  });

  it('lets the more specific filter win, and the deny between equals', () => {
    const policy = resolve([
      ...ACME,
      filter('acme/all', {}),
      filter('acme/tcp', { protocol: 'tcp' }),
      filter('acme/low', { protocol: 'tcp', destinationPorts: port(1, 1023) }),
      filter('acme/ssh', { protocol: 'tcp', destinationPorts: port(22) }),
      filter('acme/from', { protocol: 'tcp', sourcePorts: port(9), destinationPorts: port(22) }),
      contract('acme/c', [
        { filters: ['all'] },
        { filters: ['tcp'], action: 'deny' },
        { filters: ['low', 'from'] },
        { filters: ['ssh'], action: 'deny' },
      ]),
      epg('acme/shop/a', { consumes: ['c'] }),
      epg('acme/shop/b', { provides: ['c'] }),
    ]);
    const entry = (packet: FirstPacket): string | undefined =>
      verdict(policy, { source: 'acme/shop/a', destination: 'acme/shop/b', packet }).rule?.filter?.entry;
    expect(entry({ protocol: 'udp', destinationPort: 53 })).toBe('c/s0/all/e0');
    expect(entry(tcp(2000))).toBe('c/s1/tcp/e0');
    expect(entry(tcp(80))).toBe('c/s2/low/e0');
    expect(entry(tcp(22))).toBe('c/s3/ssh/e0');
    expect(entry(tcp(22, 9))).toBe('c/s2/from/e0');
  });

  it('keeps VRFs apart and says so', () => {
    const policy = resolve([
      ...ACME,
      vrf('acme/other', 'unenforced'),
      bridgeDomain('acme/other', '10.32.0.1/16', 'other'),
      epg('acme/shop/a'),
      epg('acme/shop/b', { bridgeDomain: 'other' }),
      epg('acme/shop/c', { bridgeDomain: 'other', isolation: 'enforced' }),
    ]);
    const ask = (source: string, destination: string): string =>
      verdict(policy, { source: `acme/shop/${source}`, destination: `acme/shop/${destination}`, packet: tcp(1) })
        .reason;
    expect(ask('a', 'b')).toBe('acme/shop/a is in VRF acme/default and acme/shop/b in VRF acme/other; VRFs are apart');
    expect(ask('b', 'c')).toBe('the VRF is unenforced');
    expect(ask('c', 'c')).toBe('both are in the same EPG, which is isolated');
  });
});
