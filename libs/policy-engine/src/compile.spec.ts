import { HeddleError, resolvedKey, type HeddleObject, type ResolvedEntry, type ResolvedRule } from '@heddle/model';
import fc from 'fast-check';
import { checkPolicy } from './check';
import { compile } from './compile';
import { EMPTY_IDS, assignIds } from './ids';
import type { ResolvedPolicy } from './policy-index';
import * as arbitraries from './testing/arbitraries';
import { ACME, SHOP, bridgeDomain, contract, epg, filter, port, vrf } from './testing/build';

const resolve = (objects: readonly HeddleObject[]): ResolvedPolicy => compile(objects, assignIds(EMPTY_IDS, objects));

/** Rules as text with EPG names: `web>api permit@7 tcp:8080`. */
function rulesOf(objects: readonly HeddleObject[]): string[] {
  const entries = [...resolve(objects).values()];
  const names = new Map<number, string>([[0, '*']]);
  for (const e of entries) if (e.type === 'class') names.set(e.classId, e.epg.slice(e.epg.lastIndexOf('/') + 1));
  return entries
    .filter((e): e is ResolvedRule => e.type === 'rule')
    .map(
      (r) =>
        `${names.get(r.source)}>${names.get(r.destination)} ${r.action}@${r.priority} ${r.filter?.entry ?? r.origin}`,
    )
    .sort();
}

