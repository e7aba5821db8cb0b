import { EMPTY_VLAN_TABLE, type VlanTable } from '@heddle/ipam';
import type { EndpointReport, HostReport, HostState, ReportedAttachment } from '@heddle/model';
import fc from 'fast-check';
import { inventoryObjects } from '../objects';
import { container, entriesOf, epg, host, report, server, tap, vm, WORLD } from '../testing/objects';
import { endpointMap, HostParts, type EndpointMap, type EndpointSnapshot } from './endpoint-map';

const entry = (vlan: number, name: string, domain: string, released?: number) => ({
  fabric: 'main',
  vlan,
  domain,
  epg: `acme/shop/${name}`,
  epgUid: `Epg/acme/shop/${name}`,
  ...(released === undefined ? {} : { released }),
});
const VLANS: VlanTable = {
  entries: [entry(100, 'db', 'wire'), entry(200, 'cache', 'trunk'), entry(300, 'edge', 'flat')],
};

interface Given {
  readonly more?: string;
  readonly vlans?: VlanTable;
  readonly states?: Readonly<Record<string, HostState>>;
  readonly known?: EndpointSnapshot['known'];
}

function mapOf(reported: Readonly<Record<string, EndpointReport[]>>, given: Given = {}): EndpointMap {
  return endpointMap({
    objects: inventoryObjects(entriesOf(WORLD, given.more ?? '')),
    vlans: given.vlans ?? VLANS,
    reports: new Map(Object.entries(reported).map(([name, endpoints]) => [name, report(name, endpoints)])),
    states: new Map(Object.entries(given.states ?? {})),
    serversSince: new Map([['acme/shop/s1', '2026-01-01T07:00:00Z']]),
    known: given.known ?? { told: new Set(), duplicates: [] },
  });
}
const told = (map: EndpointMap) =>
  new Map(map.endpoints.flatMap(({ key, distributed }) => (distributed ? [[key, distributed] as const] : [])));
const only = (map: EndpointMap) => map.endpoints[0] as EndpointMap['endpoints'][number];

