import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildDemoImage, DEMO_IMAGE, ipamService, networkService, PluginServer, TestEngine, type NetworkDriver } from '@heddle/docker'; // prettier-ignore
import { SystemProcesses, waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { macIn } from '@heddle/ipam';
import type { LinkConfiguration } from '../../link/protocol';
import { sandboxHealthProbe } from '../../runtime/sandbox-health-probe';
import { MACVLAN } from '../../testing/attach';
import { UPLINK } from '../../testing/macvlan-driver-harness';
import { openMacvlanHost, type MacvlanHost } from '../../testing/macvlan-host';
import { TestCable } from '../../testing/test-cable';
import { resolvConf } from '../dns/zone';
import { OPTION } from '../options';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const PLUGIN = 'heddle';
const SUBNET = '10.77.4';
const WEB = 'acme/shop/web';
const CONFIGURATION: LinkConfiguration = {
  bridgeDomains: [{ path: 'acme/default', gateways: [`${SUBNET}.1/24`], blocks: [`${SUBNET}.64/26`] }],
  epgs: { [WEB]: 'acme/default' },
  mtu: 1450,
  attachments: { [WEB]: MACVLAN },
};

describeRoot('containers of a real engine on an uplink', () => {
  const processes = new SystemProcesses();
  let folder: string;
  let test: TestEngine;
  let cable: TestCable;
  let host: MacvlanHost;
  let plugin: PluginServer;
  let resolv: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hdme-'));
    resolv = path.join(folder, 'resolv.conf');
    await writeFile(resolv, resolvConf('acme', 'shop', '169.254.1.1'), { mode: 0o644 });
    test = await TestEngine.start({ client: { fileRoots: [folder] } });
    cable = await TestCable.make(SUBNET, { hostPid: test.holderPid });
    host = await openMacvlanHost(cable, folder, CONFIGURATION);
    host.names.replace({ 'acme/shop/api': ['10.77.4.99'] });
    plugin = new PluginServer({
      socketPath: test.pluginSocket(PLUGIN),
      services: [networkService(seenFromHere(host.network)), ipamService(host.ipam)],
      deadlineMs: 10_000,
    });
    await plugin.start();
    await buildDemoImage(test.engine);
    const options = { [OPTION.bridgeDomain]: 'acme/default', [OPTION.epg]: WEB };
    await test.engine.ensureNetwork({ name: 'net', driver: PLUGIN, ipamDriver: PLUGIN, subnet: `${SUBNET}.0/24`, options, ipamOptions: options }); // prettier-ignore
  }, 60_000);
  afterAll(async () => {
    await cable?.end();
    await test?.stop();
    await plugin?.stop();
    await host?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const { id } of await test.engine.list({ all: true })) await test.engine.remove(id, { force: true });
  });

  /** The namespaces of this engine's containers are mounted where only its own processes see them. */
  const seenFromHere = (driver: NetworkDriver): NetworkDriver => ({
    createNetwork: (...of) => driver.createNetwork(...of),
    deleteNetwork: (...of) => driver.deleteNetwork(...of),
    createEndpoint: (...of) => driver.createEndpoint(...of),
    deleteEndpoint: (...of) => driver.deleteEndpoint(...of),
    endpointInfo: (...of) => driver.endpointInfo(...of),
    join: (request, signal) =>
      driver.join({ ...request, sandboxKey: `/proc/${test.holderPid}/root${request.sandboxKey}` }, signal),
    leave: (...of) => driver.leave(...of),
  });
  const start = async (
    name: string,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Promise<string> => {
    const id = await test.engine.createContainer({
      name,
      image: DEMO_IMAGE,
      network: { name: 'net' },
      resources: { cpu: 0.5, memoryBytes: 32 * 1024 * 1024, pids: 32 },
      mounts: [{ source: resolv, target: '/etc/resolv.conf' }],
      ...(args ? { command: ['/bin/busybox'], args } : {}),
      ...(env ? { env } : {}),
    });
    await test.engine.start(id);
    return id;
  };
  const inside = async (id: string, argv: readonly string[]): Promise<string> => {
    const { pid } = await test.engine.inspect(id);
    return (await processes.run(['nsenter', '--net', '--mount', '--target', String(pid), '--', ...argv])).stdout;
  };
  const nothingLeft = async (): Promise<void> => {
    await host.part.idle();
    expect((await cable.ip.links()).map(({ ifname }) => ifname).sort()).toEqual(['lo', UPLINK]);
    expect(await cable.ip.filteredMacs(UPLINK)).toEqual([]);
    expect(await readdir(path.join(folder, 'macvlan'))).toEqual([]);
    expect(host.part.names.open).toEqual([]);
    expect(host.journal.state.endpoints).toEqual({});
    expect(host.problems).toEqual([]);
    await waitFor(() => host.unported().length === 0, { deadlineMs: 5_000, what: 'the agent to be told' });
  };

  it('have exactly their own interface, a child of the uplink, and the gateway of their bridge domain', async () => {
    const id = await start('one');
    const { pid } = await test.engine.inspect(id);
    const links = await cable.ip.links(`/proc/${pid}/ns/net`);
    expect(links.map(({ ifname }) => ifname).sort()).toEqual(['eth0', 'lo']);
    expect(links.find(({ ifname }) => ifname === 'eth0')).toMatchObject({
      mtu: 1400,
      address: macIn('acme/default', `${SUBNET}.64`),
      linkinfo: { info_kind: 'macvlan', info_data: { mode: 'bridge' } },
    });
    const routes = await cable.ip.query<{ dst: string; gateway?: string }>(['route', 'show'], `/proc/${pid}/ns/net`);
    expect(routes).toEqual([
      expect.objectContaining({ dst: 'default', gateway: `${SUBNET}.1` }),
      expect.objectContaining({ dst: `${SUBNET}.0/24` }),
    ]);
    expect((await test.inNetns(['ip', '-o', 'link'])).match(/docker_gwbridge/)).toBeNull();
    await waitFor(() => cable.answers(`${SUBNET}.1`, `/proc/${pid}/ns/net`), {
      deadlineMs: 5_000,
      what: 'the gateway',
    });
    await test.engine.stop(id, 1);
    await nothingLeft();
  });

  it('find names, also with the first thing that they do', async () => {
    const first = await start('first', ['sh', '-c', 'nslookup api.shop.acme.heddle; sleep 60']);
    const logs = async (): Promise<string> => {
      let all = '';
      for await (const { line } of test.engine.logs(first)) all += `${line}\n`;
      return all;
    };
    await waitFor(async () => (await logs()).includes('10.77.4.99'), { deadlineMs: 10_000, what: 'the answer' });
    expect(await inside(first, ['busybox', 'nslookup', 'api.shop.acme.heddle'])).toContain('10.77.4.99');
    await test.engine.remove(first, { force: true });
    await nothingLeft();
  });

  it('are checked from inside', async () => {
    const id = await start('checked', undefined, { ROLE: 'web' });
    const [{ macvlan, address } = { macvlan: undefined, address: '' }] = host.unported();
    const health = {
      type: 'http',
      port: 'http',
      path: '/',
      intervalSeconds: 5,
      timeoutSeconds: 2,
      failures: 3,
    } as const;
    const check = (port: number) => sandboxHealthProbe(processes).check(macvlan?.sandbox ?? '', address, port, health);
    await waitFor(async () => (await check(8080)).ok, { deadlineMs: 10_000, what: 'the container to be healthy' });
    expect(await check(8081)).toEqual({ ok: false, detail: '/: Connection refused' });
    await test.engine.remove(id, { force: true });
    await nothingLeft();
  });

  it('leave nothing when they end by themselves, are killed, or cannot start', async () => {
    const ends = await start('ends', ['true']);
    await waitFor(async () => (await test.engine.inspect(ends)).status === 'exited', { deadlineMs: 10_000, what: 'its end' }); // prettier-ignore
    const killed = await start('killed');
    await test.engine.kill(killed, 'SIGKILL');
    await waitFor(async () => (await test.engine.inspect(killed)).status === 'exited', { deadlineMs: 10_000, what: 'its end' }); // prettier-ignore
    await waitFor(() => Object.keys(host.journal.state.endpoints).length === 0, { deadlineMs: 10_000, what: 'the engine to tell' }); // prettier-ignore
    await nothingLeft();
    host.agent.answer = async (method) => {
      if (method === 'attached') throw new HeddleError('unavailable', 'no policy yet');
    };
    await expect(start('refused')).rejects.toThrow('no policy yet');
    host.agent.answer = async () => undefined;
    await waitFor(() => Object.keys(host.journal.state.endpoints).length === 0, { deadlineMs: 10_000, what: 'the engine to tell' }); // prettier-ignore
    await nothingLeft();
  });

  it('leave nothing when the engine is killed with them and tells of their end when it is back', async () => {
    await start('one');
    await start('two');
    await test.stopDaemon('SIGKILL');
    await test.startDaemon();
    await waitFor(() => Object.keys(host.journal.state.endpoints).length === 0, { deadlineMs: 20_000, what: 'the engine to tell' }); // prettier-ignore
    await nothingLeft();
  }, 60_000);
});
