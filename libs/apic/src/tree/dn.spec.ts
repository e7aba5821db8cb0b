import { isBelow, parentOf, rnsOf } from './dn';
import { dnOf } from './mo';

const PATH = 'uni/tn-acme/ap-shop/epg-web/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]';

describe('distinguished names', () => {
  it('are split outside of brackets only', () => {
    expect(rnsOf(PATH)).toEqual([
      'uni',
      'tn-acme',
      'ap-shop',
      'epg-web',
      'rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]',
    ]);
    expect(parentOf(PATH)).toBe('uni/tn-acme/ap-shop/epg-web');
    expect(parentOf('uni')).toBeUndefined();
    expect(parentOf('uni/infra/vlanns-[a/b]-static')).toBe('uni/infra');
  });

  it('tell what is below what', () => {
    expect(isBelow(PATH, 'uni/tn-acme')).toBe(true);
    expect(isBelow('uni/tn-acme2', 'uni/tn-acme')).toBe(false);
    expect(isBelow('uni/tn-acme', 'uni/tn-acme')).toBe(false);
  });

  it('follow from class, naming attributes and parent', () => {
    expect(dnOf('fvSubnet', { ip: '10.0.0.1/24' }, 'uni/tn-a/BD-b')).toBe('uni/tn-a/BD-b/subnet-[10.0.0.1/24]');
    expect(dnOf('fvTenant', { name: 'a' })).toBe('uni/tn-a');
  });
});
