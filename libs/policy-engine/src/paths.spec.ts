import type { HeddleObject } from '@heddle/model';
import fc from 'fast-check';
import { compile } from './compile';
import { EMPTY_IDS, assignIds } from './ids';
import { protocolName, protocolNumber, type FirstPacket } from './packet';
import { EVERY_EPG, diffPaths, openPaths, pathText, type OpenPath } from './paths';
import { indexPolicy, type PolicyIndex, type ResolvedPolicy } from './policy-index';
import * as arbitraries from './testing/arbitraries';
import { ACME, SHOP, contract, epg, filter, port, vrf } from './testing/build';
import { verdict } from './verdict';

const resolve = (objects: readonly HeddleObject[]): ResolvedPolicy => compile(objects, assignIds(EMPTY_IDS, objects));

const texts = (paths: readonly OpenPath[]): string[] => paths.map(pathText);

const withoutIntra = (paths: readonly OpenPath[]): string[] => texts(paths.filter((p) => p.origin !== 'intra-epg'));

/** EPGs a and b with a contract of the given subjects from a to b. */
const between = (...subjects: Parameters<typeof contract>[1]): HeddleObject[] => [
  ...ACME,
  filter('acme/all', {}),
  filter(
    'acme/web',
    { protocol: 'tcp', destinationPorts: port(80) },
    { protocol: 'tcp', destinationPorts: port(81, 90) },
  ),
  filter('acme/mid', { protocol: 'tcp', destinationPorts: port(85) }),
  filter('acme/ping', { protocol: 'icmp' }, { protocol: 'icmp', icmpType: 8 }),
  filter('acme/echo', { protocol: 'icmp', icmpType: 8 }),
  filter('acme/from', { protocol: 'udp', sourcePorts: port(1000, 1999), destinationPorts: port(53) }),
  filter('acme/gre', { protocol: 47 }),
  contract('acme/c', subjects),
  epg('acme/s/a', { consumes: ['c'] }),
  epg('acme/s/b', { provides: ['c'] }),
];

describe('openPaths', () => {
  it('lists what a person asked for', () => {
    expect(texts(openPaths(resolve(SHOP)))).toEqual([
      'acme/shop/api -> acme/shop/api: any (intra-epg)',
      'acme/shop/api -> acme/shop/db: tcp 5432 (acme/sql)',
      'acme/shop/db -> acme/shop/db: any (intra-epg)',
      'acme/shop/web -> acme/shop/api: tcp 8080 (acme/http)',
      'acme/shop/web -> acme/shop/web: any (intra-epg)',
    ]);
  });

  it.each<[string, Parameters<typeof contract>[1], string[]]>([
    ['joins ranges of one contract', [{ filters: ['web'] }], ['tcp 80-90']],
    [
      'cuts out what is denied',
      [{ filters: ['web'] }, { filters: ['mid'], action: 'deny' }],
      ['tcp 80-84', 'tcp 86-90'],
    ],
    ['shows nothing of what is denied whole', [{ filters: ['mid'] }, { filters: ['web'], action: 'deny' }], []],
    ['says any', [{ filters: ['all', 'web'] }], ['any']],
    [
      'says any with exceptions',
      [{ filters: ['all'] }, { filters: ['mid', 'gre'], action: 'deny' }],
      ['any except 47, tcp', 'tcp 0-84', 'tcp 86-65535'],
    ],
    [
      'knows ICMP types',
      [{ filters: ['ping'] }, { filters: ['echo'], action: 'deny' }],
      ['icmp type 0-7', 'icmp type 9-255'],
    ],
    ['knows source ports and numbers', [{ filters: ['from', 'gre'] }], ['protocol 47', 'udp 53 from port 1000-1999']],
  ])('%s', (_what, subjects, expected) => {
    const paths = withoutIntra(openPaths(resolve(between(...subjects))));
    expect(paths).toEqual(expected.map((text) => `acme/s/a -> acme/s/b: ${text} (acme/c)`));
  });

  it('sums an unenforced VRF up', () => {
    const objects = [
      ...ACME.filter((o) => o.kind !== 'Vrf'),
      vrf('acme/default', 'unenforced'),
      epg('acme/s/a', { isolation: 'enforced' }),
    ];
    expect(texts(openPaths(resolve(objects)))).toEqual([
      'every other EPG of acme/default -> every other EPG of acme/default: any (vrf-unenforced)',
    ]);
  });
});