describe('compile', () => {
  it('resolves VRFs, bridge domains, classes and rules', () => {
    const resolved = resolve(SHOP);
    expect(resolved.get('vrf/acme/default')).toEqual({
      type: 'vrf',
      path: 'acme/default',
      id: 1,
      enforcement: 'enforced',
    });
    expect(resolved.get('bd/acme/default')).toEqual({
      type: 'bridge-domain',
      path: 'acme/default',
      id: 1,
      vrf: 1,
      gateways: ['10.32.0.1/16'],
    });
    expect(resolved.get('class/acme/shop/web')).toEqual({
      type: 'class',
      epg: 'acme/shop/web',
      epgUid: 'uid-Epg-acme/shop/web',
      classId: 18,
      vrf: 1,
      bridgeDomain: 1,
      domain: 'default',
      isolation: 'unenforced',
    });
    expect([...resolved.values()]).toContainEqual({
      type: 'rule',
      id: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
      vrf: 1,
      source: 18,
      destination: 16,
      filter: { protocol: 6, destinationPorts: { from: 8080, to: 8080 }, entry: 'http/s0/http/e0' },
      action: 'permit',
      priority: 7,
      origin: 'acme/http',
    });
  });

  it('has rules from consumer to provider only, and one inside each EPG', () => {
    expect(rulesOf(SHOP)).toEqual([
      'api>api permit@3 intra-epg',
      'api>db permit@7 sql/s0/sql/e0',
      'db>db permit@3 intra-epg',
      'web>api permit@7 http/s0/http/e0',
      'web>web permit@3 intra-epg',
    ]);
  });

  it('denies inside an isolated EPG', () => {
    expect(rulesOf([...ACME, epg('acme/shop/web', { isolation: 'enforced' })])).toEqual(['web>web deny@2 intra-epg']);
  });

  it('needs no rule from an EPG to itself when it provides what it consumes', () => {
    const both = { provides: ['c'], consumes: ['c'] };
    const objects = [
      ...ACME,
      filter('acme/f', {}),
      contract('acme/c', [{ filters: ['f'] }]),
      epg('acme/shop/a', both),
      epg('acme/shop/b', both),
    ];
    expect(rulesOf(objects)).toEqual([
      'a>a permit@3 intra-epg',
      'a>b permit@9 c/s0/f/e0',
      'b>a permit@9 c/s0/f/e0',
      'b>b permit@3 intra-epg',
    ]);
  });

  it('keeps a contract of scope application within one application', () => {
    const objects = (scope: 'application' | 'vrf'): HeddleObject[] => [
      ...ACME,
      filter('acme/f', { protocol: 'tcp' }),
      contract('acme/c', [{ filters: ['f'] }], scope),
      epg('acme/shop/p', { provides: ['c'] }),
      epg('acme/shop/near', { consumes: ['c'] }),
      epg('acme/blog/far', { consumes: ['c'] }),
    ];
    const contractRules = (scope: 'application' | 'vrf'): string[] =>
      rulesOf(objects(scope)).filter((r) => r.includes('@7'));
    expect(contractRules('application')).toEqual(['near>p permit@7 c/s0/f/e0']);
    expect(contractRules('vrf')).toEqual(['far>p permit@7 c/s0/f/e0', 'near>p permit@7 c/s0/f/e0']);
  });

  it('never reaches over a VRF', () => {
    const objects = [
      ...ACME,
      vrf('acme/other'),
      bridgeDomain('acme/other', '10.32.0.1/16', 'other'),
      filter('acme/f', { protocol: 'tcp' }),
      contract('acme/c', [{ filters: ['f'] }]),
      epg('acme/shop/p', { provides: ['c'] }),
      epg('acme/shop/q', { consumes: ['c'], bridgeDomain: 'other' }),
    ];
    expect(rulesOf(objects)).toEqual(['p>p permit@3 intra-epg', 'q>q permit@3 intra-epg']);
  });

  it('permits everything in an unenforced VRF, denies of contracts included, isolation excepted', () => {
    const objects = [
      ...ACME.filter((o) => o.kind !== 'Vrf'),
      vrf('acme/default', 'unenforced'),
      filter('acme/f', { protocol: 'tcp' }),
      contract('acme/c', [{ filters: ['f'], action: 'deny' }]),
      epg('acme/shop/p', { provides: ['c'], isolation: 'enforced' }),
      epg('acme/shop/q', { consumes: ['c'] }),
    ];
    expect(rulesOf(objects)).toEqual([
      '*>* permit@21 vrf-unenforced',
      'p>p deny@2 intra-epg',
      'q>q permit@3 intra-epg',
    ]);
  });

  it('reads every field of a filter entry', () => {
    const objects = [
      ...ACME,
      filter(
        'acme/f',
        { protocol: 'udp', sourcePorts: port(53), destinationPorts: port(100, 200) },
        { protocol: 'icmp', icmpType: 8 },
        { protocol: 47 },
        { protocol: 0 },
        {},
      ),
      contract('acme/c', [{ filters: ['f'] }]),
      epg('acme/shop/p', { provides: ['c'] }),
      epg('acme/shop/q', { consumes: ['c'] }),
    ];
    const filters = [...resolve(objects).values()]
      .flatMap((e) => (e.type === 'rule' && e.filter ? [[e.filter, e.priority] as const] : []))
      .sort(([a], [b]) => (a.entry < b.entry ? -1 : 1));
    expect(filters).toEqual([
      [{ protocol: 17, sourcePorts: port(53), destinationPorts: port(100, 200), entry: 'c/s0/f/e0' }, 7],
      [{ protocol: 1, icmpType: 8, entry: 'c/s0/f/e1' }, 7],
      [{ protocol: 47, entry: 'c/s0/f/e2' }, 7],
      [{ protocol: 0, entry: 'c/s0/f/e3' }, 7],
      [{ entry: 'c/s0/f/e4' }, 9],
    ]);
  });

  it.each([
    [
      'a reference to nothing',
      [...ACME, epg('acme/shop/web', { consumes: ['none'] })],
      'Epg acme/shop/web spec.consumes[0]',
    ],
    [
      'an object without an id',
      [...ACME, epg('acme/shop/web')],
      'Epg acme/shop/web (uid uid-Epg-acme/shop/web) has no number',
    ],
  ])('refuses %s', (_what, objects, message) => {
    const run = (): unknown => compile(objects, assignIds(EMPTY_IDS, ACME));
    expect(run).toThrow(HeddleError);
    expect(run).toThrow(message);
  });

  it('does not depend on the order of the objects, nor on when it runs', () => {
    fc.assert(
      fc.property(
        arbitraries.policy.chain((objects) =>
          fc.tuple(fc.constant(objects), fc.shuffledSubarray(objects, { minLength: objects.length })),
        ),
        ([objects, shuffled]) => {
          expect(JSON.stringify([...resolve(shuffled)])).toBe(JSON.stringify([...resolve(objects)]));
        },
      ),
    );
  });

  it('gives every entry its key, and only for states that the check accepts', () => {
    fc.assert(
      fc.property(arbitraries.policy, (objects) => {
        expect(checkPolicy(objects)).toEqual([]);
        for (const [key, entry] of resolve(objects)) expect(key).toBe(resolvedKey(entry satisfies ResolvedEntry));
      }),
    );
  });
});
