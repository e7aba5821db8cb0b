import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { HeddleError } from '@heddle/model';
import type { ContainerSpec } from './container-spec';
import type { EngineEvent } from './engine';
import { buildDemoImage, DEMO_IMAGE } from './image/demo-image';
import type { PluginServer } from './plugin/plugin-server';
import { TestEngine } from './test-engine';
import { TOY_NETWORK, ToyDriver } from './testing/toy-driver';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const run = promisify(execFile);

const spec = (name: string, extra: Partial<ContainerSpec> = {}): ContainerSpec => ({
  name,
  image: DEMO_IMAGE,
  network: { name: TOY_NETWORK.name },
  resources: { cpu: 0.5, memoryBytes: 32 * 1024 * 1024, pids: 32 },
  readOnlyRootfs: true,
  ...extra,
});

describeRoot('containers on a network of our own plugin', () => {
  let test: TestEngine;
  let toy: ToyDriver;
  let plugin: PluginServer;
  let files: string;

  beforeAll(async () => {
    files = '';
    test = await TestEngine.start({ liveRestore: true, client: { fileRoots: ['/tmp'] } });
    files = path.join(test.dirs.base, 'files');
    await mkdir(files);
    toy = new ToyDriver(test);
    plugin = await toy.serve();
    await buildDemoImage(test.engine);
    await test.engine.ensureNetwork(TOY_NETWORK);
  });
  afterAll(async () => {
    await test.stop();
    await plugin.stop(0);
  });
  afterEach(async () => {
    toy.onJoin = undefined;
    for (const { id } of await test.engine.list({ all: true })) await test.engine.remove(id, { force: true });
  });

  const start = async (wanted: ContainerSpec): Promise<string> => {
    const id = await test.engine.createContainer(wanted);
    await test.engine.start(id);
    return id;
  };
  /** Runs a command in the container's network namespace, with the machine's tools. */
  const inside = async (id: string, argv: readonly string[]): Promise<string> => {
    const { pid } = await test.engine.inspect(id);
    return (await run('nsenter', ['--net', '--target', String(pid), '--', ...argv], { timeout: 10_000 })).stdout;
  };
  /** Runs a command of the image in all of the container's namespaces, as its user. */
  const exec = async (id: string, argv: readonly string[]): Promise<string> => {
    const { pid } = await test.engine.inspect(id);
    const enter = ['--all', '--target', String(pid), '--setuid', '65534', '--setgid', '65534', '--'];
    return (await run('nsenter', [...enter, '/bin/busybox', ...argv], { timeout: 10_000 })).stdout;
  };
  const until = async <T>(ask: () => Promise<T>, good: (value: T) => boolean): Promise<T> => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const value = await ask().catch((error: unknown) => {
        if (Date.now() > deadline) throw error;
        return undefined;
      });
      if (value !== undefined && good(value)) return value;
      if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(value)}`);
    }
  };

  it('have exactly their own interface, with the address and the options asked for', async () => {
    const id = await start(
      spec('one', {
        network: {
          name: TOY_NETWORK.name,
          ipv4Address: '10.77.9.9',
          macAddress: '02:48:0a:4d:09:09',
          driverOpts: { 'heddle.epg': 'acme/shop/web' },
        },
      }),
    );
    const { networks } = await test.engine.inspect(id);
    expect(networks).toEqual({
      'toy-net': {
        networkId: expect.stringMatching(/^[0-9a-f]{64}$/),
        endpointId: expect.stringMatching(/^[0-9a-f]{64}$/),
        ipv4Address: '10.77.9.9',
        ipv4PrefixLength: 16,
        macAddress: '02:48:0a:4d:09:09',
      },
    });
    expect(toy.endpoints.get(networks['toy-net']?.endpointId ?? '')).toMatchObject({
      ipv4Address: '10.77.9.9/16',
      macAddress: '02:48:0a:4d:09:09',
      driverOpts: { 'heddle.epg': 'acme/shop/web' },
    });
    const links = JSON.parse(await inside(id, ['ip', '-j', 'address', 'show'])) as {
      ifname: string;
      address: string;
    }[];
    expect(links.map((link) => link.ifname)).toEqual(['lo', 'eth0']);
    expect(links[1]?.address).toBe('02:48:0a:4d:09:09');
    const outside = JSON.parse(await test.inNetns(['ip', '-j', 'link', 'show'])) as { ifname: string }[];
    expect(outside.map((link) => link.ifname).filter((name) => !/^(lo|toy0|th[0-9a-f]+)$/.test(name))).toEqual([]);
  });

  it('get a new endpoint at each start, and lose it at each stop', async () => {
    const id = await start(spec('two'));
    const endpoint = async (): Promise<string | undefined> =>
      (await test.engine.inspect(id)).networks['toy-net']?.endpointId;
    const first = await endpoint();
    await test.engine.stop(id, 5);
    expect(await endpoint()).toBeUndefined();
    expect(toy.endpoints.size).toBe(0);
    await test.engine.start(id);
    expect(await endpoint()).not.toBe(first);
  });

  it('do not start when Join fails, and say why at once', async () => {
    toy.onJoin = () => Promise.reject(new HeddleError('unavailable', 'EPG acme/shop/web is not known here yet'));
    const id = await test.engine.createContainer(spec('three'));
    const began = Date.now();
    await expect(test.engine.start(id)).rejects.toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('EPG acme/shop/web is not known here yet'),
    });
    expect(Date.now() - began).toBeLessThan(3000);
    const state = await test.engine.inspect(id);
    expect([state.status, state.error]).toEqual(['created', expect.stringContaining('EPG acme/shop/web')]);
    expect(toy.endpoints.size).toBe(0);
    toy.onJoin = undefined;
    await test.engine.start(id);
    expect(await test.engine.inspect(id)).toMatchObject({ status: 'running' });
  });

  it('do not start when Join hangs, but no longer than the deadline of the plugin', async () => {
    await plugin.stop(0);
    plugin = await toy.serve(300);
    toy.onJoin = () => new Promise(() => undefined);
    const id = await test.engine.createContainer(spec('four'));
    await expect(test.engine.start(id)).rejects.toThrow('NetworkDriver.Join did not finish within 300 ms');
    await plugin.stop(0);
    plugin = await toy.serve();
  });

  it('can be stopped by a plugin that lost its memory', async () => {
    const id = await start(spec('five'));
    await plugin.stop(0);
    const forgetful = new ToyDriver(test);
    plugin = await forgetful.serve();
    try {
      await test.engine.stop(id, 5);
      await test.engine.remove(id);
      expect(forgetful.calls.map((c) => [c.method, c.status, c.error])).toEqual([
        ['NetworkDriver.Leave', 200, undefined],
        ['NetworkDriver.DeleteEndpoint', 200, undefined],
        ['IpamDriver.ReleaseAddress', 200, undefined],
      ]);
    } finally {
      await plugin.stop(0);
      plugin = await toy.serve();
    }
  });

  it('live on when the engine is killed; watchers are told to list again', async () => {
    const id = await start(spec('six'));
    const before = (await test.engine.inspect(id)).networks['toy-net'];
    const events = test.engine.events();
    const next = async (): Promise<EngineEvent> => (await events.next()).value as EngineEvent;
    expect(await next()).toEqual({ kind: 'resync', reason: 'connected' });
    const waiting = expect(test.engine.wait(id)).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    const following = expect(
      (async () => {
        for await (const line of test.engine.logs(id, { follow: true })) expect(line.line).toContain('demo');
      })(),
    ).rejects.toMatchObject({ code: 'unavailable' });
    await inside(id, ['busybox', 'ping', '-c', '1', '-W', '2', TOY_NETWORK.gateway]);

    await test.stopDaemon('SIGKILL');
    await waiting;
    await following;
    await expect(test.engine.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await test.startDaemon();

    expect(await next()).toEqual({ kind: 'resync', reason: 'reconnected' });
    await events.return?.();
    const after = await test.engine.inspect(id);
    expect(after).toMatchObject({ status: 'running', restartCount: 0 });
    expect(after.networks['toy-net']).toEqual(before);
    await inside(id, ['busybox', 'ping', '-c', '1', '-W', '2', TOY_NETWORK.gateway]);
  });

  it('share a network that is made once, and is not changed behind our back', async () => {
    const [known] = await test.engine.listNetworks({ labels: { 'heddle.tenant': 'acme' } });
    expect(known).toEqual({ ...TOY_NETWORK, id: expect.any(String), ipamOptions: {}, internal: false });
    expect(await test.engine.ensureNetwork(TOY_NETWORK)).toEqual({ id: known?.id, created: false });
    await expect(test.engine.ensureNetwork({ ...TOY_NETWORK, options: { other: 'x' } })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('option heddle.bd is acme/default, wanted is none; option other is not set'),
    });
    await start(spec('seven'));
    await expect(test.engine.removeNetwork(TOY_NETWORK.name)).rejects.toMatchObject({ code: 'refused' });

    const other = { ...TOY_NETWORK, name: 'toy-other', subnet: '10.79.0.0/16', gateway: '10.79.0.1' };
    const both = await Promise.all([test.engine.ensureNetwork(other), test.engine.ensureNetwork(other)]);
    expect(both.map((b) => b.created).sort()).toEqual([false, true]);
    await test.engine.removeNetwork(other.name);
    await test.engine.removeNetwork(other.name);
    expect(await test.engine.listNetworks({ labels: { 'heddle.tenant': 'acme' } })).toHaveLength(1);
  });

  it('have no capability, no new privileges, and the limits asked for', async () => {
    await writeFile(path.join(files, 'resolv.conf'), 'nameserver 10.77.0.1\nsearch shop.acme.heddle\n');
    const id = await start(
      spec('eight', {
        resources: { cpu: 0.5, memoryBytes: 32 * 1024 * 1024, pids: 20 },
        tmpfs: [{ path: '/tmp', sizeBytes: 65_536 }],
        mounts: [{ source: path.join(files, 'resolv.conf'), target: '/etc/resolv.conf' }],
        hostname: 'web-1',
        env: { 'A.B': 'ü $HOME "x"\n' },
      }),
    );
    const { pid } = await test.engine.inspect(id);
    const init = await run('cat', [`/proc/${pid}/status`, `/proc/${pid}/cgroup`, `/proc/${pid}/mountinfo`]);
    expect(init.stdout).toMatch(/^CapBnd:\t0000000000000000$/m);
    expect(init.stdout).toMatch(/^CapEff:\t0000000000000000$/m);
    expect(init.stdout).toMatch(/^NoNewPrivs:\t1$/m);
    expect(init.stdout).toMatch(/^Seccomp:\t2$/m);
    expect(init.stdout).toMatch(/^Uid:\t65534\t/m);
    expect(init.stdout).toMatch(/ \/ \/ ro[, ].* overlay /);
    expect(init.stdout).toMatch(/ \/tmp rw,nosuid,nodev,noexec.* tmpfs /);
    expect(await exec(id, ['cat', '/etc/resolv.conf'])).toBe('nameserver 10.77.0.1\nsearch shop.acme.heddle\n');
    expect(await exec(id, ['hostname'])).toBe('web-1\n');
    await expect(exec(id, ['touch', '/x'])).rejects.toThrow('Read-only file system');
    await exec(id, ['touch', '/tmp/x']);
    await expect(exec(id, ['dd', 'if=/dev/zero', 'of=/tmp/y', 'bs=1k', 'count=100'])).rejects.toThrow('No space left');
    const { stdout: environ } = await run('cat', [`/proc/${pid}/environ`]);
    expect(environ.split('\0')).toContain('A.B=ü $HOME "x"\n');
    const stats = await test.engine.stats(id);
    expect(stats?.memoryLimitBytes).toBe(32 * 1024 * 1024);
  });

  it('are killed for their memory, and say so', async () => {
    const eater = ['/bin/sh', '-c', 'x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done'];
    const id = await start(spec('nine', { command: eater, init: false }));
    await test.engine.wait(id);
    expect(await test.engine.inspect(id)).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  it('have the grace time they were given, and no more', async () => {
    const deaf = await start(spec('ten', { command: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] }));
    const began = Date.now();
    await test.engine.stop(deaf, 1);
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
    expect(await test.engine.inspect(deaf)).toMatchObject({ exitCode: 137 });
  });

  describe('the demo image', () => {
    it('is imported once', async () => {
      const image = await test.engine.inspectImage(DEMO_IMAGE);
      expect(await buildDemoImage(test.engine)).toEqual({ id: image.id, built: false });
      expect(image).toMatchObject({ entrypoint: ['/demo/entrypoint'], user: '65534:65534' });
    });

    it('is a shop of three tiers that find each other by name', async () => {
      // The engine's own DNS answers aliases, as container DNS will.
      const tier = (name: string, env: Record<string, string>): ContainerSpec =>
        spec(name, { env, hostname: `${name}-1`, network: { name: TOY_NETWORK.name, aliases: [name] } });
      const db = await start(tier('db', { ROLE: 'db' }));
      const api = await start(tier('api', { ROLE: 'api', UPSTREAM: 'tcp://db:5432' }));
      const web = await start(tier('web', { ROLE: 'web', UPSTREAM: 'http://api:8080' }));
      const address = async (id: string): Promise<string> =>
        (await test.engine.inspect(id)).networks['toy-net']?.ipv4Address ?? '';
      const at = await address(web);
      const get = (url: string): Promise<string> =>
        test.inNetns(['busybox', 'timeout', '5', 'busybox', 'wget', '-q', '-O', '-', url]);

      const chain = await until(
        () => get(`http://${at}:8080/cgi-bin/chain`),
        () => true,
      );
      expect(chain.trim().split('\n')).toEqual([
        `web web-1 ${at}`,
        `api api-1 ${await address(api)}`,
        `db db-1 ${await address(db)}`,
      ]);
      expect(await get(`http://${at}:8080/health`)).toBe('ok\n');
      expect(await get(`http://${at}:8080/`)).toContain('<title>Heddle demo</title>');

      const broken = await address(await start(tier('broken', { ROLE: 'api', UPSTREAM: 'http://db:8080' })));
      const curl = ['curl', '-s', '-w', '%{http_code}', `http://${broken}:8080/cgi-bin/chain`];
      expect(
        await until(
          () => test.inNetns(curl),
          () => true,
        ),
      ).toMatch(/^api broken-1 [\d.]+\nhttp:\/\/db:8080 failed: wget: can't connect .*: Connection refused\n502$/);
    });

    it('echoes on the ports it is told', async () => {
      const id = await start(spec('echo', { env: { LISTEN: 'tcp:9000 tcp:9001 udp:9002' } }));
      const at = (await test.engine.inspect(id)).networks['toy-net']?.ipv4Address ?? '';
      const say = (text: string, port: number): Promise<string> =>
        test.inNetns(['sh', '-c', 'echo "$1" | timeout 3 busybox nc "$2" "$3"', 'sh', text, at, String(port)]);
      for (const port of [9000, 9001])
        expect(
          await until(
            () => say('hello', port),
            () => true,
          ),
        ).toBe('hello\n');
      const udp = `socket(my $s, 2, 2, 17); send($s, "ping", 0, pack('S n a4 x8', 2, 9002, pack('C4', split /\\./, $ARGV[0])));
        $SIG{ALRM} = sub { exit 1 }; alarm 1; recv($s, my $d, 100, 0); print $d;`;
      expect(
        await until(
          () => test.inNetns(['perl', '-e', udp, at]),
          () => true,
        ),
      ).toBe('ping');
    });

    it('ends at once on SIGTERM, with code 0', async () => {
      const id = await start(spec('prompt', { env: { ROLE: 'web', LISTEN: 'tcp:9000' } }));
      const log = test.engine.logs(id, { follow: true });
      await log.next();
      await log.return?.();
      const began = Date.now();
      await test.engine.stop(id, 10);
      expect(Date.now() - began).toBeLessThan(5000);
      expect(await test.engine.inspect(id)).toMatchObject({ exitCode: 0, oomKilled: false });
    });

    it.each([
      [{ ROLE: 'queen' }, 'demo: found ROLE "queen"; allowed are web, api, db and none'],
      [{ LISTEN: 'sctp:1' }, 'demo: found "sctp:1" in LISTEN; allowed are tcp:PORT and udp:PORT'],
      [{ ROLE: 'web', PORT: '0' }, 'demo: found the port 0; allowed are 1 to 65535'],
    ])('refuses %j', async (env, message) => {
      const id = await start(spec('wrong', { env }));
      expect(await test.engine.wait(id)).toEqual({ exitCode: 64 });
      const lines: string[] = [];
      for await (const { line } of test.engine.logs(id)) lines.push(line);
      expect(lines).toEqual([message]);
    });
  });
});
