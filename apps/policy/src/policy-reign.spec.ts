import { TOPICS, type HostView, type ResolvedEntry } from '@heddle/model';
import { TestOwnership, type Ownership } from '@heddle/service';
import { PolicyReign } from './policy-reign';

const epg = (name: string): object => ({
  kind: 'Epg',
  metadata: { tenant: 'acme', application: 'shop', name },
  spec: { bridgeDomain: 'default' },
});
const BASE = [
  { kind: 'Tenant', metadata: { name: 'acme' }, spec: {} },
  { kind: 'Vrf', metadata: { tenant: 'acme', name: 'default' }, spec: {} },
  {
    kind: 'BridgeDomain',
    metadata: { tenant: 'acme', name: 'default' },
    spec: { vrf: 'default', subnets: [{ gateway: '10.32.0.1/16' }] },
  },
  epg('web'),
];

const host = (name: string, state: HostView['state'], highestClassId: number): [string, HostView] => [
  name,
  {
    name,
    spec: {
      role: 'host',
      zone: 'a',
      underlay: '192.0.2.11',
      tunnels: true,
      capacity: { cpu: 1, memory: 2 ** 30 },
      uplinks: {},
      schedulable: true,
    },
    labels: {},
    domains: ['default'],
    state,
    since: '2026-01-01T00:00:00Z',
    reason: '',
    policyPosition: 0,
    workloadPosition: 0,
    problems: [],
    usage: { containers: 0, endpoints: 0, flows: 0 },
    agentVersion: '0',
    highestClassId,
  },
];

