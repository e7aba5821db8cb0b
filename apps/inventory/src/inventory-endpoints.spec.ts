import {
  TOPICS,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type EndpointReport,
  type EventFact,
  type HostHeartbeat,
  type HostRegistration,
  type HostView,
} from '@heddle/model';
import { TestOwnership, type Ownership } from '@heddle/service';
import { InventoryReign } from './inventory-reign';
import { container, domain, entriesOf, epg, host, report, server, tap, vm, WORLD } from './testing/objects';

const KINDS = ['Host', 'Fabric', 'Domain', 'Epg', 'BridgeDomain', 'Endpoint'] as const;
const HOSTS = ['h1', 'h2', 'h3', 'leaf1'];

describe('InventoryReign, of fabrics and endpoints', () => {
  let world: TestOwnership;
  let reign: InventoryReign;
  let events: EventFact[];
  let endpoints: ReturnType<typeof world.subscriber<DistributedEndpoint>>;
  let encapsulations: ReturnType<typeof world.subscriber<DistributedEncapsulation>>;
  let hosts: ReturnType<typeof world.subscriber<HostView>>;
  let sequence: number;

  beforeEach(async () => {
    events = [];
    sequence = 0;
    world = new TestOwnership('inventory', KINDS);
    endpoints = world.subscriber('inventory', TOPICS.endpoints);
    encapsulations = world.subscriber('inventory', TOPICS.encapsulations);
    hosts = world.subscriber('inventory', TOPICS.hosts);
    await write(WORLD);
    await begin();
    for (const name of HOSTS) await reign.register(registration(name));
    for (const name of HOSTS) await say(name);
  });
  afterEach(async () => {
    await reign.stop();
    await world.close();
  });

  const write = (text: string, deletes: readonly string[] = []): Promise<number> =>
    world.change(text === '' ? [] : [...entriesOf(text).values()], deletes);
  async function begin(over: Partial<Ownership> = {}): Promise<void> {
    await reign?.stop();
    reign = await InventoryReign.begin(world.context, await world.next(over), (fact) => events.push(fact));
    await world.settle();
  }
  const registration = (name: string): HostRegistration => ({
    host: name,
    agentEpoch: 'a',
    spec: { role: 'host', zone: 'a', underlay: '192.0.2.1', tunnels: true, capacity: { cpu: 1, memory: 1 }, uplinks: {}, schedulable: true },
    labels: {},
    highestClassId: 0,
    blocks: [],
    engineVersion: '1',
    agentVersion: '1',
  }); // prettier-ignore
  const say = async (name: string, ...attached: EndpointReport[]): Promise<void> => {
    await reign.report(report(name, attached, ++sequence));
    await world.settle();
  };
  const beat = async (name: string, over: Partial<HostHeartbeat> = {}): Promise<void> => {
    reign.heartbeat({
      host: name,
      agentEpoch: 'a',
      policyPosition: 0,
      workloadPosition: 0,
      highestClassId: 0,
      problems: [],
      usage: { containers: 0, endpoints: 0, flows: 0 },
      ...over,
    });
    await world.settle();
  };
  const vlans = (): Record<string, number | undefined> =>
    Object.fromEntries([...encapsulations.entries.values()].map((e) => [e.epg.split('/')[2], e.vlan]));
  /** Where the log is, which is where the encapsulations are that hosts put into force. */
  const position = async (): Promise<number> => (await world.next()).view.position;
  /** What happened, apart from hosts that come and go. */
  const told = (): string[] =>
    events
      .filter(({ what }) => !['ready', 'suspect', 'lost'].includes(what))
      .map(({ kind, name, what, message }) => `${kind} ${name} ${what}: ${message}`);

  describe('VLANs', () => {
    it('are given once, kept, and distributed with how each EPG attaches', async () => {
      expect(vlans()).toEqual({ web: undefined, db: 100, cache: 200, edge: 300 });
      await begin();
      await write(epg('acme/shop/db2', '{ domain: wire }'));
      expect(vlans()).toEqual({ web: undefined, db: 100, db2: 101, cache: 200, edge: 300 });
    });

    it('are given again when every host has let go of them, which people can see', async () => {
      await write(epg('acme/shop/db2', '{ domain: wire }'), ['Epg/acme/shop/db']);
      const wire = () => reign.domains().find((domain) => domain.name === 'wire');
      expect(wire()).toMatchObject({
        hosts: ['h1', 'h2', 'h3'],
        vlans: { size: 10, used: 1, resting: 1, free: 8 },
        given: [
          { vlan: 100, epg: 'acme/shop/db', waitsFor: HOSTS },
          { vlan: 101, epg: 'acme/shop/db2' },
        ],
      });
      expect(reign.fabrics()).toEqual([
        {
          name: 'main',
          domains: ['flat', 'trunk', 'wire'],
          leaves: ['leaf1'],
          vlans: { size: 30, used: 3, resting: 1, free: 26 },
        },
      ]);
      const at = await position();
      for (const name of HOSTS) await beat(name, { encapsulationPosition: name === 'h2' ? at - 1 : at });
      expect(wire()?.given?.[0]).toMatchObject({ waitsFor: ['h2'] });
      // Of another history: it says nothing.
      await beat('h2', { encapsulationPosition: at + 1_000 });
      expect(wire()?.given?.[0]).toMatchObject({ waitsFor: ['h2'] });
      await beat('h2', { encapsulationPosition: at });
      expect(wire()?.vlans).toEqual({ size: 10, used: 1, resting: 0, free: 9 });
      await write(epg('acme/shop/db3', '{ domain: wire }'));
      expect(vlans()).toMatchObject({ db2: 101, db3: 100 });
    });

    it('rest until the controllers of their fabric have let go of them, too', async () => {
      const fabric = `kind: Fabric\nmetadata: { name: aci }\nspec: { driver: apic, controllers: ["https://apic"], user: heddle, passwordFile: /etc/heddle/apic }\n`;
      await write(
        fabric +
          domain('paths', 'driver: macvlan, fabric: aci, uplink: b, vlans: "400-401"') +
          epg('acme/shop/old', '{ domain: paths }'),
      );
      await write('', ['Epg/acme/shop/old']);
      const at = await position();
      for (const name of HOSTS) await beat(name, { encapsulationPosition: at });
      const given = () => reign.domains().find(({ name }) => name === 'paths')?.given;
      expect(given()).toEqual([{ vlan: 400, epg: 'acme/shop/old', waitsFor: ['Fabric aci'] }]);
      const controllers = world.publisher('fabric');
      const inForce = async (position: number): Promise<void> => {
        controllers.publish(TOPICS.fabrics, new Map([['aci', { fabric: 'aci', inForce: position }]]), position);
        await world.settle();
      };
      await inForce(at - 1);
      controllers.start();
      await world.clock.advance(2_500);
      expect(given()).toMatchObject([{ waitsFor: ['Fabric aci'] }]);
      await write(epg('acme/shop/new', '{ domain: paths }'));
      expect(vlans()).toMatchObject({ new: 401 });
      await inForce(at);
      expect(given()).toEqual([{ vlan: 401, epg: 'acme/shop/new' }]);
      await write(epg('acme/shop/newer', '{ domain: paths }'));
      expect(vlans()).toMatchObject({ new: 401, newer: 400 });
    });

    it('rest while a host has an endpoint in them, also for who takes the lease over', async () => {
      await say('h1', container('h1', 'acme/shop/db', 7, { driver: 'ovs', port: 'hd7', vlan: 100 }));
      await write('', ['Epg/acme/shop/db']);
      await begin();
      const at = await position();
      for (const name of HOSTS) await beat(name, { encapsulationPosition: at });
      await write(epg('acme/shop/db2', '{ domain: wire }'));
      expect(vlans()).toMatchObject({ db2: 101 });
      expect(reign.domains().find((d) => d.name === 'wire')?.given?.[0]).toMatchObject({
        waitsFor: expect.arrayContaining(['h1']),
      });
    });

    it('are taken from what hosts say when they were lost, and nothing is said of them before', async () => {
      const attached = container('h1', 'acme/shop/db', 7, { driver: 'ovs', port: 'hd7', vlan: 105 });
      await reign.stop();
      await world.close();
      world = new TestOwnership('inventory', KINDS);
      await write(WORLD);
      await begin();
      const other = world.subscriber<DistributedEncapsulation>('inventory', TOPICS.encapsulations);
      await world.settle();
      expect(other.following).toBe(false);
      for (const name of HOSTS) await reign.register(registration(name));
      for (const name of HOSTS.slice(1)) await say(name);
      await world.clock.advance(2_000);
      expect(other.following).toBe(false);
      await say('h1', attached);
      await world.clock.advance(2_000);
      expect(other.entries.get('acme/shop/db')).toMatchObject({ vlan: 105 });
    });

    it('that endpoints of two EPGs are in are a problem of the host', async () => {
      await say(
        'h1',
        container('h1', 'acme/shop/cache', 7, {
          driver: 'macvlan',
          port: 'hd7',
          uplink: 'eth2',
          mode: 'vepa',
          vlan: 100,
        }),
      );
      await world.settle();
      expect(hosts.entries.get('h1')?.problems).toEqual([
        expect.stringContaining('is in VLAN 100, which EPG acme/shop/db has'),
      ]);
      expect(told()).toEqual([expect.stringMatching(/^Host h1 conflict: /)]);
      expect([...endpoints.entries.values()][0]).not.toHaveProperty('fabric');
    });
  });

  it('say which Domains they offer, and why not the others', async () => {
    expect(hosts.entries.get('h1')).toMatchObject({
      domains: ['default', 'flat', 'trunk', 'wire'],
      domainProblems: {},
    });
    expect(hosts.entries.get('h3')).toMatchObject({
      domains: ['flat', 'trunk', 'wire'],
      domainProblems: { default: 'ends no tunnels, which encapsulation vxlan needs' },
    });
    expect(hosts.entries.get('leaf1')).toMatchObject({ domains: [], domainProblems: {} });
    expect(reign.domains()[0]).toMatchObject({
      hosts: ['h1', 'h2'],
      refused: [{ host: 'h3', reason: 'ends no tunnels, which encapsulation vxlan needs' }],
    });
  });

  it('offer no Domain by an uplink that they cannot use, nor by one to a leaf that is gone, and keep what runs', async () => {
    const attached = container('h1', 'acme/shop/db', 7, { driver: 'ovs', port: 'hd7', vlan: 100 });
    await say('h1', attached);
    const reason = 'cannot use its uplink "a": its interface eth1 is not on this host';
    await beat('h1', { uplinkProblems: { a: 'its interface eth1 is not on this host' } });
    expect(hosts.entries.get('h1')).toMatchObject({
      domains: ['default', 'flat', 'trunk'],
      domainProblems: { wire: reason },
    });
    const wire = () => reign.domains().find(({ name }) => name === 'wire');
    expect(wire()).toMatchObject({ hosts: ['h2', 'h3'], refused: [{ host: 'h1', reason }] });
    expect([...endpoints.entries.values()][0]).toMatchObject({ fabric: { leaf: 'leaf1', vlan: 100 } });
    await beat('h1');
    expect(wire()).toMatchObject({ hosts: ['h1', 'h2', 'h3'], refused: [] });

    await write('', ['Host/leaf1']);
    expect(hosts.entries.get('h1')?.domains).toEqual(['default']);
    expect(wire()?.refused[2]).toEqual({ host: 'h3', reason: expect.stringContaining('cabled to leaf leaf1, and no') });
    expect([...endpoints.entries.values()][0]).toMatchObject({ fabric: { leaf: 'leaf1', vlan: 100 } });
    await write(host('leaf1', '192.0.2.101', ', role: leaf'));
    expect(hosts.entries.get('h1')?.domains).toEqual(['default', 'flat', 'trunk', 'wire']);
  });

  describe('virtual machines', () => {
    beforeEach(() => write(vm('vm1', 'epg: web')));
    const at = (): string[] => [...endpoints.entries.keys()];

    it('move with their interface', async () => {
      await say('h1', tap('h1', 'vm1'));
      expect(at()).toEqual(['h1/endpoint:acme/shop/vm1']);
      await say('h2', tap('h2', 'vm1', '2026-01-01T00:01:00Z'));
      expect(at()).toEqual(['h2/endpoint:acme/shop/vm1']);
      expect(hosts.entries.get('h1')?.problems[0]).toContain('has the interface id of endpoint acme/shop/vm1');
      await say('h1');
      expect(hosts.entries.get('h1')?.problems).toEqual([]);
      await say('h2');
      expect(at()).toEqual([]);
      await say('h1', tap('h1', 'vm1', '2026-01-01T00:02:00Z', 'tap5'));
      expect(told()).toEqual([
        'Endpoint shop/vm1 moved: from port tap0 of h1 to port tap0 of h2',
        'Endpoint shop/vm1 moved: from port tap0 of h2 to port tap5 of h1',
      ]);
      expect(reign.endpoints('acme').map(({ id, host, since }) => [id, host, since])).toEqual([
        ['endpoint:acme/shop/vm1', 'h1', '2026-01-01T00:02:00Z'],
      ]);
    });

    it('are gone with their objects', async () => {
      await say('h1', tap('h1', 'vm1'));
      await write('', ['Endpoint/acme/shop/vm1']);
      expect(at()).toEqual([]);
      expect(reign.endpoints()).toEqual([]);
    });

    it('have their addresses kept out of the blocks of hosts', async () => {
      await write(vm('vm2').replace('10.32.200.2', '10.32.0.9'));
      expect(await reign.leaseBlock('h1', 'acme/default', [])).toBe('10.32.0.64/26');
    });
  });

  it('shows since when a server is where it is, also to who takes the lease over', async () => {
    await write(server('s1', 'leaf: leaf1, port: e5', 'epg: web'));
    const since = (): string | undefined => reign.endpoints().find((e) => e.kind === 'baremetal')?.since;
    const first = since();
    expect(first).toMatch(/^\d{4}-/);
    await world.clock.advance(60_000);
    await begin();
    expect(since()).toBe(first);
    await write(server('s1', 'leaf: leaf1, port: e6', 'epg: web'));
    expect(since()).not.toBe(first);
    expect(told()).toEqual(['Endpoint shop/s1 moved: from port e5 of leaf1 to port e6 of leaf1']);
  });

  it('shows what endpoints sent and received, as their host counts it or the leaf that they are behind', async () => {
    await write(server('s1', 'leaf: leaf1, port: e5', 'epg: web'));
    const child = { driver: 'macvlan', port: 'hd8', uplink: 'eth2', mode: 'vepa', vlan: 200 } as const;
    await say('h1', container('h1', 'acme/shop/web', 7), container('h1', 'acme/shop/cache', 8, child));
    const count = (bytes: number) => ({ sent: { packets: 1, bytes }, received: { packets: 1, bytes } });
    await beat('h1', { traffic: { 'allocation:acme/shop/web-7': count(7) } });
    await beat('leaf1', { traffic: { 'allocation:acme/shop/cache-8': count(8), 'endpoint:acme/shop/s1': count(1) } });
    const shown = reign.endpoints().map(({ id, traffic }) => [id.split(':')[1], traffic?.sent.bytes]);
    expect(Object.fromEntries(shown)).toEqual({ 'acme/shop/web-7': 7, 'acme/shop/cache-8': 8, 'acme/shop/s1': 1 });
    expect([...endpoints.entries.values()].every((e) => !('traffic' in e))).toBe(true);
  });

  describe('duplicates', () => {
    const first = container('h1', 'acme/shop/web', 7, undefined, '2026-01-01T02:00:00Z');
    const second = { ...container('h2', 'acme/shop/db', 8), addresses: first.addresses };

    it('are told once and told when they are over; who had it keeps it, whatever the other one says', async () => {
      await say('h1', first);
      await say('h2', second);
      const keys = (): string[] => [...endpoints.entries.keys()];
      expect(keys()).toEqual(['h1/allocation:acme/shop/web-7']);
      for (const name of ['h1', 'h2']) expect(hosts.entries.get(name)?.problems).toHaveLength(1);
      // The other one says that it was there earlier, and nothing of this is forgotten when the lease changes hands.
      await begin();
      await say('h2', { ...second, since: '2025-01-01T00:00:00Z' });
      expect(keys()).toEqual(['h1/allocation:acme/shop/web-7']);
      expect(told()).toEqual([
        expect.stringMatching(/^Endpoint shop\/db-8 duplicate: address 10.32.0.7 in Vrf acme\/default/),
      ]);
      await say('h1');
      expect(keys()).toEqual(['h2/allocation:acme/shop/db-8']);
      expect(told()).toHaveLength(2);
      expect(told()[1]).toMatch(/^Endpoint shop\/db-8 resolved: /);
    });
  });

  describe('sightings', () => {
    it('are told of the endpoint, and shown with it for a while', async () => {
      await say('h1', container('h1', 'acme/shop/web', 7));
      const sightings = [{ mac: '0a:00:00:00:00:01', address: '10.32.0.7', port: 'hd9', at: '2026-01-01T00:00:00Z' }];
      for (let i = 0; i < 3; i++) await beat('h2', { sightings });
      expect(told()).toEqual([
        'Endpoint shop/web-7 address-elsewhere: its address 10.32.0.7 was claimed with MAC 0a:00:00:00:00:01 at port hd9 of h2, where it is not; what came from there was dropped',
      ]);
      expect(reign.endpoints()[0]?.problems).toHaveLength(1);
      await world.clock.advance(300_000);
      expect(reign.endpoints()[0]?.problems).toEqual([]);
    });
  });
});