describe('a container', () => {
  it('is what its host says, and reached by the tunnel to it', () => {
    const { key, distributed, view } = only(mapOf({ h1: [container('h1', 'acme/shop/web', 7)] }));
    expect(key).toBe('h1/allocation:acme/shop/web-7');
    expect(distributed).toEqual({
      id: 'allocation:acme/shop/web-7',
      kind: 'container',
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:07',
      addresses: ['10.32.0.7'],
      host: 'h1',
      underlay: '192.0.2.11',
      healthy: true,
    });
    expect(view).toMatchObject({
      attachment: { driver: 'ovs', port: 'hd7' },
      allocation: 'acme/shop/web-7',
      since: '2026-01-01T00:00:00Z',
      problems: [],
    });
  });

  it.each([
    ['ovs vlan', 'h1', 'db', { driver: 'ovs', port: 'hd7', vlan: 100 }, '192.0.2.11', { port: 'p1a', vlan: 100, via: 'ovs', hairpin: false }],
    ['ovs vlan, not said yet', 'h1', 'db', { driver: 'ovs', port: 'hd7' }, '192.0.2.11', { port: 'p1a', vlan: 100, via: 'ovs', hairpin: false }],
    ['ovs vlan without tunnels', 'h3', 'db', { driver: 'ovs', port: 'hd7', vlan: 100 }, '192.0.2.101', { port: 'p3a', vlan: 100, via: 'ovs', hairpin: false }],
    ['macvlan trunk', 'h1', 'cache', { driver: 'macvlan', port: 'hd7', uplink: 'eth2', mode: 'vepa', vlan: 200 }, '192.0.2.101', { port: 'p1b', vlan: 200, via: 'macvlan', hairpin: true }],
    ['macvlan private', 'h1', 'cache', { driver: 'macvlan', port: 'hd7', uplink: 'eth2', mode: 'private', vlan: 200 }, '192.0.2.101', { port: 'p1b', vlan: 200, via: 'macvlan', hairpin: false }],
    ['macvlan access', 'h2', 'edge', { driver: 'macvlan', port: 'hd7', uplink: 'eth2', mode: 'bridge', vlan: 300 }, '192.0.2.101', { port: 'p2b', via: 'macvlan', hairpin: true }],
  ] as const)('on a fabric is at the port that its host is cabled to: %s', (_what, name, group, attachment, underlay, place) => {
    const { distributed, view } = only(mapOf({ [name]: [container(name, `acme/shop/${group}`, 7, attachment)] }));
    expect(distributed).toMatchObject({ underlay, fabric: { leaf: 'leaf1', ...place } });
    expect(Object.keys(distributed?.fabric ?? {}).sort()).toEqual(['leaf', ...Object.keys(place)].sort());
    expect(view.problems).toEqual([]);
  }); // prettier-ignore

  it('is where its frames are while its EPG has another Domain already', () => {
    const old = { entries: [...VLANS.entries, entry(105, 'web', 'wire', 7), entry(205, 'web', 'trunk', 8)] };
    const attached = { driver: 'ovs', port: 'hd7', vlan: 105 } as const;
    const child = { driver: 'macvlan', port: 'hd8', uplink: 'eth2', mode: 'vepa', vlan: 205 } as const;
    const map = mapOf(
      { h1: [container('h1', 'acme/shop/web', 7, attached), container('h1', 'acme/shop/web', 8, child)] },
      { vlans: old },
    );
    expect(map.endpoints.map(({ distributed }) => distributed?.fabric)).toEqual([
      { leaf: 'leaf1', port: 'p1a', vlan: 105, via: 'ovs', hairpin: false },
      { leaf: 'leaf1', port: 'p1b', vlan: 205, via: 'macvlan', hairpin: true },
    ]);
  });

  it.each([
    ['a VLAN that is not its EPG’s', WORLD, { driver: 'ovs', port: 'hd7', vlan: 200 }, 'VLAN 200, which it is in on h1, is not that of EPG acme/shop/db'],
    ['a host whose cable is not known', host('h1', '192.0.2.11', ', uplinks: { a: { interface: eth1 } }'), { driver: 'ovs', port: 'hd7' }, 'host h1 does not say which port of which leaf its uplink "a" is cabled to'],
    ['a driver that is not the Domain’s', WORLD, { driver: 'macvlan', port: 'hd7', uplink: 'eth1', mode: 'vepa', vlan: 100 }, 'it is attached by driver macvlan, and Domain wire of VLAN 100 is of another, or gone'],
  ] as const)('is on no fabric in or on %s, and says so', (_what, more, attachment, problem) => {
    const { distributed, view } = only(mapOf({ h1: [container('h1', 'acme/shop/db', 7, attachment)] }, { more }));
    expect(distributed).not.toHaveProperty('fabric');
    expect(view.problems).toEqual([problem]);
  }); // prettier-ignore

  it('of macvlan without a VLAN is reached by nobody', () => {
    const attachment = { driver: 'macvlan', port: 'hd7', uplink: 'eth2', mode: 'vepa' } as const;
    const map = mapOf({ h1: [container('h1', 'acme/shop/cache', 7, attachment)] }, { vlans: EMPTY_VLAN_TABLE });
    expect(only(map).distributed).toMatchObject({ underlay: '' });
    expect(only(map).view.problems).toEqual([
      'EPG acme/shop/cache has no VLAN, so the fabric does not carry its frames',
    ]);
  });

  it('on a leaf that ends no tunnels, or that is none of ours, has nobody to speak for it in tunnels', () => {
    const attachment = { driver: 'macvlan', port: 'hd7', uplink: 'eth2', mode: 'vepa', vlan: 200 } as const;
    const reported = { h1: [container('h1', 'acme/shop/cache', 7, attachment)] };
    for (const more of [host('leaf1', '192.0.2.101', ', role: leaf, tunnels: false'), host('leaf1', '192.0.2.101')])
      expect(only(mapOf(reported, { more })).distributed).toMatchObject({ underlay: '', fabric: { leaf: 'leaf1' } });
  });

  it('on a lost host is told as before, and no name leads to it', () => {
    const map = mapOf({ h1: [container('h1', 'acme/shop/web', 7)] }, { states: { h1: 'lost' } });
    expect(only(map).distributed).toMatchObject({ healthy: false, host: 'h1' });
  });
});