describe('diffPaths', () => {
  const change = (before: HeddleObject[], after: HeddleObject[]): { opened: string[]; closed: string[] } => {
    const { opened, closed } = diffPaths(resolve(before), resolve(after));
    return { opened: texts(opened), closed: texts(closed) };
  };

  it('shows only what differs', () => {
    const ping = between({ filters: ['web', 'ping'] });
    expect(change(between({ filters: ['web'] }), ping)).toEqual({
      opened: ['acme/s/a -> acme/s/b: icmp (acme/c)'],
      closed: [],
    });
    expect(
      change(between({ filters: ['all'] }), between({ filters: ['all'] }, { filters: ['mid'], action: 'deny' })),
    ).toEqual({
      opened: [],
      closed: ['acme/s/a -> acme/s/b: tcp 85 (acme/c)'],
    });
  });

  it('does not show a path that moves to another contract or another class', () => {
    const again = between({ filters: ['web'] }).map((o) =>
      o.kind === 'Epg' ? { ...o, metadata: { ...o.metadata, uid: `new-${o.metadata.name}` } } : o,
    );
    const ids = assignIds(EMPTY_IDS, between({ filters: ['web'] }));
    const before = compile(between({ filters: ['web'] }), ids);
    const after = compile(again, assignIds(ids, again));
    expect(after).not.toEqual(before);
    expect(diffPaths(before, after)).toEqual({ opened: [], closed: [] });
  });

  it('tells what switching enforcement off opens, beside what contracts opened before', () => {
    const before = between({ filters: ['web'] });
    const after = before.map((o) => (o.kind === 'Vrf' ? vrf('acme/default', 'unenforced') : o));
    expect(change(before, after)).toEqual({
      opened: [
        'every other EPG of acme/default -> every other EPG of acme/default: any (vrf-unenforced)',
        'acme/s/a -> acme/s/b: any except tcp (vrf-unenforced)',
        'acme/s/a -> acme/s/b: tcp 0-79 (vrf-unenforced)',
        'acme/s/a -> acme/s/b: tcp 91-65535 (vrf-unenforced)',
      ],
      closed: [],
    });
  });

  it('names an EPG that joins or leaves an unenforced VRF', () => {
    const before = [...ACME.filter((o) => o.kind !== 'Vrf'), vrf('acme/default', 'unenforced'), epg('acme/s/a')];
    const paths = [
      'every other EPG of acme/default -> acme/s/b: any (vrf-unenforced)',
      'acme/s/b -> every other EPG of acme/default: any (vrf-unenforced)',
      'acme/s/b -> acme/s/b: any (intra-epg)',
    ];
    expect(change(before, [...before, epg('acme/s/b')])).toEqual({ opened: paths, closed: [] });
    expect(change([...before, epg('acme/s/b')], before)).toEqual({ opened: [], closed: paths });
  });
});

describe('paths and verdicts agree', () => {
  const covers = (path: OpenPath, packet: FirstPacket): boolean => {
    const name = protocolName(protocolNumber(packet.protocol));
    const within = (range: { from: number; to: number } | undefined, n: number | undefined): boolean =>
      range === undefined || (n !== undefined && range.from <= n && n <= range.to);
    return (
      (path.protocol === 'any' ? !path.except?.includes(name) : path.protocol === name) &&
      within(path.ports, packet.destinationPort) &&
      within(path.sourcePorts, packet.sourcePort) &&
      within(path.icmpTypes, packet.icmpType)
    );
  };
  /** Whether a pair has rules of its own, so that paths of "every EPG" do not mean it. */
  const isListed = (index: PolicyIndex, source: string, destination: string): boolean => {
    const [from, to] = [index.classes.get(source), index.classes.get(destination)];
    return !!from && !!to && index.rules.has(`${from.vrf}/${from.classId}/${to.classId}`);
  };
  const vrfOf = (index: PolicyIndex, epgPath: string): string | undefined =>
    index.vrfs.get(index.classes.get(epgPath)?.vrf ?? -1);
  /** Whether paths say that a packet passes; `members` is the policy in which they are open. */
  const lists = (
    paths: readonly OpenPath[],
    members: PolicyIndex,
    indexes: PolicyIndex[],
    source: string,
    destination: string,
    packet: FirstPacket,
  ): boolean => {
    const listed = indexes.some((index) => isListed(index, source, destination));
    return paths.some((path) => {
      const own = path.source === source && path.destination === destination;
      const [x, y] = [path.source === EVERY_EPG, path.destination === EVERY_EPG];
      const summed =
        !listed &&
        source !== destination &&
        (x || y) &&
        (x || path.source === source) &&
        (y || path.destination === destination) &&
        [source, destination].every((epgPath) => vrfOf(members, epgPath) === path.vrf);
      return (own || summed) && covers(path, packet);
    });
  };
  const resolved = arbitraries.policy.map(resolve);
  const packets = fc.array(fc.tuple(arbitraries.pair, arbitraries.packet), { minLength: 30, maxLength: 30 });

  it('openPaths lists a packet if and only if it is permitted', () => {
    fc.assert(
      fc.property(resolved, packets, (policy, probes) => {
        const index = indexPolicy(policy);
        const paths = openPaths(index);
        for (const [[source, destination], packet] of probes) {
          const permitted = verdict(index, { source, destination, packet }).action === 'permit';
          expect(lists(paths, index, [index], source, destination, packet)).toBe(permitted);
        }
      }),
    );
  });

  it('diffPaths lists a packet as opened or closed if and only if its verdict changes', () => {
    fc.assert(
      fc.property(resolved, resolved, packets, (before, after, probes) => {
        const [from, to] = [indexPolicy(before), indexPolicy(after)];
        const { opened, closed } = diffPaths(from, to);
        for (const [[source, destination], packet] of probes) {
          const was = verdict(from, { source, destination, packet }).action;
          const is = verdict(to, { source, destination, packet }).action;
          expect(lists(opened, to, [from, to], source, destination, packet)).toBe(was === 'deny' && is === 'permit');
          expect(lists(closed, from, [from, to], source, destination, packet)).toBe(was === 'permit' && is === 'deny');
        }
      }),
    );
  });

  it('is empty for the same policy', () => {
    fc.assert(
      fc.property(arbitraries.policy, (objects) => {
        expect(diffPaths(resolve(objects), resolve(objects))).toEqual({ opened: [], closed: [] });
      }),
    );
  });
});
