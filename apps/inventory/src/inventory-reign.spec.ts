import {
  TOPICS,
  type AllocationStatus,
  type DistributedEndpoint,
  type EventFact,
  type HostRegistration,
  type HostReport,
  type HostSpec,
  type HostView,
} from '@heddle/model';
import { TestOwnership, type Ownership } from '@heddle/service';
import { InventoryReign } from './inventory-reign';

const BRIDGE_DOMAIN = {
  kind: 'BridgeDomain',
  metadata: { tenant: 'acme', name: 'default' },
  spec: { vrf: 'default', subnets: [{ gateway: '10.32.0.1/16' }] },
};
const spec: HostSpec = {
  role: 'host',
  zone: 'a',
  underlay: '192.0.2.11',
  tunnels: true,
  capacity: { cpu: 1, memory: 2 ** 30 },
  uplinks: {},
  schedulable: true,
};
const host = (name: string): object => ({ kind: 'Host', metadata: { name }, spec });

const registration = (name: string, over: Partial<HostRegistration> = {}): HostRegistration => ({
  host: name,
  agentEpoch: 'a',
  spec,
  labels: {},
  highestClassId: 0,
  blocks: [],
  engineVersion: '1',
  agentVersion: '1',
  ...over,
});
const block = (text: string) => ({ bridgeDomain: 'acme/default', block: text });

