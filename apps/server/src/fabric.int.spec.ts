import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, systemClock, waitFor } from '@heddle/host';
import { connectBus, findProgram, Subscriber, type BusPort } from '@heddle/messaging';
import {
  parseObjects,
  TOPICS,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type EndpointReport,
  type HeddleObject,
  type HostSpec,
} from '@heddle/model';
import { ServerProcess } from './testing/server-process';

jest.setTimeout(120_000);
const describeNats = findProgram('nats-server') === undefined ? describe.skip : describe;
const EXAMPLE = path.resolve(__dirname, '../../../deploy/examples/fabric.yaml');
const WITHIN = { deadlineMs: 20_000 };

/** What an agent says and hears, over a connection with the credentials of its host. */
class Agent {
  private sequence = 0;
  readonly encapsulations: Subscriber<DistributedEncapsulation>;
  readonly endpoints: Subscriber<DistributedEndpoint>;

  private constructor(
    readonly host: string,
    private readonly bus: BusPort,
    private readonly spec: Partial<HostSpec>,
  ) {
    const follow = <T>(topic: string): Subscriber<T> =>
      new Subscriber<T>({
        bus,
        clock: systemClock,
        service: 'inventory',
        topic,
        onAccepted: () => undefined,
        onRefused: () => undefined,
      });
    this.encapsulations = follow(TOPICS.encapsulations);
    this.endpoints = follow(TOPICS.endpoints);
  }

  static async join(server: ServerProcess, natsPort: number, host: string, spec: Partial<HostSpec>): Promise<Agent> {
    const { body } = await server.api.post(`/api/v1/hosts/${host}/credentials`);
    const servers = `127.0.0.1:${natsPort}`;
    const bus = await connectBus({ servers, name: 'agent', host, seed: body['seed'] as string });
    const agent = new Agent(host, bus, spec);
    await agent.register();
    return agent;
  }

  async register(): Promise<void> {
    await this.call('register', {
      spec: { role: 'host', zone: 'a', underlay: '192.0.2.11', tunnels: true, capacity: { cpu: 4, memory: 2 ** 32 }, uplinks: {}, schedulable: true, ...this.spec },
      labels: {},
      highestClassId: 0,
      blocks: [],
      engineVersion: '1',
      agentVersion: '1',
    }); // prettier-ignore
  }

  async report(...endpoints: EndpointReport[]): Promise<void> {
    await this.call('report', { sequence: ++this.sequence, endpoints, allocations: [] });
  }

  async close(): Promise<void> {
    await Promise.all([this.encapsulations.close(), this.endpoints.close()]);
    await this.bus.close();
  }

  private call(method: string, body: object): Promise<unknown> {
    return this.bus.call('inventory', method, { host: this.host, agentEpoch: 'a', ...body }, { deadlineMs: 10_000 });
  }
}

