import path from 'node:path';
import { FakeEngine } from '@heddle/docker';
import { FakeFiles, FakeProcesses, systemClock, waitFor } from '@heddle/host';
import { HeddleError, type DistributedEndpoint, type HeddleObject } from '@heddle/model';
import { FakeSwitch } from '@heddle/ovs';
import { isOurs } from '@heddle/pipeline';
import { Journal } from '../attach/journal';
import { HostAddresses } from '../attach/addresses';
import { NameTable } from '../attach/dns/name-table';
import { linkHandlers } from '../attach/link-handlers';
import { portIds } from '../datapath/port-ids';
import { hostConfigSchema } from '../config';
import { LinkServer } from '../link/link-server';
import { AgentStore } from '../store';
import { openJournal } from '../testing/attach';
import { FakePortDatabase } from '../testing/fake-port-database';
import { accepted, acceptedEncapsulations, acceptedPolicy, allocation, attachedEndpoint, distributed, encapsulation, POLICY, temporaryFolder, VLAN_DOMAIN } from '../testing/parts'; // prettier-ignore
import { Agent } from './agent';

const folder = temporaryFolder();
const PATH = 'acme/shop/web-1';

/** A host whose engine, switch, database and disk are in memory; the attach daemon's end of the link is the real one. */
class World {
  readonly engine = new FakeEngine({ images: ['heddle/demo'], fileRoots: ['/state'] });
  readonly ovs = new FakePortDatabase();
  readonly bridge = new FakeSwitch();
  readonly files = new FakeFiles();
  readonly processes = new FakeProcesses();
  readonly names = new NameTable();
  readonly leases: string[] = [];
  readonly logs: string[] = [];
  readonly events: string[] = [];
  reports = 0;
  private static count = 0;
  readonly config = hostConfigSchema.parse({
    host: 'h1',
    stateDir: '/state',
    runDir: '/run/heddle',
    docker: { socket: '/run/docker.sock' },
    plugin: { socket: '/run/plugin.sock' },
    ovs: { databaseSocket: '/run/db.sock', runDir: '/run' },
    underlay: { address: '192.0.2.11' },
    nats: { servers: ['nats://192.0.2.10'] },
    attach: { socket: path.join(folder, `a${++World.count}`) },
  });
  journal!: Journal;
  daemon: LinkServer | undefined;
  agent!: Agent;
  store!: AgentStore;

  async startDaemon(): Promise<void> {
    this.journal ??= (await openJournal({ configuration: { bridgeDomains: [], epgs: {}, mtu: 1450 } })).journal;
    const addresses = new HostAddresses(this.journal, () => Date.now());
    const handlers = linkHandlers(this.journal, addresses, this.names);
    this.daemon = await LinkServer.listen(this.config.attach.socket, handlers, () => undefined);
  }

  async startAgent(): Promise<Agent> {
    this.store = await AgentStore.open(this.files, '/state', (error) => this.logs.push(error.message));
    this.agent = await Agent.start({
      config: this.config,
      store: this.store,
      engine: this.engine,
      processes: this.processes,
      files: this.files,
      ovs: this.ovs,
      bridge: this.bridge,
      health: { check: async () => ({ ok: true, detail: 'fine' }) },
      clock: systemClock,
      log: (level, message) => this.logs.push(`${level} ${message}`),
      leaseBlock: async (bridgeDomain, have) => {
        this.leases.push(`${bridgeDomain} ${have.length}`);
        return `10.32.${have.length}.0/24`;
      },
      onReport: () => void this.reports++,
      onEvent: ({ name, what }) => this.events.push(`${name} ${what}`),
    });
    return this.agent;
  }

  /** The attach daemon puts a port on the bridge. */
  async plug(endpointId: string, address: string, change: object = {}): Promise<number> {
    const endpoint = attachedEndpoint(endpointId, address, change);
    const port = await this.ovs.ensurePort({
      bridge: 'br-heddle',
      name: endpoint.port,
      type: '',
      externalIds: portIds(endpoint),
    });
    return port.ofport as number;
  }

  flowsOf(port: number) {
    return this.bridge.dump().then((flows) => flows.filter((f) => f.match.in_port === BigInt(port)));
  }