describe('a virtual machine', () => {
  const more = vm('vm1', 'epg: web');

  it('is what its object says, where its interface id turned up', () => {
    const { key, distributed, view } = only(mapOf({ h1: [tap('h1', 'vm1')] }, { more }));
    expect(key).toBe('h1/endpoint:acme/shop/vm1');
    expect(distributed).toEqual({
      id: 'endpoint:acme/shop/vm1',
      kind: 'vm',
      service: 'vm1',
      epg: 'acme/shop/web',
      mac: '52:54:00:00:00:01',
      addresses: ['10.32.200.1'],
      host: 'h1',
      underlay: '192.0.2.11',
      interfaceId: 'vm1',
      healthy: true,
    });
    expect(view).toMatchObject({
      host: 'h1',
      since: '2026-01-01T00:00:00Z',
      attachment: { driver: 'ovs', port: 'tap0', interfaceId: 'vm1' },
      problems: [],
    });
  });

  it('travels the fabric when its EPG does', () => {
    const map = mapOf({ h3: [tap('h3', 'vm1')] }, { more: vm('vm1', 'epg: db') });
    expect(only(map).distributed).toMatchObject({
      underlay: '192.0.2.101',
      fabric: { leaf: 'leaf1', port: 'p3a', vlan: 100, via: 'ovs', hairpin: false },
    });
  });

  it('that nobody has is nowhere: shown with why, and told to nobody', () => {
    const map = mapOf({}, { more });
    expect(told(map).size).toBe(0);
    expect(only(map).view).toMatchObject({
      id: 'endpoint:acme/shop/vm1',
      epg: 'acme/shop/web',
      healthy: false,
      attachment: { driver: 'ovs', interfaceId: 'vm1' },
      problems: ['no host has a port with its interface id: start it, or set external_ids:iface-id=vm1 of its port'],
    });
    expect(only(map).view).not.toHaveProperty('host');
  });

  it('on two hosts is where it came up last, and the other host is told', () => {
    const late = '2026-01-01T00:05:00Z';
    const map = mapOf({ h1: [tap('h1', 'vm1', late)], h2: [tap('h2', 'vm1')] }, { more });
    expect([...told(map).keys()]).toEqual(['h1/endpoint:acme/shop/vm1']);
    expect(only(map).view.problems).toEqual(['h2 has a port with its interface id, too, of earlier']);
    expect([...map.hostProblems]).toEqual([
      ['h2', [`port tap0 has the interface id of endpoint acme/shop/vm1, which is at port tap0 of h1 since ${late}: nothing passes from or to it here; remove the port`]],
    ]); // prettier-ignore
  });

  it('that no object names passes nothing, and its host is told', () => {
    const map = mapOf({ h1: [tap('h1', 'stray')] });
    expect(map.endpoints).toEqual([]);
    expect(map.hostProblems.get('h1')).toEqual([
      'port tap0 has the interface id stray, which no Endpoint object names: nothing passes from or to it',
    ]);
    const many = Array.from({ length: 13 }, (_, i) => tap('h1', `stray${i}`));
    expect(mapOf({ h1: many }).hostProblems.get('h1')).toHaveLength(11);
  });

  it('of no EPG, or of two, is shown with why, and told to nobody', () => {
    const label = '{ attributes: { criteria: [{ name: "vm*" }] } }';
    const unbound = mapOf({ h1: [tap('h1', 'vm1')] }, { more: vm('vm1') });
    const ambiguous = mapOf(
      { h1: [tap('h1', 'vm1')] },
      { more: vm('vm1') + epg('acme/shop/web', label) + epg('acme/shop/db', label) },
    );
    expect([told(unbound).size, told(ambiguous).size]).toEqual([0, 0]);
    expect(only(unbound).view).toMatchObject({ host: 'h1', problems: [expect.stringMatching(/^nothing binds it/)] });
    expect(only(ambiguous).view.problems[0]).toMatch(/^EPGs acme\/shop\/db and acme\/shop\/web both have it by attr/);
  });
});

