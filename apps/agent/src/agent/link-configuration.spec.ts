import { acceptedPolicy, classEntry, encapsulation, MACVLAN_DOMAIN, POLICY, VLAN_DOMAIN } from '../testing/parts';
import { linkConfiguration, type ConfigurationParts } from './link-configuration';
import { PolicyView } from './policy-view';

const WEB = 'acme/shop/web';
const API = 'acme/shop/api';
const UPLINKS = { fabric: { interface: 'eth1' }, macvlan: { interface: 'eth2', mtu: 9000 } };

function configuration(change: Partial<ConfigurationParts> = {}, entries = POLICY) {
  return linkConfiguration({
    policy: new PolicyView(acceptedPolicy(entries).entries),
    encapsulations: new Map([WEB, API].map((epg) => [epg, encapsulation(epg)])),
    blocks: [],
    underlayMtu: 1500,
    uplinks: UPLINKS,
    ...change,
  });
}

describe('linkConfiguration', () => {
  it('has every EPG of a resolved bridge domain, the blocks held for each, and room for the tunnel', () => {
    const orphan = { ...classEntry('acme/shop/orphan', 18), bridgeDomain: 9 };
    const blocks = [
      { bridgeDomain: 'acme/default', block: '10.32.0.0/24' },
      { bridgeDomain: 'acme/gone', block: '10.50.0.0/24' },
    ];
    const encapsulations = new Map([WEB, API, 'acme/shop/orphan'].map((epg) => [epg, encapsulation(epg)]));
    expect(configuration({ blocks, encapsulations }, [...POLICY, orphan as (typeof POLICY)[number]])).toEqual({
      bridgeDomains: [{ path: 'acme/default', gateways: ['10.32.0.1/16'], blocks: ['10.32.0.0/24'] }],
      epgs: { [WEB]: 'acme/default', [API]: 'acme/default' },
      mtu: 1450,
      attachments: {},
    });
  });

  it('leaves out an EPG whose way to attach is not known, or cannot be gone on this host', () => {
    const known = new Map([[WEB, encapsulation(WEB)]]);
    expect(configuration({ encapsulations: known }).epgs).toEqual({ [WEB]: 'acme/default' });
    const elsewhere = new Map([...known, [API, encapsulation(API, { spec: MACVLAN_DOMAIN, vlan: 200 })] as const]);
    expect(configuration({ encapsulations: elsewhere, uplinks: {} }).epgs).toEqual({ [WEB]: 'acme/default' });
    const unnumbered = new Map([...known, [API, encapsulation(API, { spec: MACVLAN_DOMAIN })] as const]);
    expect(configuration({ encapsulations: unnumbered }).epgs).toEqual({ [WEB]: 'acme/default' });
  });

  const macvlanApi = (spec = MACVLAN_DOMAIN) =>
    new Map([
      [WEB, encapsulation(WEB, { spec: VLAN_DOMAIN, vlan: 100 })],
      [API, encapsulation(API, { spec, vlan: 200 })],
    ]);

  it('says the uplink, VLAN and mode of children, with an MTU that fits a tunnel unless another is asked for', () => {
    expect(configuration({ encapsulations: macvlanApi() }).attachments).toEqual({
      [API]: {
        driver: 'macvlan',
        uplink: 'eth2',
        mode: 'bridge',
        tagging: 'access',
        vlan: 200,
        mtu: 1450,
        shim: false,
      },
    });
    const wide = { ...MACVLAN_DOMAIN, mtu: 9000 };
    expect(configuration({ encapsulations: macvlanApi(wide) }).attachments?.[API]).toMatchObject({ mtu: 9000 });
    const vlan = { ...VLAN_DOMAIN, mtu: 1500 };
    const encapsulations = new Map([[WEB, encapsulation(WEB, { spec: vlan, vlan: 100 })]]);
    expect(configuration({ encapsulations }).attachments).toEqual({ [WEB]: { driver: 'ovs', mtu: 1500 } });
  });

  it('lets no siblings of an isolated EPG reach each other around the leaf', () => {
    const isolated = POLICY.map((entry) =>
      entry.type === 'class' && entry.epg === API ? ({ ...entry, isolation: 'enforced' } as const) : entry,
    );
    const modeOf = (mode: 'bridge' | 'private') =>
      configuration({ encapsulations: macvlanApi({ ...MACVLAN_DOMAIN, mode }) }, isolated).attachments?.[API];
    expect(modeOf('bridge')).toMatchObject({ mode: 'vepa' });
    expect(modeOf('private')).toMatchObject({ mode: 'private' });
  });
});
