import { FakeClock, FakeFiles } from '@heddle/host';
import { MemoryBus } from '@heddle/messaging';
import { HeddleError, resolvedKey, TOPICS, type HostReport, type Sighting, type UplinkProblems } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import type { HostConfig } from '../config';
import { AgentStore, type Accepted } from '../store';
import type { Drops } from '../datapath/drops';
import type { TrafficById } from '../datapath/traffic-sampler';
import { FakeControlPlane } from '../testing/fake-control-plane';
import { acceptedPolicy, POLICY } from '../testing/parts';
import { ControlPlane, type AgentSide } from './control-plane';

const CONFIG = {
  host: 'h1',
  zone: 'z1',
  labels: { rack: '7' },
  underlay: { address: '192.0.2.11', mtu: 1500 },
  role: 'host',
  tunnels: true,
  uplinks: { fabric: { interface: 'eth1', leaf: 'leaf', port: 'h1' } },
} as unknown as HostConfig;

const ENTRIES = Object.fromEntries(POLICY.map((entry) => [resolvedKey(entry), entry]));

/** An agent that keeps what it is given. */
class StubAgent implements AgentSide {
  readonly epoch = 'epoch-1';
  readonly accepted: Record<string, Accepted<unknown>[]> = {
    policy: [],
    endpoints: [],
    encapsulations: [],
    allocations: [],
  };
  readonly added: unknown[] = [];
  problems: string[] = ['engine away'];
  uplinkProblems: UplinkProblems = {};
  policyPosition = 3;
  workloadPosition = 2;
  usage = { containers: 1, endpoints: 2, flows: 3 };
  drops: Drops | undefined;
  traffic: TrafficById | undefined;
  sightings: Sighting[] = [];
  takeTraffic = (): TrafficById | undefined => this.traffic;
  takeSightings = (): readonly Sighting[] => this.sightings.splice(0);
  private sequence = 0;

  acceptPolicy = (accepted: Accepted<unknown>): void => void this.accepted['policy']?.push(accepted);
  acceptEndpoints = (accepted: Accepted<unknown>): void => void this.accepted['endpoints']?.push(accepted);
  acceptEncapsulations = (accepted: Accepted<unknown>): void => void this.accepted['encapsulations']?.push(accepted);
  acceptAllocations = (accepted: Accepted<unknown>): void => void this.accepted['allocations']?.push(accepted);
  surveyed = true;
  setBlocks = (blocks: unknown): void => void this.added.push(blocks);
  report = (): HostReport => ({
    host: 'h1',
    agentEpoch: this.epoch,
    sequence: ++this.sequence,
    endpoints: [],
    allocations: [],
  });
}

