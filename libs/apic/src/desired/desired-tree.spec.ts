import { bridgeDomain, contract, domain, epg, filter, host, objectsOf, server, tenant, vlans, wanted, FABRIC_SPEC } from '../testing/world'; // prettier-ignore
import { desiredTree } from './desired-tree';

const SHOP = [
  ...tenant(),
  domain('lan'),
  host('h1', 'eth1/5'),
  host('h2', 'pc-h2', '102-103'),
  filter('http', { name: 'http', protocol: 'tcp', destinationPorts: 8080 }),
  filter('ping', { name: 'ping', protocol: 'icmp', icmpType: 8 }),
  contract('web', { filters: ['http', 'ping'] }),
  epg('acme/shop/web', { consumes: ['web'] }),
  epg('acme/shop/api', { provides: ['web'], isolation: 'enforced' }),
];
const SHOP_VLANS = { 'acme/shop/web': 100, 'acme/shop/api': 101 };
const EPG = 'uni/tn-acme/ap-shop/epg-';

const messages = (result: { problems: readonly { path: string; message: string }[] }): string[] =>
  result.problems.map(({ path, message }) => `${path}: ${message}`);

describe('desiredTree', () => {
  it('makes the tenant of the EPGs on the fabric, with what they need', () => {
    const { all, problems, undecided } = wanted(SHOP, SHOP_VLANS);
    expect([problems, undecided]).toEqual([[], []]);
    expect([...all.keys()]).toEqual([
      'uni/infra/vlanns-[lan]-static',
      'uni/infra/vlanns-[lan]-static/from-[vlan-100]-to-[vlan-199]',
      'uni/phys-lan',
      'uni/phys-lan/rsvlanNs',
      'uni/tn-acme',
      'uni/tn-acme/ctx-default',
      'uni/tn-acme/BD-default',
      'uni/tn-acme/BD-default/rsctx',
      'uni/tn-acme/BD-default/subnet-[10.32.0.1/16]',
      'uni/tn-acme/flt-http',
      'uni/tn-acme/flt-http/e-http',
      'uni/tn-acme/flt-ping',
      'uni/tn-acme/flt-ping/e-ping',
      'uni/tn-acme/flt-ping:reply',
      'uni/tn-acme/flt-ping:reply/e-ping',
      'uni/tn-acme/brc-web',
      'uni/tn-acme/brc-web/subj-s0',
      'uni/tn-acme/brc-web/subj-s0/rssubjFiltAtt-http',
      'uni/tn-acme/brc-web/subj-s0/rssubjFiltAtt-ping',
      'uni/tn-acme/brc-web/subj-s0/rssubjFiltAtt-ping:reply',
      'uni/tn-acme/ap-shop',
      'uni/tn-acme/ap-shop/epg-api',
      'uni/tn-acme/ap-shop/epg-api/rsbd',
      'uni/tn-acme/ap-shop/epg-api/rsdomAtt-[uni/phys-lan]',
      'uni/tn-acme/ap-shop/epg-api/rsprov-web',
      'uni/tn-acme/ap-shop/epg-api/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]',
      'uni/tn-acme/ap-shop/epg-api/rspathAtt-[topology/pod-1/protpaths-102-103/pathep-[pc-h2]]',
      'uni/tn-acme/ap-shop/epg-web',
      'uni/tn-acme/ap-shop/epg-web/rsbd',
      'uni/tn-acme/ap-shop/epg-web/rsdomAtt-[uni/phys-lan]',
      'uni/tn-acme/ap-shop/epg-web/rscons-web',
      'uni/tn-acme/ap-shop/epg-web/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]',
      'uni/tn-acme/ap-shop/epg-web/rspathAtt-[topology/pod-1/protpaths-102-103/pathep-[pc-h2]]',
    ]);
    const attributes = (dn: string): unknown => all.get(dn)?.attributes;
    const annotation = 'orchestrator:heddle';
    for (const { attributes } of all.values()) expect(attributes).toMatchObject({ annotation });
    expect(attributes('uni/phys-lan/rsvlanNs')).toEqual({ tDn: 'uni/infra/vlanns-[lan]-static', annotation });
    expect(attributes('uni/tn-acme/ctx-default')).toEqual({ name: 'default', pcEnfPref: 'enforced', annotation });
    expect(attributes('uni/tn-acme/brc-web')).toEqual({ name: 'web', scope: 'context', annotation });
    expect(attributes('uni/tn-acme/brc-web/subj-s0')).toEqual({ name: 's0', revFltPorts: 'yes', annotation });
    expect(attributes('uni/tn-acme/flt-http/e-http')).toEqual({
      name: 'http', etherT: 'ip', prot: 'tcp', stateful: 'yes', icmpv4T: 'unspecified',
      dFromPort: '8080', dToPort: '8080', sFromPort: 'unspecified', sToPort: 'unspecified', annotation,
    }); // prettier-ignore
    expect(attributes('uni/tn-acme/flt-ping:reply/e-ping')).toMatchObject({ prot: 'icmp', icmpv4T: 'echo-rep' });
    expect(attributes(`${EPG}api`)).toEqual({ name: 'api', pcEnfPref: 'enforced', annotation });
    expect(attributes(`${EPG}api/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]`)).toEqual({
      tDn: 'topology/pod-1/paths-101/pathep-[eth1/5]', encap: 'vlan-101', mode: 'regular', instrImedcy: 'immediate', annotation,
    }); // prettier-ignore
    expect(all.get('uni/tn-acme/BD-default/rsctx')?.target).toBe('uni/tn-acme/ctx-default');
  });

  it('leaves out EPGs whose Domain is elsewhere, and what only they need', () => {
    const elsewhere = [
      domain('other', { fabric: 'leaves' }),
      epg('acme/shop/db', { domain: 'other', provides: ['sql'] }),
    ];
    const { all } = wanted(
      [...SHOP, ...elsewhere, filter('sql', { name: 'sql', protocol: 'tcp' }), contract('sql', { filters: ['sql'] })],
      { ...SHOP_VLANS, 'acme/shop/db': 150 },
    );
    expect([...all.keys()].filter((dn) => /sql|epg-db|other/.test(dn))).toEqual([]);
    expect(wanted([...tenant('idle'), ...SHOP], SHOP_VLANS).all.has('uni/tn-idle')).toBe(false);
  });

  it('makes the pool and the physical domain before there are EPGs, so that ports can be given to it', () => {
    const { all } = wanted([domain('lan', { vlans: '100-149,200' })]);
    expect([...all.keys()]).toEqual([
      'uni/infra/vlanns-[lan]-static',
      'uni/infra/vlanns-[lan]-static/from-[vlan-100]-to-[vlan-149]',
      'uni/infra/vlanns-[lan]-static/from-[vlan-200]-to-[vlan-200]',
      'uni/phys-lan',
      'uni/phys-lan/rsvlanNs',
    ]);
  });

  it('does not decide on the paths of an EPG that has no VLAN yet, or one of another Domain', () => {
    const result = wanted(SHOP, { 'acme/shop/web': 100 });
    expect(result.undecided).toEqual([`${EPG}api`]);
    expect(messages(result)).toEqual(['Epg acme/shop/api: has no VLAN in Domain lan yet']);
    const objects = objectsOf(...SHOP, domain('lan2', { vlans: '200-299' }));
    const encapsulations = vlans(objects, SHOP_VLANS);
    const moved = objectsOf(...SHOP, domain('lan2', { vlans: '200-299' }), epg('acme/shop/web', { domain: 'lan2' }));
    const desired = desiredTree({ fabric: 'aci', spec: FABRIC_SPEC, objects: moved, encapsulations });
    expect(desired.undecided).toEqual([`${EPG}web`]);
  });

  it('binds hosts that offer the Domain only', () => {
    const limited = {
      ...host('h3', 'eth1/7'),
      spec: { ...(host('h3', 'eth1/7') as { spec: object }).spec, domains: [] },
    };
    const { all } = wanted([...SHOP, limited], SHOP_VLANS);
    expect([...all.keys()].filter((dn) => dn.includes('eth1/7'))).toEqual([]);
  });

  describe('places of servers', () => {
    it('are those of static bindings and of the endpoints that belong to an EPG', () => {
      const { all } = wanted(
        [
          ...SHOP,
          epg('acme/shop/web', {
            staticBindings: [
              { leaf: '101', port: 'eth1/20', vlan: 120 },
              { leaf: '101', port: 'eth1/21' },
            ],
            attributes: { criteria: [{ name: 'told-*' }] },
          }),
          server('acme/shop/named', { port: 'eth1/22', vlan: 122 }, { epg: 'web' }),
          server('acme/hall/told-1', { port: 'eth1/23', vlan: 123 }),
          server('acme/hall/same', { port: 'eth1/20', vlan: 120 }),
          server('acme/shop/unbound', { port: 'eth1/24', vlan: 124 }),
        ],
        SHOP_VLANS,
      );
      const paths = [...all].flatMap(([dn, { class: name, attributes }]) =>
        name === 'fvRsPathAtt' && dn.startsWith(`${EPG}web/`) && /eth1\/2/.test(dn)
          ? [[/eth1\/\d+/.exec(dn)?.[0], attributes['encap'], attributes['mode']]]
          : [],
      );
      expect(paths).toEqual([
        ['eth1/20', 'vlan-120', 'regular'],
        ['eth1/21', 'vlan-100', 'untagged'],
        ['eth1/22', 'vlan-122', 'regular'],
        ['eth1/23', 'vlan-123', 'regular'],
      ]);
    });

    it('that an APIC cannot tell apart are problems, and the rest is made', () => {
      const result = wanted(
        [
          ...SHOP,
          server('acme/shop/a', { port: 'eth1/20', vlan: 300 }, { epg: 'web' }),
          server('acme/shop/b', { port: 'eth1/20', vlan: 101 }, { epg: 'web' }),
          server('acme/shop/c', { port: 'eth1/21' }, { epg: 'web' }),
          server('acme/shop/d', { port: 'eth1/21' }, { epg: 'api' }),
          server('acme/shop/e', { port: 'eth1/21', vlan: 130 }, { epg: 'web' }),
          server('acme/shop/f', { leaf: 'leaf1', port: 'eth1/21' }, { epg: 'web' }),
          server('acme/shop/g', { leaf: '104', port: '1/2' }, { epg: 'web' }),
        ],
        SHOP_VLANS,
      );
      expect(messages(result)).toEqual([
        'Endpoint acme/shop/a spec.attachment: found VLAN 300; allowed are those of Domain lan: 100-199',
        expect.stringContaining('Endpoint acme/shop/f spec.attachment: found leaf "leaf1"; allowed is the node id of a leaf such as 101'),
        expect.stringContaining('Endpoint acme/shop/g spec.attachment: found port "1/2" of leaf 104; allowed is an interface such as eth1/5'),
        'Endpoint acme/shop/d spec.attachment: EPG acme/shop/web is untagged on topology/pod-1/paths-101/pathep-[eth1/21], so EPG acme/shop/api cannot be; allowed is one EPG on an access port',
        'Endpoint acme/shop/b spec.attachment: VLAN 101 belongs to EPG acme/shop/api on leaf 101; EPG acme/shop/web needs another one there',
        'Endpoint acme/shop/e spec.attachment: EPG acme/shop/web is on topology/pod-1/paths-101/pathep-[eth1/21] already, untagged with vlan-100; allowed is once on a port',
      ]); // prettier-ignore
      expect([...result.all.keys()].filter((dn) => dn.includes('eth1/21'))).toEqual([
        `${EPG}web/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/21]]`,
      ]);
    });
  });

  it('allows one EPG on an access uplink: the one whose VLAN was given first', () => {
    const access = [...SHOP, domain('lan', { tagging: 'access' })];
    const result = wanted(access, { 'acme/shop/web': 100, 'acme/shop/api': 101 });
    const at = (dn: string): boolean => result.all.has(`${dn}/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]`);
    expect([at(`${EPG}web`), at(`${EPG}api`)]).toEqual([true, false]);
    expect(messages(result)).toContain(
      'Host h1 spec.uplinks.data: EPG acme/shop/web is untagged on topology/pod-1/paths-101/pathep-[eth1/5], so EPG acme/shop/api cannot be; allowed is one EPG on an access port',
    );
    const otherWay = wanted(access, { 'acme/shop/web': 101, 'acme/shop/api': 100 });
    expect(otherWay.all.has(`${EPG}api/rspathAtt-[topology/pod-1/paths-101/pathep-[eth1/5]]`)).toBe(true);
  });

  it('leaves out a contract that denies what cannot be expressed, and only the entry where it permits', () => {
    const odd = filter('odd', { name: 'stamp', protocol: 'icmp', icmpType: 13 }, { name: 'gre', protocol: 47 });
    const permits = wanted([...SHOP, odd, contract('web', { filters: ['odd'] })], SHOP_VLANS);
    expect([...permits.all.keys()].filter((dn) => dn.includes('flt-odd/'))).toEqual(['uni/tn-acme/flt-odd/e-gre']);
    expect(messages(permits)).toEqual([
      'Filter acme/odd entry stamp: found ICMP type 13; an APIC knows 0, 3, 4, 8, 11',
    ]);
    const denies = wanted(
      [...SHOP, odd, contract('web', { filters: ['http'] }, { filters: ['odd'], action: 'deny' })],
      SHOP_VLANS,
    );
    expect([...denies.all.keys()].filter((dn) => /brc-|rsprov|rscons/.test(dn))).toEqual([]);
    expect(messages(denies)).toContain(
      'Contract acme/web: is not made: it denies what filter odd describes, and not all of that can be expressed',
    );
  });

  it('does not let a provider open connections where a filter permits any protocol, and denies all of it where it denies', () => {
    const any = filter('any', { name: 'any' });
    const permits = wanted([...SHOP, any, contract('web', { filters: ['any'] })], SHOP_VLANS);
    const entries = [...permits.all.values()].filter(({ dn }) => dn.startsWith('uni/tn-acme/flt-any/'));
    expect(entries.map(({ attributes: a }) => [a['name'], a['prot'], a['stateful']])).toEqual([
      ['any:tcp', 'tcp', 'yes'],
      ['any:udp', 'udp', 'no'],
      ['any:icmp', 'icmp', 'no'],
    ]);
    expect(messages(permits)).toEqual([expect.stringMatching(/^Filter acme\/any entry any: found any protocol/)]);
    const denies = wanted([...SHOP, any, contract('web', { filters: ['any'], action: 'deny' })], SHOP_VLANS);
    expect(denies.all.get('uni/tn-acme/flt-any:deny/e-any')?.attributes).toMatchObject({ prot: 'unspecified' });
    expect(denies.all.get('uni/tn-acme/brc-web/subj-s0/rssubjFiltAtt-any:deny')?.attributes).toMatchObject({
      action: 'deny',
    });
  });

  it('permits no replies to echoes where echoes are denied', () => {
    const { all } = wanted([...SHOP, contract('web', { filters: ['ping'], action: 'deny' })], SHOP_VLANS);
    expect([...all.keys()].filter((dn) => dn.includes('reply'))).toEqual([]);
  });

  it('says what a host that routes and an APIC cannot do together', () => {
    const result = wanted(
      [
        ...SHOP,
        bridgeDomain('back', '10.33.0.1/16'),
        domain('lan', { driver: 'ovs', encapsulation: 'vlan' }),
        epg('acme/shop/api', { provides: ['web'], bridgeDomain: 'back' }),
      ],
      SHOP_VLANS,
    );
    expect(messages(result)).toEqual([
      expect.stringMatching(/^Epg acme\/shop\/api: is in a Domain of driver ovs .* another bridge domain/),
      expect.stringMatching(/^Epg acme\/shop\/web: is in a Domain of driver ovs .* another bridge domain/),
    ]);
  });

  it('does not touch the tenants that an APIC has for itself', () => {
    const result = wanted([...tenant('infra'), domain('lan'), epg('infra/shop/web')], { 'infra/shop/web': 100 });
    expect(messages(result)).toEqual(['Epg infra/shop/web: is not made: an APIC has a tenant infra of its own']);
    expect([...result.all.keys()].filter((dn) => dn.startsWith('uni/tn-'))).toEqual([]);
  });
});