describe('a server', () => {
  it('is at the port of its leaf, which speaks for it', () => {
    const { key, distributed, view } = only(
      mapOf({}, { more: server('s1', 'leaf: leaf1, port: e5, vlan: 20', 'epg: web') }),
    );
    expect(key).toBe('leaf1/endpoint:acme/shop/s1');
    expect(distributed).toEqual({
      id: 'endpoint:acme/shop/s1',
      kind: 'baremetal',
      service: 's1',
      epg: 'acme/shop/web',
      mac: '52:54:00:00:01:01',
      addresses: ['10.32.201.1'],
      host: 'leaf1',
      underlay: '192.0.2.101',
      fabric: { leaf: 'leaf1', port: 'e5', vlan: 20, via: 'static', hairpin: false },
      healthy: true,
    });
    expect(view).toMatchObject({ since: '2026-01-01T07:00:00Z', problems: [] });
  });

  it('at a leaf that is not there is nowhere, unless an APIC may have it', () => {
    const more = server('s1', 'leaf: "101", port: eth1/5', 'epg: web');
    const nowhere = mapOf({}, { more });
    expect(told(nowhere).size).toBe(0);
    expect(only(nowhere).view.problems[0]).toMatch(/^leaf 101 is not there/);
    const apic = `---\nkind: Fabric\nmetadata: { name: aci }\nspec: { driver: apic, controllers: ["https://192.0.2.9"], user: u, passwordFile: /p }\n`;
    expect(only(mapOf({}, { more: more + apic })).distributed).toMatchObject({ host: '101', underlay: '' });
  });

  it('at a lost leaf is not healthy', () => {
    const more = server('s1', 'leaf: leaf1, port: e5', 'epg: web');
    expect(only(mapOf({}, { more, states: { leaf1: 'lost' } })).distributed).toMatchObject({ healthy: false });
  });
});

describe('two endpoints with one address', () => {
  const early = container('h1', 'acme/shop/web', 7);
  const late = { ...container('h2', 'acme/shop/db', 8, undefined, '2026-01-01T01:00:00Z'), addresses: ['10.32.0.7'] };

  it('keep what they had first: the later one is told to nobody, and both say so, and their hosts', () => {
    const map = mapOf({ h1: [early], h2: [late] });
    expect([...told(map).keys()]).toEqual(['h1/allocation:acme/shop/web-7']);
    expect(map.duplicates).toEqual([
      {
        later: 'h2/allocation:acme/shop/db-8',
        path: 'acme/shop/db-8',
        first: 'h1/allocation:acme/shop/web-7',
        what: 'address 10.32.0.7 in Vrf acme/default',
      },
    ]);
    expect(map.endpoints.map(({ view }) => view.problems)).toEqual([
      ['address 10.32.0.7 in Vrf acme/default is claimed by acme/shop/db-8 on h2, too, which is held back'],
      [
        expect.stringContaining(
          'is that of acme/shop/web-7 on h1, which had it first: until one of the two gives it up',
        ),
      ],
    ]);
    const problem =
      'acme/shop/db-8 on h2 and acme/shop/web-7 on h1 both have address 10.32.0.7 in Vrf acme/default; the first of the two is held back';
    expect([...map.hostProblems]).toEqual([
      ['h2', [problem]],
      ['h1', [problem]],
    ]);
  });

  it('may have it in two VRFs', () => {
    const more = `---\nkind: Tenant\nmetadata: { name: blue }\n${epg('blue/shop/web')}`;
    expect(told(mapOf({ h1: [early], h2: [{ ...late, epg: 'blue/shop/web' }] }, { more })).size).toBe(2);
  });

  it('may have one MAC in two bridge domains', () => {
    const same = { ...container('h2', 'acme/shop/web', 9), mac: early.mac };
    expect(told(mapOf({ h1: [early], h2: [same] })).size).toBe(1);
    const lan =
      '---\nkind: BridgeDomain\nmetadata: { tenant: acme, name: lan }\nspec: { subnets: [{ gateway: 10.40.0.1/24 }] }\n';
    const more = `${lan}${epg('acme/shop/web2', '{ bridgeDomain: lan }')}`;
    expect(told(mapOf({ h1: [early], h2: [{ ...same, epg: 'acme/shop/web2' }] }, { more })).size).toBe(2);
  });

  it('are not told of each other while the EPG of one is not known', () => {
    expect(mapOf({ h1: [early], h2: [{ ...late, epg: 'acme/shop/gone' }] }).duplicates).toEqual([]);
  });
});