describe('ControlPlane', () => {
  let clock: FakeClock;
  let world: FakeControlPlane;
  let agent: StubAgent;
  let store: AgentStore;
  let logs: string[];
  let side: ControlPlane;
  let bus: MemoryBus;

  beforeEach(async () => {
    clock = new FakeClock();
    world = new FakeControlPlane(clock);
    agent = new StubAgent();
    logs = [];
    store = await AgentStore.open(new FakeFiles(), '/state', () => undefined);
  });
  afterEach(async () => {
    await side.stop();
    await bus.close();
    await world.stop();
  });

  function start(): void {
    bus = new MemoryBus({ hub: world.hub, name: 'agent', host: 'h1', clock });
    side = new ControlPlane({
      config: CONFIG,
      bus,
      rpc: new RpcClient(bus),
      clock,
      store,
      log: (level, message) => logs.push(`${level} ${message}`),
      version: '0.1.0',
      capacity: async () => ({ cpu: 2, memory: 1_000, engineVersion: '20.10.24' }),
    });
    side.start(agent);
  }

  it('reports nothing before the agent has looked at everything once', async () => {
    agent.surveyed = false;
    start();
    await clock.advance(5_000);
    expect(world.registrations).toHaveLength(1);
    expect(world.reports).toEqual([]);
    agent.surveyed = true;
    side.reportSoon();
    await clock.advance(1_000);
    expect(world.reports.length).toBeGreaterThan(0);
  });

  it('introduces the host, takes over the blocks it holds, reports, and gives signs of life', async () => {
    world.blocks = [{ bridgeDomain: 'acme/default', block: '10.32.0.0/24' }];
    store.policy.set({ accepted: acceptedPolicy(), highestClassId: 17 });
    start();
    await clock.advance(50);
    expect(world.registrations).toEqual([
      {
        host: 'h1',
        agentEpoch: 'epoch-1',
        spec: {
          role: 'host',
          zone: 'z1',
          tunnels: true,
          underlay: '192.0.2.11',
          capacity: { cpu: 2, memory: 1_000 },
          uplinks: CONFIG.uplinks,
          schedulable: true,
        },
        labels: { hostname: expect.any(String), rack: '7' },
        seen: acceptedPolicy().watermark,
        highestClassId: 17,
        blocks: [],
        engineVersion: '20.10.24',
        agentVersion: '0.1.0',
      },
    ]);
    expect(agent.added).toEqual([world.blocks]);
    expect(world.reports).toHaveLength(1);
    const before = world.heartbeats.length;
    await clock.advance(10_000);
    expect(world.heartbeats.length - before).toBe(5);
    expect(world.heartbeats.at(-1)).toEqual({
      host: 'h1',
      agentEpoch: 'epoch-1',
      policyPosition: 3,
      encapsulationPosition: 3,
      workloadPosition: 2,
      highestClassId: 17,
      problems: ['engine away'],
      usage: { containers: 1, endpoints: 2, flows: 3 },
    });
    agent.drops = { 'no-contract': 4 } as Drops;
    await clock.advance(2_000);
    expect(world.heartbeats.at(-1)?.drops).toEqual({ 'no-contract': 4 });
    agent.uplinkProblems = { fabric: 'its interface is not there' };
    await clock.advance(2_000);
    expect(world.heartbeats.at(-1)?.uplinkProblems).toEqual(agent.uplinkProblems);
    const [count, sighting] = [
      { packets: 1, bytes: 2 },
      { mac: 'm', address: 'a', port: 'p', at: 't' },
    ];
    agent.traffic = { e1: { sent: count, received: count } };
    agent.sightings = [sighting];
    await clock.advance(2_000);
    expect(world.heartbeats.at(-1)).toMatchObject({ traffic: { e1: { sent: count } }, sightings: [sighting] });
    await clock.advance(2_000);
    expect(world.heartbeats.at(-1)?.sightings).toBeUndefined();
  });

  it('gives the agent what is distributed, with the place in history that it belongs to', async () => {
    start();
    world.publish('policy', TOPICS.policy, ENTRIES, 5);
    world.publish('inventory', TOPICS.endpoints, {}, 6);
    world.publish('inventory', TOPICS.encapsulations, { web: { epg: 'web' } }, 6);
    world.publish('scheduler', TOPICS.allocations('h1'), { a: { kind: 'Allocation' } }, 7);
    await clock.advance(3_000);
    expect(agent.accepted['policy']?.at(-1)).toEqual({
      watermark: { clusterUid: 'cluster', incarnation: 1, position: 5 },
      epoch: 1,
      entries: ENTRIES,
    });
    expect(agent.accepted['endpoints']?.at(-1)?.watermark.position).toBe(6);
    expect(agent.accepted['encapsulations']?.at(-1)?.entries).toEqual({ web: { epg: 'web' } });
    expect(agent.accepted['allocations']?.at(-1)?.entries).toEqual({ a: { kind: 'Allocation' } });
    world.publish('policy', TOPICS.policy, {}, 8);
    await clock.advance(10);
    expect(agent.accepted['policy']?.at(-1)).toMatchObject({ watermark: { position: 8 }, entries: {} });
  });

  it('reports changes together, one report at a time, and nothing without a change', async () => {
    start();
    await clock.advance(100);
    const before = world.reports.length;
    for (let i = 0; i < 10; i++) side.reportSoon();
    await clock.advance(100);
    expect(world.reports.length - before).toBe(1);
    await clock.advance(20_000);
    expect(world.reports.length - before).toBe(1);
    const sequences = world.reports.map((r) => r.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
  });

  it('sends what happened with the next report, and keeps it while nobody takes it, the newest first to stay', async () => {
    start();
    await clock.advance(100);
    world.failing.set('events', new HeddleError('unavailable', 'no store'));
    const fact = (n: number) => ({
      kind: 'Allocation',
      tenant: 'acme',
      name: `shop/web-${n}`,
      what: 'started',
      message: '',
    });
    for (let i = 0; i < 1_500; i++) side.event(fact(i));
    await clock.advance(5_000);
    expect(world.events).toEqual([]);
    for (let i = 1_500; i < 1_600; i++) side.event(fact(i));
    world.failing.clear();
    await clock.advance(5_000);
    expect(world.events).toHaveLength(1_000);
    expect(world.events[0]).toMatchObject({
      name: 'shop/web-600',
      by: 'host:h1',
      at: expect.stringContaining('2026-'),
    });
    expect(world.events.at(-1)?.name).toBe('shop/web-1599');
  });

  it('tries a refused registration again, and reports nothing before it is known', async () => {
    world.failing.set('register', new HeddleError('unavailable', 'inventory is starting'));
    start();
    side.reportSoon();
    await clock.advance(5_500);
    expect([world.reports, world.heartbeats]).toEqual([[], []]);
    expect(logs.filter((line) => line.includes('registration: inventory is starting')).length).toBeGreaterThan(3);
    world.failing.clear();
    await clock.advance(1_100);
    expect(world.registrations).toHaveLength(1);
    expect(world.reports).toHaveLength(1);
  });

  it('introduces itself again to an inventory that does not know it', async () => {
    start();
    await clock.advance(100);
    world.known = false;
    await clock.advance(2_000);
    world.known = true;
    await clock.advance(100);
    expect(world.registrations.length).toBeGreaterThan(1);
  });

  it('repeats a report that failed', async () => {
    start();
    await clock.advance(100);
    world.failing.set('report', new HeddleError('unavailable', 'no leader'));
    const before = world.reports.length;
    side.reportSoon();
    await clock.advance(2_500);
    world.failing.clear();
    await clock.advance(1_100);
    expect(world.reports.length - before).toBe(1);
  });

  it('goes on by itself while NATS is away, says so, and introduces itself again when it is back', async () => {
    start();
    await clock.advance(100);
    expect(side.problems).toEqual([]);
    world.hub.down();
    expect(side.problems).toEqual([expect.stringContaining('NATS is away')]);
    const { length } = world.heartbeats;
    for (let i = 0; i < 50; i++) side.reportSoon();
    await clock.advance(600_000);
    expect(world.heartbeats).toHaveLength(length);
    // A day without NATS must not fill the memory with timers.
    expect(clock.pendingTimers).toBeLessThan(12);
    world.hub.restart();
    await clock.advance(1_500);
    expect(world.registrations).toHaveLength(2);
    expect(side.problems).toEqual([]);
  });

  it('accepts nothing of another cluster, and says why', async () => {
    store.policy.set({ accepted: acceptedPolicy(POLICY, 9), highestClassId: 17 });
    await world.stop();
    world = new FakeControlPlane(clock, 'another', 1, world.hub);
    start();
    world.publish('policy', TOPICS.policy, {}, 20);
    await clock.advance(5_000);
    expect(agent.accepted['policy']).toEqual([]);
    expect(side.problems).toEqual([expect.stringMatching(/another/)]);
    expect(logs.filter((line) => line.startsWith('error policy:'))).toHaveLength(1);
    expect(world.heartbeats.at(-1)?.problems).toEqual(['engine away', side.problems[0]]);
  });

  it('leases a block for the agent', async () => {
    start();
    const leased = side.leaseBlock('acme/default', ['10.32.1.0/24']);
    await clock.advance(10);
    expect(await leased).toBe('10.32.2.0/24');
    expect(world.leases).toEqual([{ bridgeDomain: 'acme/default', have: ['10.32.1.0/24'] }]);
  });

  it('leaves no timer behind when it is stopped', async () => {
    world.failing.set('register', new HeddleError('unavailable', 'x'));
    start();
    await clock.advance(100);
    await side.stop();
    await world.stop();
    await bus.close();
    side.reportSoon();
    side.event({ kind: 'Host', tenant: '', name: 'h1', what: 'x', message: '' });
    expect(clock.pendingTimers).toBe(0);
  });
});
