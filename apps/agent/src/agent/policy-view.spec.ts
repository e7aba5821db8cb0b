import { acceptedPolicy, classEntry, POLICY } from '../testing/parts';
import { linkConfiguration } from './link-configuration';
import { PolicyView } from './policy-view';

const VIEW = new PolicyView(acceptedPolicy().entries);

describe('PolicyView', () => {
  it('knows classes and bridge domains of EPGs', () => {
    expect(VIEW.classOf('acme/shop/web')?.classId).toBe(16);
    expect(VIEW.classOf('acme/shop/none')).toBeUndefined();
    expect(VIEW.bridgeDomains.get(1)?.path).toBe('acme/default');
    expect(VIEW.highestClassId).toBe(17);
    expect(VIEW.entries.size).toBe(POLICY.length);
  });

  it('is empty without a policy', () => {
    const view = new PolicyView();
    expect([view.entries.size, view.highestClassId, view.classOf('acme/shop/web')]).toEqual([0, 0, undefined]);
  });
});

describe('linkConfiguration', () => {
  it('has every EPG of a resolved bridge domain, the blocks held for each, and room for the tunnel', () => {
    const orphan = { ...classEntry('acme/shop/orphan', 18), bridgeDomain: 9 };
    const view = new PolicyView(acceptedPolicy([...POLICY, orphan as (typeof POLICY)[number]]).entries);
    const blocks = [
      { bridgeDomain: 'acme/default', block: '10.32.0.0/24' },
      { bridgeDomain: 'acme/gone', block: '10.50.0.0/24' },
    ];
    expect(linkConfiguration(view, blocks, 1500)).toEqual({
      bridgeDomains: [{ path: 'acme/default', gateways: ['10.32.0.1/16'], blocks: ['10.32.0.0/24'] }],
      epgs: { 'acme/shop/web': 'acme/default', 'acme/shop/api': 'acme/default' },
      mtu: 1450,
    });
  });
});
