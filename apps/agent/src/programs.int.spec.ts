import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, createServer, request, type Server } from 'node:http';
import path from 'node:path';
import {
  inNetns,
  netnsPath,
  SystemFiles,
  SystemIpCommand,
  SystemProcesses,
  waitFor,
  type RunOptions,
} from '@heddle/host';
import { OvsDatabase, TestOvs } from '@heddle/ovs';
import { ensureBridge } from './attach/host-link';
import { MacvlanFacts } from './attach/macvlan/facts';
import { MacvlanDriver } from './attach/macvlan/macvlan-driver';
import { MACVLAN_FOLDER } from './attach/macvlan/macvlan-part';
import { OvsDriver } from './attach/ovs/ovs-driver';
import { insideName, portName } from './attach/ovs/port-names';
import { AgentStore } from './store';
import {
  accepted,
  acceptedEncapsulations,
  acceptedPolicy,
  attachedEndpoint,
  distributed,
  temporaryFolder,
} from './testing/parts';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const APP = path.join(__dirname, '..');
const BRIDGE = 'br0';
const ID = 'e'.repeat(64);
const NATS_PORT = 4222;
/** Shorter than what the agent gives NATS: its end waits for nobody. The attach daemon gives up after three seconds. */
const END_MS = 4_500;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program of its own in the namespace of the switch; it ends with this test, however that ends. */
class Program {
  output = '';
  ended: Ended | undefined;
  readonly child: ChildProcess;

  constructor(netns: string, argv: readonly string[]) {
    const words = ['--pdeathsig', 'KILL', ...inNetns(netns), ...argv];
    this.child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString('utf8')));
    this.child.on('exit', (code, signal) => (this.ended = { code, signal }));
  }

  async says(text: string): Promise<void> {
    const said = (): boolean => {
      if (this.ended) throw new Error(`it ended (${JSON.stringify(this.ended)}):\n${this.output}`);
      return this.output.includes(text);
    };
    await waitFor(said, { deadlineMs: 20_000, what: () => `"${text}" in:\n${this.output}` });
  }

  async end(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return waitFor(() => this.ended, { deadlineMs: END_MS, what: () => `the program to end:\n${this.output}` });
  }
}

/** An engine with one container of ours, of which the agent knows nothing: it is to be left alone. */
function engineStub(socket: string, touched: string[]): Server {
  const CONTAINER = {
    Id: 'c'.repeat(64),
    Names: ['/heddle-acme-shop-web-1'],
    Image: 'heddle/demo',
    State: 'running',
    Status: 'Up',
    Created: 1,
    Labels: { 'heddle.allocation': 'acme/shop/web-1' },
  };
  return createServer((call, response) => {
    const at = (call.url ?? '').replace(/^\/v[0-9.]+/, '').split('?', 1)[0];
    if (call.method !== 'GET' && call.method !== 'HEAD') touched.push(`${call.method} ${at}`);
    response.setHeader('content-type', 'application/json');
    if (at === '/events') return void response.flushHeaders(); // for as long as it is wanted
    const bodies: Record<string, unknown> = {
      '/_ping': 'OK',
      '/version': { Version: '20.10.24', ApiVersion: '1.41' },
      '/info': { NCPU: 2, MemTotal: 2 ** 31, ServerVersion: '20.10.24' },
      '/containers/json': [CONTAINER],
    };
    response.statusCode = at !== undefined && at in bodies ? 200 : 404;
    response.end(JSON.stringify(bodies[at ?? ''] ?? { message: 'no such thing' }));
  }).listen(socket);
}