describe('hosts', () => {
  it('that no tunnel leads to have nobody told of their endpoints', () => {
    const map = mapOf({ h1: [container('h1', 'acme/shop/web', 7)] }, { more: host('h1', '"fd00::1"') });
    expect([map.endpoints.length, told(map).size]).toEqual([1, 0]);
  });

  it('that are no objects any more have none', () => {
    expect(mapOf({ h9: [container('h9', 'acme/shop/web', 7)] }).endpoints).toEqual([]);
  });
});

describe('what was remembered of reports', () => {
  it('gives what is worked out anew, whatever changes', () => {
    const attachment = fc.constantFrom<ReportedAttachment>(
      { driver: 'ovs', port: 'hd1' },
      { driver: 'ovs', port: 'hd1', vlan: 100 },
      { driver: 'macvlan', port: 'hd1', uplink: 'eth2', mode: 'vepa', vlan: 200 },
    );
    const made = fc
      .record({
        group: fc.constantFrom('web', 'db', 'cache'),
        octet: fc.integer({ min: 2, max: 6 }),
        attachment,
        machine: fc.boolean(),
      })
      .map(
        ({ group, octet, attachment, machine }) =>
          (host: string) =>
            machine ? tap(host, `vm${octet}`) : container(host, `acme/shop/${group}`, octet, attachment),
      );
    const objects = [
      vm('vm2', 'epg: web') + vm('vm3'),
      epg('acme/shop/web', '{ domain: wire }'),
      host('h1', '192.0.2.99'),
    ].map((more) => inventoryObjects(entriesOf(WORLD, more)));
    const step = fc.record({
      host: fc.constantFrom('h1', 'h2'),
      endpoints: fc.option(fc.array(made, { maxLength: 4 }), { nil: undefined }),
      objects: fc.constantFrom(...objects),
      vlans: fc.constantFrom(VLANS, EMPTY_VLAN_TABLE),
      lost: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
        const parts = new HostParts();
        const reports = new Map<string, HostReport>();
        let known: EndpointSnapshot['known'] = { told: new Set(), duplicates: [] };
        for (const { host, endpoints, objects, vlans, lost } of steps) {
          if (endpoints) reports.set(host, report(host, endpoints.map((make) => make(host)))); // prettier-ignore
          const states = new Map<string, HostState>([[host, lost ? 'lost' : 'ready']]);
          const snapshot = { objects, vlans, reports, states, serversSince: new Map<string, string>(), known };
          const map = endpointMap(snapshot, parts);
          expect(map).toEqual(endpointMap(snapshot));
          known = { told: told(map), duplicates: map.duplicates };
        }
      }),
    );
  });
});
