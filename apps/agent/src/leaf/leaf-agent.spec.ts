import { FakeClock, FakeFiles, FakeNftCommand } from '@heddle/host';
import type { DistributedEndpoint } from '@heddle/model';
import { FakeSwitch } from '@heddle/ovs';
import { isOurs } from '@heddle/pipeline';
import { leafConfigSchema } from '../config';
import { AgentStore } from '../store';
import { FakePortDatabase } from '../testing/fake-port-database';
import { accepted, acceptedEncapsulations, acceptedPolicy, distributed } from '../testing/parts';
import { LeafAgent } from './leaf-agent';

const BASE = {
  host: 'leaf',
  role: 'leaf',
  stateDir: '/state',
  runDir: '/run/heddle',
  ovs: { databaseSocket: '/run/db.sock', runDir: '/run' },
  underlay: { address: '192.0.2.254' },
  nats: { servers: ['nats://192.0.2.10'] },
} as const;

const behind = (id: string, port: string): DistributedEndpoint =>
  distributed(id, { fabric: { leaf: 'leaf', port, via: 'macvlan', hairpin: true } });
const BEHIND = behind('b', 'h1-macvlan');
/** Long enough for everything that no daemon takes part in. */
const settled = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('LeafAgent', () => {
  let files = new FakeFiles();
  let ovs: FakePortDatabase;
  let bridge: FakeSwitch;
  let agent: LeafAgent;
  let reports = 0;
  const nft = new FakeNftCommand();

  async function start(config: object = {}): Promise<LeafAgent> {
    ovs = new FakePortDatabase();
    bridge = new FakeSwitch();
    agent = await LeafAgent.start({
      config: leafConfigSchema.parse({ ...BASE, ...config }),
      store: await AgentStore.open(files, '/state', () => undefined),
      ovs,
      bridge,
      nft,
      clock: new FakeClock(),
      log: () => undefined,
      onReport: () => void (reports += 1),
    });
    return agent;
  }
  const cable = (name: string) => ovs.ensurePort({ bridge: 'br-heddle', name, type: '' });
  const told = (...endpoints: DistributedEndpoint[]) => {
    agent.acceptPolicy(acceptedPolicy(undefined, 4));
    agent.acceptEncapsulations(acceptedEncapsulations(undefined, 4));
    agent.acceptEndpoints(accepted(Object.fromEntries(endpoints.map((e) => [e.id, e])), 5));
  };
  const flowsOf = async (port: number) =>
    (await bridge.dump()).filter((flow) => isOurs(flow.cookie) && flow.match.in_port === BigInt(port));

  afterEach(() => agent.stop());

  it('enforces for who is behind its ports, and tells the position that is in force', async () => {
    await start();
    const { ofport } = await cable('h1-macvlan');
    told(BEHIND, distributed('far'));
    await settled();
    expect(await flowsOf(ofport as number)).not.toEqual([]);
    expect([agent.policyPosition, agent.workloadPosition, agent.usage.endpoints]).toEqual([4, 4, 1]);
    expect(agent.problems).toEqual([]);
    expect(reports).toBeGreaterThan(0);
    expect(await nft.rules('arp heddle-ports')).toEqual(['iifname "h1-macvlan" drop', 'oifname "h1-macvlan" drop']);
    expect(agent.report()).toMatchObject({ host: 'leaf', endpoints: [], allocations: [] });
  });

  it('has a tunnel port, unless no tunnels are to end here', async () => {
    await start();
    expect(ovs.port('heddle-vxlan')).toMatchObject({ options: { local_ip: '192.0.2.254' } });
    await agent.stop();
    await start({ tunnels: false });
    expect(ovs.port('heddle-vxlan')).toBeUndefined();
  });

  it('says which ports it lacks, and takes them when they are cabled', async () => {
    await start();
    told(BEHIND);
    await settled();
    expect(agent.problems).toEqual([expect.stringMatching(/ports that the bridge does not have: h1-macvlan;/)]);
    const { ofport } = await cable('h1-macvlan');
    await settled();
    expect([agent.problems, (await flowsOf(ofport as number)).length > 0]).toEqual([[], true]);
  });

  it('goes on by what it last accepted, and leaves the flows as they are before it knows anything', async () => {
    await start();
    await cable('h1-macvlan');
    told(BEHIND);
    await settled();
    await agent.stop();
    await start();
    const { ofport } = await cable('h1-macvlan');
    await settled();
    expect(await flowsOf(ofport as number)).not.toEqual([]);
    await agent.stop();
    files = new FakeFiles();
    await start();
    await settled();
    expect([bridge.applied.length, agent.policyPosition]).toEqual([0, 0]);
  });
});
