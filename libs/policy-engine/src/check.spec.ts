import type { HeddleObject } from '@heddle/model';
import { checkPolicy } from './check';
import { ACME, SHOP, bridgeDomain, build, contract, epg, filter, vrf } from './testing/build';

const check = (...objects: HeddleObject[]): string[] => checkPolicy(objects).map((p) => `${p.path}: ${p.message}`);

describe('checkPolicy', () => {
  it('finds nothing in a good state, unused contracts included', () => {
    expect(check(...SHOP, filter('acme/f', {}), contract('acme/unused', [{ filters: ['f'] }]))).toEqual([]);
  });

  it.each<[string, HeddleObject, string]>([
    [
      'a contract that is not there',
      epg('acme/shop/x', { consumes: ['http', 'mail'] }),
      'Epg acme/shop/x spec.consumes[1]: found "mail", which is no Contract of tenant acme; allowed are http, sql',
    ],
    [
      'a provided contract that is not there',
      epg('acme/shop/x', { provides: ['mail'] }),
      'Epg acme/shop/x spec.provides[0]: found "mail", which is no Contract of tenant acme; allowed are http, sql',
    ],
    [
      'a bridge domain that is not there',
      epg('acme/shop/x', { bridgeDomain: 'lan' }),
      'Epg acme/shop/x spec.bridgeDomain: found "lan", which is no BridgeDomain of tenant acme; allowed are default',
    ],
    [
      'a filter that is not there',
      contract('acme/c', [{ filters: ['http'] }, { filters: ['sql', 'mail'] }]),
      'Contract acme/c spec.subjects[1].filters[1]: found "mail", which is no Filter of tenant acme; allowed are http, sql',
    ],
    [
      'a VRF that is not there',
      bridgeDomain('acme/lan', '10.40.0.1/16', 'red'),
      'BridgeDomain acme/lan spec.vrf: found "red", which is no Vrf of tenant acme; allowed are default',
    ],
    [
      'a tenant that is not there',
      vrf('evil/red'),
      'Vrf evil/red metadata.tenant: found "evil", which is no Tenant; allowed are acme',
    ],
  ])('finds %s', (_what, object, expected) => {
    expect(check(...SHOP, object)).toEqual([expected]);
  });

  it('shortens long lists of what is allowed', () => {
    const many = Array.from({ length: 14 }, (_, i) => vrf(`acme/v${String(i).padStart(2, '0')}`));
    expect(check(...ACME, ...many, bridgeDomain('acme/lan', '10.40.0.1/16', 'red'))[0]).toContain(
      'allowed are default, v00, v01, v02, v03, v04, v05, v06, v07, v08 (and 5 more)',
    );
  });

  it('finds subnets that overlap within a VRF and names both', () => {
    expect(check(...ACME, bridgeDomain('acme/lan', '10.32.5.1/24'))).toEqual([
      'BridgeDomain acme/lan spec.subnets[0].gateway: found "10.32.5.1/24", which overlaps 10.32.0.0/16 of BridgeDomain acme/default ' +
        'in Vrf acme/default; allowed is a subnet apart from it, or a bridge domain in another VRF',
    ]);
    const twice = build('BridgeDomain', 'acme/two', {
      vrf: 'default',
      subnets: [{ gateway: '10.50.0.1/24' }, { gateway: '10.50.0.2/24' }],
    });
    expect(check(...ACME, twice)[0]).toContain(
      'BridgeDomain acme/two spec.subnets[1].gateway: found "10.50.0.2/24", which overlaps 10.50.0.0/24 of BridgeDomain acme/two',
    );
  });

  it('finds each overlapping subnet, also behind one that lies within the same larger one', () => {
    const problems = check(
      ...ACME,
      bridgeDomain('acme/a', '10.32.1.1/24'),
      bridgeDomain('acme/b', '10.32.2.1/24'),
      bridgeDomain('acme/c', '10.33.0.1/16'),
    );
    expect(problems.map((p) => p.split(' ')[1])).toEqual(['acme/a', 'acme/b']);
  });

  it('allows the same subnet in two VRFs', () => {
    expect(check(...ACME, vrf('acme/red'), bridgeDomain('acme/lan', '10.32.0.1/16', 'red'))).toEqual([]);
  });

  it('finds contracts that multiply beyond what can be compiled, without multiplying them', () => {
    const entries = Array.from({ length: 1000 }, () => ({ protocol: 'tcp' as const }));
    const epgs = Array.from({ length: 20 }, (_, i) => epg(`acme/shop/e${i}`, { provides: ['c'], consumes: ['c'] }));
    expect(check(...ACME, filter('acme/f', ...entries), contract('acme/c', [{ filters: ['f'] }]), ...epgs)).toEqual([
      expect.stringContaining('Contract acme/c spec.subjects: found 380000 rules of this contract'),
    ]);
  });
});