describeNats('a fabric, with the services as they run', () => {
  let folder: string;
  let natsPort: number;
  let server: ServerProcess;
  let agents: Agent[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'heddle-fabric-'));
    natsPort = await freePort();
    server = await ServerProcess.start(folder, natsPort);
    await server.api.whenReady();
    const uplink = (device: string, port: string) => ({ interface: device, leaf: 'leaf', port });
    agents = [
      await Agent.join(server, natsPort, 'leaf', { role: 'leaf', underlay: '192.0.2.101' }),
      await Agent.join(server, natsPort, 'h1', {
        uplinks: { fabric: uplink('eth1', 'p1'), macvlan: uplink('eth2', 'p2') },
      }),
    ];
  });
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.close()));
    await server.end('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  const object = async (what: string): Promise<HeddleObject> =>
    (await server.api.get(`/api/v1/${what}`)).body as unknown as HeddleObject;
  const vlans = (agent: Agent): Record<string, number | undefined> =>
    Object.fromEntries([...agent.encapsulations.entries.values()].map(({ epg, vlan }) => [epg, vlan]));
  const api = 'acme/ledger/api';
  const GIVEN = {
    'acme/accounts/db': 100,
    'acme/accounts/report': 101,
    'acme/ledger/web': 102,
    [api]: 200,
  };

  it('gives VLANs, and says where containers, machines and servers are', async () => {
    const [leaf, host] = agents as [Agent, Agent];
    const objects = parseObjects(await readFile(EXAMPLE, 'utf8')).map((parsed) => parsed.object);
    expect((await server.api.post('/api/v1/apply', objects)).status).toBe(200);
    await leaf.report();
    const child = { driver: 'macvlan', port: 'hd1', uplink: 'eth2', mode: 'vepa', vlan: 200 } as const;
    const since = '2026-01-01T00:00:00Z';
    const at = { host: 'h1', healthy: true, since };
    await host.report(
      { id: `allocation:${api}-1`, epg: api, mac: '02:48:0a:20:00:07', addresses: ['10.32.0.7'], attachment: child, ...at },
      { id: 'interface:h1/accounts-vm', kind: 'vm', epg: '', mac: '52:54:00:0a:00:01', addresses: [], attachment: { driver: 'ovs', port: 'tap0', interfaceId: 'accounts-vm' }, ...at },
    ); // prettier-ignore
    for (const agent of agents) {
      await waitFor(() => Object.keys(vlans(agent)).length === 4, { ...WITHIN, what: 'VLANs' });
      expect(vlans(agent)).toEqual(GIVEN);
      await waitFor(() => agent.endpoints.entries.size === 3, { ...WITHIN, what: 'endpoints' });
    }
    expect(Object.fromEntries(leaf.endpoints.entries)).toMatchObject({
      [`h1/allocation:${api}-1`]: { underlay: '192.0.2.101', fabric: { leaf: 'leaf', port: 'p2', via: 'macvlan' } },
      'h1/endpoint:acme/accounts/standby': {
        epg: 'acme/accounts/db',
        addresses: ['10.32.250.1'],
        interfaceId: 'accounts-vm',
        fabric: { leaf: 'leaf', port: 'p1', vlan: 100, via: 'ovs' },
      },
      'leaf/endpoint:acme/accounts/primary': {
        epg: 'acme/accounts/db',
        underlay: '192.0.2.101',
        fabric: { leaf: 'leaf', port: 'demo-primary_f', vlan: 20, via: 'static' },
      },
    });
    expect((await object('domains/wire')).status).toMatchObject({
      hosts: ['h1'],
      vlans: { size: 100, used: 3, resting: 0, free: 97 },
    });
    expect((await object('fabrics/main')).status).toMatchObject({ domains: ['direct', 'wire'], leaves: ['leaf'] });
    expect((await object('endpoints/acme/accounts/standby')).status).toMatchObject({ host: 'h1', since, problems: [] });
    expect((await object('services/acme/ledger/web')).status).toMatchObject({ replicas: 2 });
  });

  it('is as it was after the server was killed', async () => {
    await server.end('SIGKILL');
    server = await ServerProcess.start(folder, natsPort);
    await server.api.whenReady();
    const [, host] = agents as [Agent, Agent];
    await waitFor(
      async () => {
        await host.register();
        return vlans(host)[api] === 200 && host.endpoints.following;
      },
      { ...WITHIN, what: 'the inventory to be heard again' },
    );
    expect(vlans(host)).toEqual(GIVEN);
    expect(host.endpoints.entries.size).toBe(3);
    expect((await object('endpoints/acme/accounts/primary')).status).toMatchObject({ host: 'leaf', problems: [] });
  });

  it('refuses what it cannot have, with who stands in the way', async () => {
    const put = async (body: object): Promise<unknown> => (await server.api.post('/api/v1/apply', body)).body;
    const wire = { driver: 'ovs', encapsulation: 'vlan', fabric: 'main', uplink: 'fabric', vlans: '101-199' };
    expect(await put({ kind: 'Domain', metadata: { name: 'wire' }, spec: wire })).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('100 of EPG acme/accounts/db'),
    });
    expect(
      await put({ kind: 'Domain', metadata: { name: 'other' }, spec: { ...wire, uplink: 'third', vlans: '150' } }),
    ).toMatchObject({ code: 'invalid', message: expect.stringContaining('in common with Domain wire') });
  });
});
