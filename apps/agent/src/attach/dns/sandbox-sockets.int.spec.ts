import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packet from 'dns-packet';
import { build } from 'esbuild';
import { SystemIpCommand, SystemProcesses } from '@heddle/host';
import { TestCable } from '../../testing/test-cable';
import { DnsServer } from './server';
import { SandboxSockets } from './sandbox-sockets';

const NAME = 'api.shop.acme.heddle';
const RESOLVE = `
  const resolver = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 3 });
  resolver.setServers(['169.254.1.1']);
  resolver.resolve4('${NAME}').then(([address]) => console.log(address));`;

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

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
    await build({ entryPoints: [path.join(__dirname, 'sockets-program.ts')], outfile: program, bundle: true, platform: 'node' }); // prettier-ignore
    sockets = new SandboxSockets(new SystemIpCommand(processes), processes, program);
    cable = await TestCable.make('10.77.2');
    sandbox = await cable.container('s');
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
  });
  afterAll(async () => {
    await cable?.end();
    await rm(folder, { recursive: true, force: true });
  });

  const serve = async (address: string): Promise<DnsServer> => {
    const server = DnsServer.on(await sockets.open(sandbox), {
      names: () => new Map([['acme/shop/api', [address]]]),
      tenantOf: () => 'acme',
      onError: (error) => {
        throw error;
      },
    });
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
  const addresses = async (): Promise<string[]> =>
    ((await new SystemIpCommand(processes).query<{ addr_info: { local: string }[] }>(['address', 'show', 'dev', 'lo'], sandbox))[0]?.addr_info ?? []).map(({ local }) => local); // prettier-ignore

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
    expect(await addresses()).toContain('169.254.1.1');
    await sockets.forget(sandbox);
    expect(await addresses()).not.toContain('169.254.1.1');
    expect((await cable.inside(sandbox, ['nft', 'list', 'tables'])).stdout).toBe('');
  });

  it('are not opened where there is no namespace, and the reason is told', async () => {
    await expect(sockets.open('/run/netns/none')).rejects.toThrow('/run/netns/none');
    const broken = new SandboxSockets(new SystemIpCommand(processes), processes, path.join(folder, 'none.js'));
    await expect(broken.open(sandbox)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/no socket for names could be opened in \/run\/netns\/.*: [^]*none\.js/),
    });
    const noRules = new SandboxSockets(
      new SystemIpCommand(processes),
      { run: (argv, options) => processes.run(argv.includes('nft') ? ['false'] : argv, options) },
      path.join(folder, 'sockets.js'),
    );
    await expect(noRules.open(sandbox)).rejects.toThrow('false');
  });
});