  async stop(): Promise<void> {
    await this.agent?.stop();
    await this.daemon?.close();
    this.engine.close();
  }
}

const until = <T>(what: string, condition: () => T | Promise<T>) =>
  waitFor(condition, { deadlineMs: 5_000, intervalMs: 5, what });
const want = (...all: HeddleObject<'Allocation'>[]) =>
  accepted(Object.fromEntries(all.map((a) => [`acme/shop/${a.metadata.name}`, a])));

describe('Agent', () => {
  let world: World;
  beforeEach(() => (world = new World()));
  afterEach(() => world.stop());

  /** An agent in the middle of its work: policy, map of endpoints, attach daemon. */
  async function working(): Promise<Agent> {
    await world.startDaemon();
    const agent = await world.startAgent();
    agent.acceptPolicy(acceptedPolicy(POLICY, 4));
    agent.acceptEncapsulations(acceptedEncapsulations(undefined, 4));
    agent.acceptEndpoints(accepted<DistributedEndpoint>({ c: distributed('c') }, 5));
    await until('the host to be in order', () => agent.problems.length === 0);
    return agent;
  }

  it('makes the bridge and the tunnel port before anything else', async () => {
    await world.startAgent();
    expect(world.ovs.bridges.get('br-heddle')).toMatchObject({ failMode: 'secure' });
    expect(world.ovs.port('heddle-vxlan')).toMatchObject({
      type: 'vxlan',
      options: { remote_ip: 'flow', key: 'flow', local_ip: '192.0.2.11' },
    });
  });

  it('runs an allocation from its acceptance to its tombstone', async () => {
    const agent = await working();
    agent.acceptAllocations(want(allocation('web-1')));
    await until('the container', () => agent.report().allocations[0]?.phase === 'running');
    expect(world.leases).toEqual(['acme/default 0']);
    expect(await world.engine.inspect(agent.containerOf(PATH))).toMatchObject({
      labels: { 'heddle.allocation': PATH },
      networks: { 'heddle.acme.default': { ipv4Address: '10.32.0.2' } },
    });
    expect(await world.files.readText('/state/resolv/acme.shop.conf')).toContain('search shop.acme.heddle');
    expect(agent.usage).toMatchObject({ containers: 1 });

    agent.acceptAllocations(want(allocation('web-1', { desired: 'stop' })));
    await until('the end', () => agent.report().allocations[0]?.phase === 'stopped');
    expect(Object.keys(world.journal.state.addresses['acme/default']?.held ?? {})).toEqual([]);
    expect(world.events).toEqual(['shop/web-1 started', 'shop/web-1 stopped']);
  });

  it('reports what is attached to an uplink, as the daemon says, and remembers it when it starts anew', async () => {
    const agent = await working();
    const macvlan = { uplink: 'eth2', mode: 'vepa', tagging: 'access', vlan: 200 } as const;
    const child = attachedEndpoint('e9', '10.32.0.9', { macvlan });
    await world.daemon?.ask('unported', [child], 1_000);
    const attachment = { driver: 'macvlan', port: child.port, uplink: 'eth2', mode: 'vepa', vlan: 200 };
    expect(agent.report().endpoints).toEqual([expect.objectContaining({ id: 'docker:h1/e9', attachment })]);
    expect([agent.usage.endpoints, (await world.flowsOf(1)).length > 0]).toEqual([1, true]);
    await agent.stop();
    await world.daemon?.close();
    const next = await world.startAgent();
    expect(next.report().endpoints).toEqual([expect.objectContaining({ id: 'docker:h1/e9' })]);
  });

  it('reports interfaces of virtual machines, and lets packets of one pass that the inventory has put here', async () => {
    const agent = await working();
    world.ovs.put({
      bridge: 'br-heddle',
      name: 'hd_vm1',
      type: '',
      options: {},
      externalIds: {},
      ofport: 77,
      interfaceIds: { 'iface-id': 'vm-1' },
    });
    const [first] = agent.report().endpoints;
    expect(first).toMatchObject({
      kind: 'vm',
      epg: '',
      addresses: [],
      attachment: { driver: 'ovs', port: 'hd_vm1', interfaceId: 'vm-1' },
    });
    expect(await world.flowsOf(77)).toEqual([]);
    const vm = distributed('endpoint:acme/shop/vm', { host: 'h1', interfaceId: 'vm-1' });
    agent.acceptEndpoints(accepted<DistributedEndpoint>({ vm }, 6));
    await until('the flows', async () => (await world.flowsOf(77)).length > 0);
    expect(agent.report().endpoints).toEqual([first]);
    await world.ovs.deletePort('hd_vm1');
    await until('their end', async () => (await world.flowsOf(77)).length === 0);
    expect(agent.report().endpoints).toEqual([]);
  });

  it('answers for an endpoint when its flows are on the switch, not before', async () => {
    await working();
    const apply = world.bridge.apply.bind(world.bridge);
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let waiting = 0;
    world.bridge.apply = async (change) => {
      waiting += 1;
      await gate;
      return apply(change);
    };
    const ofport = await world.plug('e1', '10.32.0.5');
    let answered = false;
    const asked = world.daemon
      ?.ask('attached', { ...attachedEndpoint('e1', '10.32.0.5'), ofport }, 5_000)
      .then(() => (answered = true));
    await until('the change', () => waiting > 0);
    expect(await world.flowsOf(ofport)).toEqual([]);
    expect(answered).toBe(false);
    open();
    await asked;
    expect((await world.flowsOf(ofport)).length).toBeGreaterThan(0);
  });

  it('waits for the flows of the new port when an allocation comes back on another one', async () => {
    await working();
    const of = (id: string) => attachedEndpoint(id, '10.32.0.5', { allocation: PATH, port: `hd${id}` });
    const first = await world.plug('e1', '10.32.0.5', { allocation: PATH });
    await world.daemon?.ask('attached', { ...of('e1'), ofport: first }, 5_000);
    // The change that takes the old port's flows away is still under way when the next one is attached.
    await world.ovs.deletePort('hde1');
    const second = await world.plug('e2', '10.32.0.5', { allocation: PATH });
    await world.daemon?.ask('attached', { ...of('e2'), ofport: second }, 5_000);
    expect((await world.flowsOf(second)).length).toBeGreaterThan(0);
    expect(await world.flowsOf(first)).toEqual([]);
  });

  it('has flows for an endpoint that it was asked about before the database told of its port', async () => {
    await working();
    await world.daemon?.ask('attached', { ...attachedEndpoint('e9', '10.32.0.9'), ofport: 42 }, 5_000);
    expect((await world.flowsOf(42)).length).toBeGreaterThan(0);
  });

  it('waits for no flows of an endpoint that has no port on the switch', async () => {
    await working();
    await world.daemon?.ask('attached', attachedEndpoint('e9', '10.32.0.9'), 5_000);
    expect(world.agent?.report().endpoints).toEqual([]);
  });

  it('refuses an endpoint whose EPG is not resolved, with the reason', async () => {
    await working();
    const unknown = attachedEndpoint('e1', '10.32.0.5', { epg: 'acme/shop/none' });
    for (const asked of [{ ...unknown, ofport: 9 }, unknown])
      await expect(world.daemon?.ask('attached', asked, 5_000)).rejects.toMatchObject({
        code: 'unavailable',
        message: 'the EPG acme/shop/none is not resolved on this host',
      });
    expect(await world.flowsOf(9)).toEqual([]);
  });

  it('leases a block when the attach daemon asks for one', async () => {
    await working();
    await world.daemon?.ask('leaseBlock', { bridgeDomain: 'acme/default' }, 5_000);
    expect(world.journal.state.configuration.bridgeDomains[0]?.blocks).toEqual(['10.32.0.0/24']);
  });

  it('reports what is attached and what runs, and goes on counting', async () => {
    const agent = await working();
    agent.acceptAllocations(want(allocation('web-1')));
    await until('the container', () => agent.report().allocations[0]?.phase === 'running');
    await world.plug('e1', '10.32.0.2', { allocation: PATH });
    await world.plug('e2', '10.32.0.3', { epg: 'acme/shop/api', linkIndex: 2 });
    const report = agent.report();
    expect(report).toMatchObject({ host: 'h1', agentEpoch: agent.epoch });
    expect(report.endpoints).toMatchObject([
      { id: `allocation:${PATH}`, epg: 'acme/shop/web', service: 'web', healthy: true, host: 'h1' },
      { id: 'docker:h1/e2', epg: 'acme/shop/api', healthy: true },
    ]);
    expect(agent.report().sequence).toBe(report.sequence + 1);
    expect(agent.usage).toMatchObject({ containers: 1, endpoints: 2 });
    await until('its flows', () => agent.policyPosition === 4);
    expect(agent.workloadPosition).toBe(1);
  });

  it('gives the attach daemon names as endpoints come, go and change their health', async () => {
    const agent = await working();
    await until('the name', () => world.names.current?.get('acme/shop/api')?.length === 1);
    agent.acceptEndpoints(accepted<DistributedEndpoint>({ c: distributed('c', { healthy: false }) }, 6));
    await until('no address', () => world.names.current?.get('acme/shop/api')?.length === 0);
    agent.acceptEndpoints(accepted<DistributedEndpoint>({}, 7));
    await until('no name', () => world.names.current?.size === 0);
  });

  it('goes on by what it last accepted when it is started again with nobody to ask', async () => {
    const agent = await working();
    agent.acceptAllocations(want(allocation('web-1')));
    await until('the container', () => agent.report().allocations[0]?.phase === 'running');
    const ofport = await world.plug('e1', '10.32.0.2', { allocation: PATH });
    await until('the flows', async () => (await world.flowsOf(ofport)).length > 0);
    const container = agent.containerOf(PATH);
    await agent.stop();

    const changes = world.bridge.applied.length;
    const next = await world.startAgent();
    await until('its container', () => next.report().allocations[0]?.phase === 'running');
    await until('the host to be in order', () => next.problems.length === 0);
    expect(next.containerOf(PATH)).toBe(container);
    expect([next.policyPosition, next.workloadPosition]).toEqual([4, 1]);
    expect(world.bridge.applied.slice(changes)).toEqual([]);
    expect(next.epoch).not.toBe(agent.epoch);
  });

  it('does not cut what runs when its memory is lost', async () => {
    const agent = await working();
    const ofport = await world.plug('e1', '10.32.0.5');
    await until('the flows', async () => (await world.flowsOf(ofport)).length > 0);
    const configuration = world.journal.state.configuration;
    await agent.stop();
    for (const name of ['policy', 'endpoints', 'allocations', 'host']) await world.files.remove(`/state/agent.${name}`);

    const changes = world.bridge.applied.length;
    const next = await world.startAgent();
    await until('the link', () => !next.problems.some((p) => p.includes('attach daemon')));
    await expect(
      world.daemon?.ask('attached', { ...attachedEndpoint('e7', '10.32.0.7'), ofport: 77 }, 2_000),
    ).rejects.toMatchObject({ code: 'unavailable' });
    expect(next.problems).toEqual([expect.stringMatching(/^no policy was accepted yet/)]);
    expect(next.policyPosition).toBe(0);
    expect(world.bridge.applied).toHaveLength(changes);
    expect(world.journal.state.configuration).toEqual(configuration);

    next.acceptPolicy(acceptedPolicy(POLICY, 4));
    expect(next.problems).toEqual([expect.stringMatching(/^no map of endpoints was accepted yet/)]);
    next.acceptEncapsulations(acceptedEncapsulations(undefined, 4));
    next.acceptEndpoints(accepted<DistributedEndpoint>({ c: distributed('c') }, 5));
    await until('order', () => next.problems.length === 0);
    expect(world.bridge.applied).toHaveLength(changes);
  });

  it('names the attach daemon that is away, starts nothing meanwhile, and goes on when it is back', async () => {
    const agent = await working();
    await world.daemon?.close();
    agent.acceptAllocations(want(allocation('web-1')));
    await until('the reason', () => /attach daemon is away/.test(agent.report().allocations[0]?.reason ?? ''));
    expect(agent.report().allocations[0]).toMatchObject({ phase: 'pending', restarts: 0 });
    await world.startDaemon();
    await until('the container', () => agent.report().allocations[0]?.phase === 'running');
    expect(agent.problems).toEqual([]);
  });

  it('names the switch that is away and the engine that does not answer', async () => {
    const agent = await working();
    world.bridge.disconnect();
    world.engine.fail('list', new HeddleError('unavailable', 'refused'));
    world.engine.loseEvents();
    await until('both', () => agent.problems.length === 2);
    expect(agent.problems).toEqual([
      expect.stringContaining('the switch is away'),
      expect.stringContaining('the engine does not answer'),
    ]);
    expect(agent.policyPosition).toBe(0);
    world.bridge.connect();
    await until('the switch', () => agent.policyPosition === 4);
  });

  it('says which uplinks it cannot use, and the switch which of those that it needs', async () => {
    const uplinks = { fabric: { interface: 'eth77' }, macvlan: { interface: 'eth78' }, spare: { interface: 'lo' } };
    Object.assign(world.config, { uplinks });
    for (const name of ['eth77', 'eth78'])
      world.processes.answer(['ip', '-j', '-d', 'address', 'show', 'dev', name], { code: 1, stderr: 'does not exist' });
    world.processes.answer(['ip', '-j', '-d', 'address', 'show', 'dev', 'lo'], '[{"ifname":"lo"}]');
    const agent = await world.startAgent();
    await until('what is missing', () => Object.keys(agent.uplinkProblems).length === 2);
    const missing = (name: string): string =>
      `its interface ${name} is not on this host; put it there, or correct the uplinks of the host`;
    expect(agent.uplinkProblems).toEqual({ fabric: missing('eth77'), macvlan: missing('eth78') });
    const refusal = 'the switch cannot use port eth77: could not open network device eth77 (No such device)';
    world.ovs.failures.set('ensurePort', [new HeddleError('not-found', refusal)]);
    agent.acceptEncapsulations(
      acceptedEncapsulations([encapsulation('acme/shop/web', { spec: VLAN_DOMAIN, vlan: 100 })], 4),
    );
    await until('what the switch says', () => agent.uplinkProblems['fabric'] === refusal);
    expect(agent.problems).toContain(`uplink "fabric": ${refusal}`);
    expect(agent.problems).toContain(`uplink "macvlan": ${missing('eth78')}`);
  });

  it('changes nothing on the switch when a port only loses its carrier', async () => {
    const agent = await working();
    const ofport = await world.plug('e1', '10.32.0.5');
    await until('the flows', async () => (await world.flowsOf(ofport)).length > 0);
    const { reports } = world;
    const state = world.ovs.port('hde1');
    if (!state) throw new Error('no port');
    world.ovs.put({ ...state, linkState: 'down' });
    world.ovs.put({ ...state, linkState: 'up' });
    await until('quiet', () => agent.policyPosition === 4);
    expect(world.reports).toBe(reports);
  });

  it('tries connections from inside a container, with a program of its own', async () => {
    const agent = await working();
    agent.acceptAllocations(want(allocation('web-1')));
    await until('the container', () => agent.report().allocations[0]?.phase === 'running');
    const { pid } = await world.engine.inspect(agent.containerOf(PATH));
    const target = { address: '10.32.1.5', protocol: 'tcp', port: 8080 } as const;
    const observed = [{ ...target, outcome: 'open', milliseconds: 1 }];
    world.processes.answer(['nsenter'], JSON.stringify(observed));
    expect(await agent.probe(PATH, [target], 500)).toEqual(observed);
    expect(world.processes.calls[0]).toMatchObject({
      argv: ['nsenter', `--net=/proc/${pid}/ns/net`, '--', process.execPath, expect.stringMatching(/probe\.js$/)],
      options: { input: JSON.stringify({ targets: [target], timeoutMs: 500 }) },
    });
    await expect(agent.probe('acme/shop/none', [target], 500)).rejects.toMatchObject({ code: 'not-found' });
    world.engine.exit(agent.containerOf(PATH), 1);
    await expect(agent.probe(PATH, [target], 500)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('leaves flows and containers as they are when it stops, and takes no more notice', async () => {
    const agent = await working();
    const ofport = await world.plug('e1', '10.32.0.5');
    await until('the flows', async () => (await world.flowsOf(ofport)).length > 0);
    await agent.stop();
    expect((await world.bridge.dump()).some((flow) => isOurs(flow.cookie))).toBe(true);
    expect(world.ovs.watching).toBe(0);
    const changes = world.bridge.applied.length;
    await world.ovs.deletePort('hde1');
    world.bridge.restart();
    expect(world.bridge.applied).toHaveLength(changes);
  });
});