describe('InventoryReign', () => {
  let world: TestOwnership;
  let reign: InventoryReign;
  let events: EventFact[];
  let hosts: ReturnType<typeof world.subscriber<HostView>>;

  beforeEach(async () => {
    events = [];
    world = new TestOwnership('inventory', ['Host', 'Fabric', 'Domain', 'Epg', 'BridgeDomain', 'Endpoint']);
    hosts = world.subscriber<HostView>('inventory', TOPICS.hosts);
    await world.change([BRIDGE_DOMAIN, host('h1'), host('h2'), host('h3')]);
    await begin();
  });
  afterEach(async () => {
    await reign.stop();
    await world.close();
  });

  async function begin(over: Partial<Ownership> = {}): Promise<void> {
    await reign?.stop();
    reign = await InventoryReign.begin(world.context, await world.next(over), (fact) => events.push(fact));
    await world.settle();
  }
  const heartbeat = (name: string, highestClassId = 0, agentEpoch = 'a'): boolean =>
    reign.heartbeat({
      host: name,
      agentEpoch,
      policyPosition: 0,
      workloadPosition: 0,
      highestClassId,
      problems: [],
      usage: { containers: 0, endpoints: 0, flows: 0 },
    });
  const states = (): string => [...hosts.entries.values()].map((h) => `${h.name} ${h.state}`).join(', ');

  it('takes over the blocks that hosts hold, and leases none of them to another host', async () => {
    expect((await reign.register(registration('h2', { blocks: [block('10.32.0.0/26')] }))).blocks).toEqual([
      block('10.32.0.0/26'),
    ]);
    expect(await reign.leaseBlock('h1', 'acme/default', [])).toBe('10.32.0.64/26');
    // A block that another host has by now is not the host's any more.
    const { blocks } = await reign.register(registration('h3', { blocks: [block('10.32.0.64/26')] }));
    expect(blocks).toEqual([]);
    expect(events).toContainEqual(
      expect.objectContaining({ name: 'h3', what: 'conflict', message: expect.stringContaining('of host h1') }),
    );
    await begin();
    expect(await reign.leaseBlock('h3', 'acme/default', [])).toBe('10.32.0.128/26');
  });

  it('leases nothing while hosts may still say what they hold', async () => {
    let settled = false;
    await begin({ settled: () => settled });
    await expect(reign.leaseBlock('h1', 'acme/default', [])).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
    });
    settled = true;
    expect(await reign.leaseBlock('h1', 'acme/default', [])).toBe('10.32.0.0/26');
  });

  it('says which class id is the highest that a host has enforced, as soon as the host does', async () => {
    await reign.register(registration('h1', { highestClassId: 20 }));
    heartbeat('h1', 31);
    await world.settle();
    expect(hosts.entries.get('h1')?.highestClassId).toBe(31);
    await begin();
    await world.clock.advance(2_500);
    expect(hosts.entries.get('h1')).toMatchObject({ state: 'suspect', highestClassId: 20 });
    expect(heartbeat('h1', 31)).toBe(true);
    await world.settle();
    expect(hosts.entries.get('h1')).toMatchObject({ state: 'ready', highestClassId: 31 });
  });

  it('keeps what the switch of a host dropped, for who asks, and distributes it to nobody', async () => {
    await reign.register(registration('h1'));
    const beat = (drops?: Record<string, number>) =>
      reign.heartbeat({
        host: 'h1',
        agentEpoch: 'a',
        policyPosition: 1,
        workloadPosition: 0,
        highestClassId: 0,
        problems: [],
        usage: { containers: 0, endpoints: 0, flows: 0 },
        ...(drops ? { drops } : {}),
      });
    beat({ 'no-contract': 7 });
    await world.settle();
    expect(reign.hosts().map((h) => h.drops)).toEqual([{ 'no-contract': 7 }, undefined, undefined]);
    expect(hosts.entries.get('h1')).toMatchObject({ policyPosition: 1 });
    expect(hosts.entries.get('h1')).not.toHaveProperty('drops');
    beat();
    expect(reign.hosts()[0]).not.toHaveProperty('drops');
  });

  it('gives nobody up before a whole window has passed since it could hear them', async () => {
    for (const name of ['h1', 'h2', 'h3']) await reign.register(registration(name));
    await begin();
    for (let i = 0; i < 6; i++) {
      heartbeat('h1');
      heartbeat('h2');
      await world.clock.advance(1_000);
    }
    expect(states()).toBe('h1 ready, h2 ready, h3 suspect');
    for (let i = 0; i < 3; i++) {
      heartbeat('h1');
      heartbeat('h2');
      await world.clock.advance(1_000);
    }
    expect(states()).toBe('h1 ready, h2 ready, h3 lost');
    // NATS was away, and with it every heartbeat.
    world.hub.down();
    await world.clock.advance(20_000);
    world.hub.restart();
    await world.clock.advance(3_000);
    expect(states()).toBe('h1 suspect, h2 suspect, h3 lost');
  });

  it('keeps what hosts reported, so that endpoints do not vanish when it begins anew', async () => {
    const endpoints = world.subscriber<DistributedEndpoint>('inventory', TOPICS.endpoints);
    await reign.register(registration('h1'));
    await reign.report({
      host: 'h1',
      agentEpoch: 'a',
      sequence: 1,
      allocations: [],
      endpoints: [
        {
          id: 'allocation:acme/shop/web-1',
          epg: 'acme/shop/web',
          mac: '02:48:0a:20:00:02',
          addresses: ['10.32.0.2'],
          host: 'h1',
          healthy: true,
          attachment: { driver: 'ovs', port: 'hd1' },
          since: '2026-01-01T00:00:00Z',
        },
      ],
    });
    await begin();
    await world.clock.advance(1_000);
    expect([...endpoints.entries.values()]).toMatchObject([{ addresses: ['10.32.0.2'], healthy: true }]);
  });

  it('leaves out an endpoint with an address that nobody can enforce, says so of its host, and takes the rest', async () => {
    const endpoints = world.subscriber<DistributedEndpoint>('inventory', TOPICS.endpoints);
    await reign.register(registration('h1'));
    const endpoint = (name: string, ...addresses: string[]) => ({
      id: `allocation:acme/shop/${name}`,
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:02',
      addresses,
      host: 'h1',
      healthy: true,
      attachment: { driver: 'ovs' as const, port: 'hd1' },
      since: '2026-01-01T00:00:00Z',
    });
    const report = {
      host: 'h1',
      agentEpoch: 'a',
      sequence: 1,
      allocations: [],
      endpoints: [endpoint('a', '10.32.0.2'), endpoint('b', 'fd00::7'), endpoint('c', '10.32.0.3', 'fd00::8')],
    };
    expect(await reign.report(report)).toBe(true);
    const problems = [
      expect.stringMatching(/shop\/b .*found fd00::7; allowed is an IPv4 address/),
      expect.stringMatching(/shop\/c .*found fd00::8; allowed is an IPv4 address/),
    ];
    for (let i = 0; i < 2; i++) {
      await world.clock.advance(1_000);
      expect([...endpoints.entries.values()].map((e) => e.addresses)).toEqual([['10.32.0.2']]);
      expect(hosts.entries.get('h1')?.problems).toEqual(problems);
      expect(hosts.entries.get('h2')?.problems).toEqual([]);
      // The same for who takes the lease over.
      await begin();
    }
    const sixes = Array.from({ length: 9 }, (_, i) => endpoint(`x${i}`, `fd00::${i}`));
    await reign.report({ ...report, sequence: 2, endpoints: sixes });
    expect(reign.hosts()[0]?.problems).toHaveLength(6);
    await reign.report({ ...report, sequence: 3, endpoints: [endpoint('b', '10.32.0.2')] });
    expect(reign.hosts()[0]?.problems).toEqual([]);
  });

  it('keeps an endpoint whose block it does not know, or knows of another host', async () => {
    const endpoints = world.subscriber<DistributedEndpoint>('inventory', TOPICS.endpoints);
    await reign.register(registration('h2', { blocks: [block('10.32.0.0/26')] }));
    await reign.register(registration('h1'));
    const found = ['10.32.0.9', '10.33.0.9'].map((address) => ({
      id: `allocation:acme/shop/${address}`,
      epg: 'acme/shop/web',
      mac: '02:48:0a:20:00:02',
      addresses: [address],
      host: 'h1',
      healthy: true,
      attachment: { driver: 'ovs' as const, port: 'hd1' },
      since: '2026-01-01T00:00:00Z',
    }));
    await reign.report({ host: 'h1', agentEpoch: 'a', sequence: 1, allocations: [], endpoints: found });
    await world.settle();
    expect([...endpoints.entries.values()].map((e) => e.addresses)).toEqual([['10.32.0.9'], ['10.33.0.9']]);
  });

  it('gives nobody a way to a host that was accepted with an underlay over IPv6, and says so', async () => {
    const six = { kind: 'Host', metadata: { name: 'h3' }, spec: { ...spec, underlay: 'fd00::3' } };
    await world.change([six]);
    await reign.register(registration('h3'));
    await reign.report({
      host: 'h3',
      agentEpoch: 'a',
      sequence: 1,
      allocations: [],
      endpoints: [
        {
          id: 'allocation:acme/shop/web-1',
          epg: 'acme/shop/web',
          mac: '02:48:0a:20:00:02',
          addresses: ['10.32.0.2'],
          host: 'h3',
          healthy: true,
          attachment: { driver: 'ovs', port: 'hd1' },
          since: '2026-01-01T00:00:00Z',
        },
      ],
    });
    await world.settle();
    const endpoints = world.subscriber<DistributedEndpoint>('inventory', TOPICS.endpoints);
    await world.settle();
    expect(endpoints.following).toBe(true);
    expect(endpoints.entries.size).toBe(0);
    expect(hosts.entries.get('h3')?.problems).toEqual([expect.stringContaining('found underlay fd00::3; allowed is')]);
  });

  it('takes nothing that an earlier run of an agent sent, and asks a run that it does not know to register', async () => {
    await reign.register(registration('h1', { agentEpoch: 'a' }));
    expect(heartbeat('h1', 1, 'a')).toBe(true);
    await reign.register(registration('h1', { agentEpoch: 'b' }));
    const report = { host: 'h1', sequence: 9, endpoints: [], allocations: [] };
    for (let i = 0; i < 2; i++) {
      expect(heartbeat('h1', 40, 'a')).toBe(false);
      expect(await reign.report({ ...report, sequence: 9 + i, agentEpoch: 'a' })).toBe(false);
      expect(heartbeat('h1', 2, 'b')).toBe(true);
      expect(await reign.report({ ...report, sequence: 1 + i, agentEpoch: 'b' })).toBe(true);
      // Who takes the lease over knows which run registered last.
      await begin();
    }
    expect(reign.hosts()).toContainEqual(expect.objectContaining({ name: 'h1', highestClassId: 0 }));
    heartbeat('h1', 2, 'b');
    expect(reign.hosts()).toContainEqual(expect.objectContaining({ name: 'h1', highestClassId: 2 }));
  });

  it('leaves out what a host tells of allocations that another host reports', async () => {
    await reign.register(registration('h1'));
    const status = {
      allocation: 'acme/shop/web-1',
      uid: 'u1',
      host: 'h1',
      phase: 'running' as const,
      healthy: true,
      addresses: [],
      restarts: 0,
    };
    await reign.report({ host: 'h1', agentEpoch: 'a', sequence: 1, endpoints: [], allocations: [status] });
    const fact = (kind: string, tenant: string, name: string): EventFact => ({
      at: '2026-01-01T00:00:00Z',
      kind,
      tenant,
      name,
      what: 'stopped',
      message: '',
    });
    const facts = ['web-1', 'web-2'].map((name) => fact('Allocation', 'acme', `shop/${name}`));
    expect(reign.factsOf('h1', [...facts, fact('Host', '', 'h1')])).toHaveLength(3);
    expect(reign.factsOf('h2', facts)).toEqual([facts[1]]);
  });

  it('hides nothing that a host reports behind what another host reports under the same names', async () => {
    const statuses = world.subscriber<AllocationStatus>('inventory', TOPICS.allocationStatus);
    const endpoints = world.subscriber<DistributedEndpoint>('inventory', TOPICS.endpoints);
    const of = (host: string, phase: AllocationStatus['phase'], address: string): HostReport => ({
      host,
      agentEpoch: 'a',
      sequence: 1,
      allocations: [
        { allocation: 'acme/shop/web-1', uid: 'u1', host, phase, healthy: true, addresses: [], restarts: 0 },
      ],
      endpoints: [
        {
          id: 'allocation:acme/shop/web-1',
          epg: 'acme/shop/web',
          mac: '02:48:0a:20:00:02',
          addresses: [address],
          host,
          healthy: true,
          attachment: { driver: 'ovs', port: 'hd1' },
          since: '2026-01-01T00:00:00Z',
        },
      ],
    });
    for (const host of ['h1', 'h2']) await reign.register(registration(host));
    await reign.report(of('h1', 'running', '10.32.0.2'));
    await reign.report(of('h2', 'stopped', '10.32.0.66'));
    await world.settle();
    expect([...statuses.entries].map(([key, status]) => [key, status.host, status.phase])).toEqual([
      ['h1/acme/shop/web-1', 'h1', 'running'],
      ['h2/acme/shop/web-1', 'h2', 'stopped'],
    ]);
    expect([...endpoints.entries.values()].map((e) => [e.host, e.addresses])).toEqual([
      ['h1', ['10.32.0.2']],
      ['h2', ['10.32.0.66']],
    ]);
    // Nor is a host silenced.
    const fact = { at: '', kind: 'Allocation', tenant: 'acme', name: 'shop/web-1', what: 'stopped', message: '' };
    expect(['h1', 'h2', 'h3'].map((host) => reign.factsOf(host, [fact]).length)).toEqual([1, 1, 0]);
  });

  it('forgets a host when an operator removed it, not when its view is being read anew', async () => {
    const ownership = await world.next();
    const view = Object.create(ownership.view, { problem: { value: undefined, writable: true } });
    await begin({ ...ownership, view });
    await reign.register(registration('h1'));
    expect(await reign.leaseBlock('h1', 'acme/default', [])).toBe('10.32.0.0/26');
    view.problem = 'the log went back';
    await world.change([], ['Host/h1']);
    await world.clock.advance(1_000);
    expect(heartbeat('h1')).toBe(true);
    view.problem = undefined;
    await world.clock.advance(1_000);
    expect(heartbeat('h1')).toBe(false);
    expect(reign.given.blocks).toMatchObject({ leases: [], returned: [{ block: '10.32.0.0/26' }] });
  });
});
