import type { DistributedEndpoint } from '@heddle/model';
import { attachedEndpoint, distributed, encapsulation, MACVLAN_DOMAIN, VLAN_DOMAIN } from '../testing/parts';
import { hostSides, switchedUplinks, switchedVlan, type HostSituation } from './host-snapshot';
import { NO_PORTS } from './local-endpoints';

const WEB = 'acme/shop/web';
const PORT = { ...attachedEndpoint('e1', '10.32.0.5'), ofport: 5 };
const byId = (...endpoints: DistributedEndpoint[]) => new Map(endpoints.map((e) => [`${e.host}/${e.id}`, e]));

const situation = (change: Partial<HostSituation> = {}): HostSituation => ({
  host: 'h1',
  ports: { ...NO_PORTS, endpoints: [PORT], numbers: { [PORT.port]: 5, eth1: 9 } },
  endpoints: new Map(),
  encapsulations: new Map([[WEB, encapsulation(WEB)]]),
  uplinks: { fabric: { interface: 'eth1', leaf: 'leaf', port: 'h1' } },
  allocation: () => undefined,
  ...change,
});

describe('hostSides', () => {
  it('knows containers by their ports and others by the map, and sends nothing to a fabric by itself', () => {
    const other = distributed('allocation:acme/shop/api-1');
    const { local, remote } = hostSides(situation({ endpoints: byId(other) }));
    expect(local).toEqual([
      {
        id: 'docker:h1/e1',
        epg: WEB,
        mac: PORT.mac,
        addresses: ['10.32.0.5'],
        port: 5,
        linkIndex: 1,
        healthPorts: [],
      },
    ]);
    expect(remote).toEqual([expect.objectContaining({ id: other.id, underlay: '192.0.2.12', fabric: false })]);
  });

  it('gives endpoints of an EPG that travels a fabric their uplink, once that is a port of the bridge', () => {
    const encapsulations = new Map([[WEB, encapsulation(WEB, { spec: VLAN_DOMAIN, vlan: 100 })]]);
    expect(hostSides(situation({ encapsulations })).local[0]?.uplink).toEqual({ port: 9, vlan: 100 });
    const numbers = { [PORT.port]: 5 };
    const ports = { ...NO_PORTS, endpoints: [PORT], numbers };
    expect(hostSides(situation({ encapsulations, ports })).local[0]?.uplink).toBeUndefined();
  });

  it('takes a child of an uplink of its own for somebody behind the leaf', () => {
    const child = distributed('allocation:acme/shop/api-1', {
      host: 'h1',
      underlay: '192.0.2.254',
      fabric: { leaf: 'leaf', port: 'p1', via: 'macvlan', hairpin: true },
    });
    const own = distributed('docker:h1/e1', { host: 'h1' });
    const { remote } = hostSides(situation({ endpoints: byId(child, own) }));
    expect(remote).toEqual([expect.objectContaining({ id: child.id, underlay: '192.0.2.254', fabric: true })]);
  });

  it('is not led to a leaf by an uplink that is no port of its bridge', () => {
    const uplinks = { ...situation().uplinks, macvlan: { interface: 'eth2', leaf: 'leaf2', port: 'h1' } };
    const fabric = { leaf: 'leaf2', port: 'h1', via: 'macvlan', hairpin: true } as const;
    const child = distributed('allocation:acme/shop/api-1', { host: 'h1', fabric });
    const { remote } = hostSides(situation({ uplinks, endpoints: byId(child) }));
    expect(remote).toEqual([expect.objectContaining({ id: child.id, fabric: false })]);
  });

  it('reaches by its fabric only who is behind a leaf that it is cabled to', () => {
    const fabric = { leaf: 'leaf2', port: 'p1', via: 'static', hairpin: false } as const;
    const { remote } = hostSides(situation({ endpoints: byId(distributed('endpoint:acme/shop/db', { fabric })) }));
    expect(remote).toEqual([expect.objectContaining({ fabric: false })]);
  });

  it('has a virtual machine at the port that bears its interface id, with the addresses that the inventory says', () => {
    const vm = distributed('endpoint:acme/shop/vm', { host: 'h1', interfaceId: 'vm-1', epg: WEB });
    const machines = [{ interfaceId: 'vm-1', port: 'tap0', ofport: 7, mac: '02:00:00:00:00:99' }];
    const ports = { ...NO_PORTS, machines, numbers: { tap0: 7 } };
    const { local, remote } = hostSides(situation({ ports, endpoints: byId(vm) }));
    expect(local).toEqual([{ id: vm.id, epg: WEB, mac: vm.mac, addresses: vm.addresses, port: 7, healthPorts: [] }]);
    expect(remote).toEqual([]);
  });

  it('gives a port with an unknown interface id, or one whose machine is on another host, nothing', () => {
    const vm = distributed('endpoint:acme/shop/vm', { host: 'h2', interfaceId: 'vm-1', epg: WEB });
    const machines = ['vm-1', 'vm-9'].map((interfaceId, i) => ({
      interfaceId,
      port: `tap${i}`,
      ofport: 7 + i,
      mac: '02:00:00:00:00:99',
    }));
    const { local } = hostSides(situation({ ports: { ...NO_PORTS, machines }, endpoints: byId(vm) }));
    expect(local).toEqual([]);
  });
});

describe('encapsulations of the switch', () => {
  const vlan = encapsulation(WEB, { spec: VLAN_DOMAIN, vlan: 100 });
  const child = encapsulation('acme/shop/api', { spec: MACVLAN_DOMAIN, vlan: 200 });

  it('name the uplinks that the bridge needs, and the VLANs that are reported', () => {
    expect([...switchedUplinks([vlan, child, encapsulation('acme/shop/db')])]).toEqual(['fabric']);
    expect([vlan, child, encapsulation('acme/shop/db')].map(switchedVlan)).toEqual([100, undefined, undefined]);
    expect(switchedVlan(undefined)).toBeUndefined();
  });
});