describe('PolicyReign', () => {
  let world: TestOwnership;
  let reign: PolicyReign | undefined;

  beforeEach(async () => {
    world = new TestOwnership('policy', ['Tenant', 'Vrf', 'BridgeDomain', 'Epg', 'Contract', 'Filter']);
    await world.change(BASE);
  });
  afterEach(async () => {
    await reign?.stop();
    await world.close();
  });

  const begin = async (over: Partial<Ownership> = {}): Promise<void> => {
    await reign?.stop();
    const ownership = over.view === undefined ? await world.next(over) : (over as Ownership);
    reign = await PolicyReign.begin(world.context, ownership);
    await world.settle();
  };
  /** The class ids that are distributed, by EPG. */
  const classes = (): Record<string, number> => {
    const entries = [...subscriber.entries.values()];
    return Object.fromEntries(entries.flatMap((e) => (e.type === 'class' ? [[e.epg, e.classId]] : [])));
  };
  let subscriber: ReturnType<typeof world.subscriber<ResolvedEntry>>;
  beforeEach(() => (subscriber = world.subscriber<ResolvedEntry>('policy', TOPICS.policy)));

  const hosts = (...views: [string, HostView][]) => {
    const publisher = world.publisher('inventory');
    publisher.publish(TOPICS.hosts, new Map(views), 1);
    publisher.start();
    return (...next: [string, HostView][]): void => publisher.publish(TOPICS.hosts, new Map(next), 1);
  };

  it('gives numbers at once where there are no hosts, and the same ones at every restart', async () => {
    const say = hosts();
    await begin();
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
    // What was given is read late, and hosts that know higher numbers are heard before.
    say(host('h1', 'ready', 40));
    await reign?.stop();
    const ownership = await world.next();
    for (const [name, stream] of world.store.streams) if (name.endsWith('resolved')) stream.latencyMs = 500;
    const begun = begin(ownership);
    await world.clock.advance(10_000);
    await begun;
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
    await world.change([epg('api')]);
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16, 'acme/shop/api': 41 });
  });

  it('waits with new numbers for hosts that have not been heard from', async () => {
    const say = hosts(host('h1', 'ready', 16), host('h2', 'suspect', 16));
    await begin();
    await world.clock.advance(5_000);
    expect(classes()).toEqual({});
    say(host('h1', 'ready', 16), host('h2', 'ready', 99));
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 100 });
  });

  it('does not wait for hosts that were given up, nor for ever', async () => {
    const say = hosts(host('h1', 'suspect', 20));
    await begin();
    await world.clock.advance(2_000);
    say(host('h1', 'lost', 20));
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 21 });
  });

  it('goes on after ten seconds, whoever is silent', async () => {
    hosts(host('h1', 'suspect', 20));
    await begin();
    await world.clock.advance(9_000);
    expect(classes()).toEqual({});
    await world.clock.advance(2_000);
    expect(classes()).toEqual({ 'acme/shop/web': 21 });
  });

  it('gives no number while hosts may still join a store that was accepted', async () => {
    hosts();
    let settled = false;
    await begin({ settled: () => settled });
    await world.clock.advance(4_000);
    expect(classes()).toEqual({});
    settled = true;
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
  });

  it('distributes what needs no new number at once', async () => {
    const say = hosts(host('h1', 'ready', 0));
    await begin();
    await world.change([epg('api')]);
    expect(classes()).toEqual({ 'acme/shop/api': 17, 'acme/shop/web': 16 });
    say(host('h1', 'suspect', 17));
    await begin();
    await world.change([], ['Epg/acme/shop/api']);
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
  });

  it('does not act on a view that is being read anew', async () => {
    hosts();
    const ownership = await world.next();
    const view = Object.create(ownership.view, { problem: { value: undefined, writable: true } });
    await begin({ ...ownership, view });
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
    view.problem = 'the log went back';
    await world.change([], ['Epg/acme/shop/web']);
    await world.clock.advance(1_000);
    expect(classes()).toEqual({ 'acme/shop/web': 16 });
    view.problem = undefined;
    await world.clock.advance(1_000);
    expect(classes()).toEqual({});
  });

  it('tells the rules as they are distributed, with the cookies of their flows', async () => {
    const service = (name: string, roles: object): object => ({
      kind: 'Epg',
      metadata: { tenant: 'acme', application: 'shop', name },
      spec: { bridgeDomain: 'default', ...roles },
    });
    await world.change([
      {
        kind: 'Filter',
        metadata: { tenant: 'acme', name: 'http' },
        spec: { entries: [{ name: 'http', protocol: 'tcp', destinationPorts: 8080 }, { name: 'ping', protocol: 'icmp', icmpType: 8 }] },
      },
      {
        kind: 'Contract',
        metadata: { tenant: 'acme', name: 'web' },
        spec: { subjects: [{ name: 's', filters: ['http'] }] },
      },
      service('web', { consumes: ['web'] }),
      service('api', { provides: ['web'] }),
    ]); // prettier-ignore
    // Numbers that are not the first ones: ids of rules depend on them.
    hosts(host('h1', 'ready', 40));
    await begin();
    await world.clock.advance(1_000);
    const distributed = [...subscriber.entries.values()].flatMap((e) => (e.type === 'rule' ? [e] : []));
    const { items = [], total } = reign?.rules({ contract: 'acme/web' }) ?? {};
    expect(items).toEqual([
      expect.objectContaining({ source: 'acme/shop/web', destination: 'acme/shop/api', action: 'permit', vrf: 'acme/default' }),
      expect.objectContaining({ source: 'acme/shop/web', destination: 'acme/shop/api', origin: 'acme/web' }),
    ]); // prettier-ignore
    expect(items.map((rule) => rule.traffic).sort()).toEqual(['icmp type 8', 'tcp 8080']);
    expect(total).toBe(2);
    for (const rule of items) expect(distributed.map((r) => r.id)).toContain(rule.id);
    // From a flow back to its contract.
    for (const rule of items) {
      expect(rule.cookie).toBe(`0x4845${rule.id}`);
      expect(reign?.rules({ cookie: rule.cookie })).toEqual({ items: [rule], total: 1 });
      expect(reign?.rules({ cookie: rule.cookie, tenant: 'other' })).toEqual({ items: [], total: 0 });
    }
    expect(reign?.rules({ cookie: `0x${items[0]?.id}` }).items).toEqual([items[0]]);
    expect(reign?.rules({ cookie: `0x1234${items[0]?.id}` }).items).toEqual([]);
    const intra = distributed.find((r) => r.origin === 'intra-epg');
    expect(reign?.rules({ cookie: `0x4845${intra?.id}` }).items).toMatchObject([
      { origin: 'intra-epg', traffic: 'any' },
    ]);
    expect(reign?.rules({ contract: 'acme/none' })).toEqual({ items: [], total: 0 });
  });
});
