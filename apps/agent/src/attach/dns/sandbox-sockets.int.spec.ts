import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packet from 'dns-packet';
import { buildSync } from 'esbuild';
import { macvlanAdd, SystemProcesses, waitFor } from '@heddle/host';
import { UPLINK } from '../../testing/macvlan-driver-harness';
import { TestCable } from '../../testing/test-cable';
import { DnsServer, type DnsOptions } from './server';
import { SandboxSockets } from './sandbox-sockets';

const NAME = 'api.shop.acme.heddle';
const RESOLVE = `
  const resolver = new (require('node:dns').promises.Resolver)({ timeout: 500, tries: 5 });
  resolver.setServers(['169.254.1.1']);
  resolver.resolve4('${NAME}').then(([address]) => console.log(address));`;

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

const answering = (address: string): DnsOptions => ({
  names: () => new Map([['acme/shop/api', [address]]]),
  tenantOf: () => 'acme',
  onError: (error) => {
    throw error;
  },
});

describeRoot('sockets in a container', () => {
  const processes = new SystemProcesses();
  let cable: TestCable;
  let folder: string;
  let sandbox: string;
  let sockets: SandboxSockets;
  const running: DnsServer[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hdns-'));
    const program = path.join(folder, 'sockets.js');
    buildSync({ entryPoints: [path.join(__dirname, 'sockets-program.ts')], outfile: program, bundle: true, platform: 'node' }); // prettier-ignore
    sockets = new SandboxSockets(processes, program);
    cable = await TestCable.make('10.77.2');
    sandbox = await cable.container('s');
    await cable.ip.batch([
      macvlanAdd({ name: 's', parent: UPLINK, mac: '02:48:0a:4d:02:09', mtu: 1400, mode: 'vepa' }),
    ]);
    await cable.enter('s', sandbox, '10.77.2.9');
    await cable.ip.batch([['route', 'add', 'default', 'via', '10.77.2.1']], sandbox);
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
  });
  afterAll(async () => {
    await cable?.end();
    await rm(folder, { recursive: true, force: true });
  });

  const serve = async (address: string): Promise<DnsServer> => {
    const server = DnsServer.on(await sockets.open(sandbox), answering(address));
    running.push(server);
    return server;
  };
  /** Asks from inside the container, by UDP. */
  async function resolve(): Promise<string> {
    const { stdout } = await cable.inside(sandbox, [process.execPath, '-e', RESOLVE]);
    return stdout.trim();
  }
  /** And by TCP; nothing where nobody answers. */
  async function resolveTcp(): Promise<string | undefined> {
    const query = packet.streamEncode({ id: 7, type: 'query', questions: [{ name: NAME, type: 'A', class: 'IN' }] });
    const script = 'printf %s "$0" | base64 -d | busybox nc -w 1 169.254.1.1 53 | base64 -w0';
    const { stdout } = await cable.inside(sandbox, ['sh', '-c', script, query.toString('base64')]);
    const [answer] = stdout === '' ? [] : (packet.streamDecode(Buffer.from(stdout, 'base64')).answers ?? []);
    return answer?.type === 'A' ? answer.data : undefined;
  }
  it('answer at the address of the name server, over UDP and TCP', async () => {
    await serve('10.32.0.7');
    expect([await resolve(), await resolveTcp()]).toEqual(['10.32.0.7', '10.32.0.7']);
    await running.splice(0)[0]?.close();
    expect(await resolveTcp()).toBeUndefined();
  });

  it('leave port 53 to the container', async () => {
    await serve('10.32.0.7');
    const listen = "const s = require('node:dgram').createSocket('udp4'); s.bind(53, '0.0.0.0', () => require('node:net').createServer().listen(53, '0.0.0.0', () => process.exit(0)))"; // prettier-ignore
    await cable.inside(sandbox, [process.execPath, '-e', listen]);
    expect(await resolve()).toBe('10.32.0.7');
  });

  it('take the place of those of an earlier daemon', async () => {
    await serve('10.32.0.7');
    await serve('10.32.0.8');
    expect([await resolve(), await resolveTcp()]).toEqual(['10.32.0.8', '10.32.0.8']);
  });

  it('leave nothing in a container that goes on', async () => {
    await serve('10.32.0.7');
    expect((await cable.inside(sandbox, ['nft', 'list', 'tables'])).stdout).toBe('table ip heddle-names\n');
    await sockets.forget(sandbox);
    expect((await cable.inside(sandbox, ['nft', 'list', 'tables'])).stdout).toBe('');
  });

  it('hold what is asked before they are open, and answer it when it is asked again', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((done) => (release = done));
    const slow = new SandboxSockets(
      {
        run: async (argv, options) => {
          const result = await processes.run(argv, options);
          // The first puts in place what holds.
          if (argv.includes('nft')) await released;
          return result;
        },
      },
      path.join(folder, 'sockets.js'),
    );
    const inSandbox = async (...argv: string[]): Promise<string> => (await cable.inside(sandbox, argv)).stdout;
    const until = (what: string, condition: () => Promise<boolean>) => waitFor(condition, { deadlineMs: 5_000, what });
    const opening = slow.open(sandbox);
    await until('the hold', async () => (await inSandbox('nft', 'list', 'ruleset')).includes('drop'));
    const asked = resolve();
    await until('the question', async () => (await inSandbox('ss', '-Hnu', 'dst', '169.254.1.1')) !== '');
    release();
    running.push(DnsServer.on(await opening, answering('10.32.0.9')));
    expect(await asked).toBe('10.32.0.9');
  });

  it('are not opened where there is no namespace, and the reason is told', async () => {
    await expect(sockets.open('/run/netns/none')).rejects.toThrow('/run/netns/none');
    const broken = new SandboxSockets(processes, path.join(folder, 'none.js'));
    await expect(broken.open(sandbox)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/no socket for names could be opened in \/run\/netns\/.*: [^]*none\.js/),
    });
    const noRules = new SandboxSockets(
      { run: (argv, options) => processes.run(argv.includes('nft') ? ['false'] : argv, options) },
      path.join(folder, 'sockets.js'),
    );
    await expect(noRules.open(sandbox)).rejects.toThrow('false');
  });
});
