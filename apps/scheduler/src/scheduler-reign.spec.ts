import { TOPICS, type AllocationStatus, type HeddleObject, type HostSpec, type HostView } from '@heddle/model';
import { TestOwnership, type Ownership } from '@heddle/service';
import type { Identity } from './decide';
import { SchedulerReign } from './scheduler-reign';

type Allocation = HeddleObject<'Allocation'>;

const spec: HostSpec = {
  role: 'host',
  zone: 'a',
  underlay: '192.0.2.11',
  tunnels: true,
  capacity: { cpu: 4, memory: 2 ** 32 },
  uplinks: {},
  schedulable: true,
};
const host = (name: string): object => ({ kind: 'Host', metadata: { name }, spec });
const service = (name: string, replicas: number): object => ({
  kind: 'Service',
  metadata: { tenant: 'acme', application: 'shop', name },
  spec: { image: 'heddle/demo', replicas },
});

const view = (name: string, over: Partial<HostView> = {}): [string, HostView] => [
  name,
  {
    name,
    spec,
    labels: {},
    domains: ['default'],
    state: 'ready',
    since: '2026-01-01T00:00:00Z',
    reason: '',
    policyPosition: 0,
    workloadPosition: 0,
    problems: [],
    usage: { containers: 0, endpoints: 0, flows: 0 },
    agentVersion: '0',
    highestClassId: 0,
    ...over,
  },
];