describeRoot('the programs of a host, asked to end', () => {
  const folder = temporaryFolder();
  const inFolder = (name: string): string => path.join(folder, name);
  const processes = new SystemProcesses();
  const touched: string[] = [];
  const running: Program[] = [];
  const kept = new HttpAgent({ keepAlive: true });
  let ovs: TestOvs;
  let database: OvsDatabase;
  let engine: Server;
  const ip = new SystemIpCommand({
    run: (argv: readonly string[], options?: RunOptions) => processes.run([...inNetns(ovs.netns), ...argv], options),
  });

  beforeAll(async () => {
    ovs = await TestOvs.start();
    // From the sources as they are, wherever the last build left what it made.
    await processes.run([process.execPath, 'esbuild.mjs', inFolder('bin')], { cwd: APP, deadlineMs: 60_000 });
    const config = {
      host: 'h1',
      stateDir: inFolder('state'),
      runDir: folder,
      docker: { socket: inFolder('docker.sock') },
      plugin: { socket: inFolder('plugin.sock') },
      ovs: { databaseSocket: ovs.dbSocket, runDir: ovs.rundir, bridge: BRIDGE, datapathType: 'netdev' },
      underlay: { address: '192.0.2.11' },
      nats: { servers: [`nats://127.0.0.1:${NATS_PORT}`] },
      attach: { socket: inFolder('attach.sock') },
      agent: { socket: inFolder('agent.sock') },
    };
    writeFileSync(inFolder('host.json'), JSON.stringify(config));
    mkdirSync(config.stateDir);
    const store = await AgentStore.open(new SystemFiles(), config.stateDir, (error) => {
      throw error;
    });
    await store.policy.commit({ accepted: acceptedPolicy(), highestClassId: 17 });
    await store.endpoints.commit({ accepted: accepted({ c: distributed('c') }) });
    await store.encapsulations.commit({ accepted: acceptedEncapsulations() });
    await store.allocations.commit({ accepted: accepted({}) });
    engine = engineStub(config.docker.socket, touched);
    database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
  }, 90_000);

  afterEach(async () => {
    for (const program of running.splice(0)) await program.end('SIGKILL');
  });
  afterAll(async () => {
    kept.destroy();
    engine?.closeAllConnections();
    engine?.close();
    await database?.close();
    await ovs?.stop();
  });

  const start = (...argv: string[]): Program => {
    const program = new Program(ovs.netns, argv);
    running.push(program);
    return program;
  };
  const node = (name: string): Program => start(process.execPath, inFolder(`bin/${name}.js`), '--config', inFolder('host.json')); // prettier-ignore
  const startAttach = async (): Promise<Program> => {
    const program = node('attach');
    await program.says('attach daemon ready');
    return program;
  };
  const startAgent = async (): Promise<Program> => {
    const program = node('main');
    await program.says('agent of h1 ready');
    return program;
  };
  /** A call of the engine, which keeps its connections. */
  const activate = (): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const options = { socketPath: inFolder('plugin.sock'), path: '/Plugin.Activate', method: 'POST', agent: kept };
      const call = request(options, (response) => response.resume().on('end', () => resolve(response.statusCode)));
      call.on('error', reject).end();
    });
  const metrics = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { socketPath: inFolder('agent.sock'), path: '/metrics', agent: false };
      request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(text));
      }).on('error', reject).end(); // prettier-ignore
    });
  const flows = async (): Promise<string[]> =>
    (await ovs.ofctl(BRIDGE, 'dump-flows')).split('\n').filter((line) => line.includes('actions=')).sort(); // prettier-ignore
  /** The flows of the endpoint's own port: what the agent makes last. */
  const inForce = (ofport: number | undefined): Promise<string[]> =>
    waitFor(async () => {
      const all = await flows();
      return all.some((line) => line.includes(`ip,in_port=${ofport},`) && line.includes('nw_src=10.32.0.5')) && all;
    }, { deadlineMs: 15_000, what: 'the flows of the endpoint' }); // prettier-ignore
  /** What is attached, as the kernel and the database have it. */
  const attached = async () => {
    const ports = await database.listPorts(BRIDGE);
    const port = ports.find(({ name }) => name === portName(ID));
    const link = await ip.link(portName(ID));
    return { ids: port?.externalIds, ofport: port?.ofport, mac: link?.address, inside: !!(await ip.link(insideName(ID)))}; // prettier-ignore
  };

  it.each(['with NATS away', 'with NATS there'])(
    'end with status 0 and leave everything as it is, %s',
    async (how) => {
      const attach = await startAttach();
      await ensureBridge(database, { bridge: BRIDGE, datapathType: 'netdev' });
      const driver = new OvsDriver(ip, database, {
        bridge: BRIDGE,
        checksumsInSoftware: true,
        onError: () => undefined,
      });
      await driver.attach(attachedEndpoint(ID, '10.32.0.5', { port: portName(ID) }), { mtu: 1400 });
      const { ofport } = await attached();
      const nats = how.endsWith('there') ? start('nats-server', '-a', '127.0.0.1', '-p', String(NATS_PORT)) : undefined;
      await nats?.says('Server is ready');
      const first = await startAgent();
      const before = { flows: await inForce(ofport), attached: await attached() };
      expect(before.attached).toMatchObject({ ids: { 'heddle-address': '10.32.0.5' }, inside: true });
      const same = async () => ({ flows: await flows(), attached: await attached() });

      // What a real switch counts reaches who scrapes.
      expect(await metrics()).toMatch(/^heddle_dropped_packets_total\{.*reason="no-contract".*\} \d+$/m);

      // The agent goes while the attach daemon stays, and comes back to what it left.
      expect(await first.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(await same()).toEqual(before);
      expect(existsSync(inFolder('agent.sock'))).toBe(false);
      const second = await startAgent();
      await inForce(ofport);

      // The attach daemon goes while the agent and the engine hold connections to it.
      expect(await activate()).toBe(200);
      expect(await attach.end('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(await same()).toEqual(before);
      // The engine must find nobody there rather than somebody who does not answer.
      expect(existsSync(inFolder('plugin.sock'))).toBe(false);

      expect(await second.end('SIGINT')).toEqual({ code: 0, signal: null });
      expect(await same()).toEqual(before);
      expect(touched).toEqual([]);
      nats?.child.kill('SIGKILL');
      await driver.detach(attachedEndpoint(ID, '10.32.0.5', { port: portName(ID) }));
    },
    90_000,
  );

  it('end with status 0 when they are asked while they still start', async () => {
    const attach = await startAttach();
    // Its socket is what it opens first; one that was killed left it behind.
    rmSync(inFolder('agent.sock'), { force: true });
    const agent = node('main');
    await waitFor(() => existsSync(inFolder('agent.sock')), { deadlineMs: 15_000, what: 'the agent to begin' });
    expect(await agent.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(await attach.end('SIGTERM')).toEqual({ code: 0, signal: null });
    // What they had written is whole.
    expect(readFileSync(path.join(inFolder('state'), 'attach.journal'), 'utf8')).not.toBe('');
  }, 60_000);

  it('have names in containers on an uplink, whose sockets the next attach daemon opens again', async () => {
    const container = `${ovs.netns}-c`;
    await ip.batch([['link', 'add', 'name', 'up0', 'type', 'veth', 'peer', 'name', 'lp0']]);
    await processes.run(['ip', 'netns', 'add', container]);
    const driver = new MacvlanDriver(ip, new MacvlanFacts(new SystemFiles(), inFolder(MACVLAN_FOLDER)), {
      switchPorts: async () => new Map(),
      onError: (error) => {
        throw error;
      },
    });
    const child = attachedEndpoint(ID, '10.32.0.9', {
      port: driver.portName(ID),
      macvlan: { uplink: 'up0', mode: 'vepa', tagging: 'access', vlan: 101, sandbox: netnsPath(container) },
    });
    try {
      const { name } = await driver.attach(child, { mtu: 1400 });
      await ip.batch([['link', 'set', 'dev', name, 'netns', container]]);
      await ip.batch([['address', 'add', '10.32.0.9/16', 'dev', name], ['link', 'set', 'dev', name, 'up'], ['link', 'set', 'dev', 'lo', 'up'], ['route', 'add', 'default', 'via', '10.32.0.1']], netnsPath(container)); // prettier-ignore
      const answer = async (): Promise<string> => {
        const ask = ['busybox', 'nslookup', 'api.shop.acme.heddle', '169.254.1.1'];
        const { stdout } = await processes.run([...inNetns(container), ...ask], { okCodes: [0, 1] });
        return stdout;
      };
      for (const _life of ['first', 'second']) {
        const attach = await startAttach();
        // No agent has told any names: that is what it says, and that shows that it was asked.
        await waitFor(async () => (await answer()).includes('SERVFAIL'), {
          deadlineMs: 15_000,
          what: () => attach.output,
        });
        expect(await attach.end('SIGTERM')).toEqual({ code: 0, signal: null });
        expect(await answer()).not.toContain('SERVFAIL');
      }
    } finally {
      await driver.detach(child);
      await processes.run(['ip', 'netns', 'del', container]);
      await ip.batch([['link', 'del', 'dev', 'up0']]);
    }
    expect(readdirSync(inFolder(MACVLAN_FOLDER))).toEqual([]);
  }, 60_000);
});