describe('SchedulerReign', () => {
  let world: TestOwnership;
  let reigns: SchedulerReign[];
  let inventory: ReturnType<TestOwnership['publisher']>;
  let onH1: ReturnType<typeof world.subscriber<Allocation>>;
  let names: Identity;

  beforeEach(async () => {
    let next = 0;
    names = { name: (s) => `${s}-${++next}`, uid: () => `u${++next}` };
    reigns = [];
    world = new TestOwnership('scheduler', ['Service', 'Epg', 'Host']);
    inventory = world.publisher('inventory');
    onH1 = world.subscriber<Allocation>('scheduler', TOPICS.allocations('h1'));
    await world.change([host('h1'), service('web', 2)]);
  });
  afterEach(async () => {
    for (const reign of reigns) await reign.stop();
    await world.close();
  });

  async function begin(over: Partial<Ownership> = {}): Promise<SchedulerReign> {
    const ownership = over.view === undefined ? await world.next(over) : (over as Ownership);
    const reign = await SchedulerReign.begin(world.context, ownership, names);
    reigns.push(reign);
    return reign;
  }
  /** What the inventory knows: the hosts, and that everything runs that is wanted. */
  function hear(...hosts: [string, HostView][]): void {
    inventory.publish(TOPICS.hosts, new Map(hosts), 1);
    const statuses = [...onH1.entries].map(
      ([
        path,
        {
          metadata,
          spec: { desired },
        },
      ]): [string, AllocationStatus] => [
        `h1/${path}`,
        {
          allocation: path,
          uid: metadata.uid as string,
          host: 'h1',
          phase: desired === 'run' ? 'running' : 'stopped',
          healthy: desired === 'run',
          addresses: [],
          restarts: 0,
        },
      ],
    );
    inventory.publish(TOPICS.allocationStatus, new Map(statuses), 1);
  }
  /** Paths of the allocations that the host hears of, those with a tombstone in brackets. */
  const allocations = (): string[] =>
    [...onH1.entries].map(([path, a]) => (a.spec.desired === 'run' ? path : `(${path})`)).sort();
  const WEB = ['acme/shop/web-1', 'acme/shop/web-3'];

  it('decides nothing before it knows the hosts and what runs on them', async () => {
    await begin();
    inventory.publish(TOPICS.hosts, new Map([view('h1')]), 1);
    inventory.start();
    await world.clock.advance(5_000);
    expect(onH1.entries.size).toBe(0);
    hear(view('h1'));
    await world.clock.advance(3_000);
    expect(allocations()).toEqual(WEB);
  });

  it('goes on with what was allocated, however long it takes to read that', async () => {
    hear(view('h1'));
    inventory.start();
    await begin();
    await world.clock.advance(3_000);
    expect(allocations()).toEqual(WEB);
    hear(view('h1'));
    await reigns.pop()?.stop();
    const ownership = await world.next();
    for (const [name, stream] of world.store.streams) if (name.endsWith('allocations')) stream.latencyMs = 500;
    const begun = begin(ownership);
    await world.clock.advance(10_000);
    await begun;
    await world.clock.advance(5_000);
    expect(allocations()).toEqual(WEB);
  });

  it('takes the status of an allocation from its own host, whatever another host says of it', async () => {
    hear(view('h1'), view('h2'));
    inventory.start();
    const reign = await begin();
    await world.clock.advance(3_000);
    const allocated = reign.allocations().map(({ metadata, spec }) => ({
      allocation: `acme/shop/${metadata.name}`,
      uid: metadata.uid as string,
      host: spec.host,
    }));
    expect(new Set(allocated.map((a) => a.host))).toEqual(new Set(['h1', 'h2']));
    const status = (of: (typeof allocated)[number], over: Partial<AllocationStatus>): [string, AllocationStatus] => {
      const all = { ...of, phase: 'running' as const, healthy: true, addresses: [], restarts: 0, ...over };
      return [`${all.host}/${all.allocation}`, all];
    };
    const other = (host: string): string => (host === 'h1' ? 'h2' : 'h1');
    const right = allocated.map((a) => status(a, {}));
    const wrong = allocated.map((a) => status(a, { host: other(a.host), phase: 'stopped', healthy: false }));
    for (const all of [
      [...right, ...wrong],
      [...wrong, ...right],
    ]) {
      inventory.publish(TOPICS.allocationStatus, new Map(all), 1);
      await world.clock.advance(3_000);
      expect(reign.views).toMatchObject([{ service: 'acme/shop/web', running: 2, healthy: 2, settled: true }]);
      expect(reign.allocations().map((a) => [a.spec.host, a.status])).toEqual(
        allocated.map((a) => [a.host, expect.objectContaining({ host: a.host, phase: 'running' })]),
      );
      inventory.publish(TOPICS.allocationStatus, new Map(), 1);
      await world.clock.advance(100);
    }
    // Without the right host's word there is none.
    inventory.publish(TOPICS.allocationStatus, new Map(wrong), 1);
    await world.clock.advance(3_000);
    expect(reign.allocations().map((a) => a.status)).toEqual([undefined, undefined]);
    expect(reign.views).toMatchObject([{ running: 0, healthy: 0 }]);
  });

  it('writes nothing any more when somebody else has the lease, and asks to begin anew', async () => {
    hear(view('h1'));
    inventory.start();
    const stale = await begin();
    await world.clock.advance(3_000);
    hear(view('h1'));
    const next = await begin();
    await world.clock.advance(3_000);
    await world.change([service('web', 3)]);
    await world.clock.advance(3_000);
    expect(new Set(world.restarts.map((error) => error.code))).toEqual(new Set(['fenced']));
    expect(stale.allocations()).toHaveLength(2);
    expect(next.allocations()).toHaveLength(3);
    expect(allocations()).toEqual([...WEB, 'acme/shop/web-7'].sort());
  });

  it('stops nothing because its view is being read anew', async () => {
    hear(view('h1'));
    inventory.start();
    const ownership = await world.next();
    const anew = Object.create(ownership.view, { problem: { value: undefined, writable: true } });
    await begin({ ...ownership, view: anew });
    await world.clock.advance(3_000);
    hear(view('h1'));
    anew.problem = 'the log went back';
    await world.change([], ['Service/acme/shop/web', 'Host/h1']);
    await world.clock.advance(5_000);
    expect(allocations()).toEqual(WEB);
    anew.problem = undefined;
    await world.clock.advance(5_000);
    expect(allocations()).not.toEqual(WEB);
  });

  it('gives an instance its tombstone before the host hears nothing of it any more', async () => {
    hear(view('h1'));
    inventory.start();
    await begin();
    await world.clock.advance(3_000);
    hear(view('h1'));
    await world.change([], ['Service/acme/shop/web']);
    await world.clock.advance(3_000);
    expect(allocations()).toEqual(WEB.map((path) => `(${path})`));
    hear(view('h1'));
    await world.clock.advance(3_000);
    expect(allocations()).toEqual([]);
  });
});
