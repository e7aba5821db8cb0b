import { link, lstat, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import fc from 'fast-check';
import type { IpamDriver } from './ipam-driver';
import { ipamService } from './ipam-service';
import type { JoinReply, NetworkDriver } from './network-driver';
import { networkService } from './network-service';
import { PluginServer, type PluginCall, type PluginServerOptions } from './plugin-server';

const NETWORK = 'a'.repeat(64);
const ENDPOINT = 'b'.repeat(64);

/** Records what it is asked; answers what each test wants. */
class Driver implements NetworkDriver, IpamDriver {
  readonly calls: [string, unknown][] = [];
  readonly answers: Partial<Record<keyof NetworkDriver | keyof IpamDriver, () => Promise<never>>> = {};

  private async record<T>(name: keyof NetworkDriver | keyof IpamDriver, request: unknown, result: T): Promise<T> {
    this.calls.push([name, request]);
    return (await this.answers[name]?.()) ?? result;
  }
  createNetwork = (r: unknown) => this.record('createNetwork', r, undefined);
  deleteNetwork = (r: unknown) => this.record('deleteNetwork', r, undefined);
  createEndpoint = (r: unknown) => this.record('createEndpoint', r, { macAddress: '02:48:0a:20:00:07' });
  deleteEndpoint = (r: unknown) => this.record('deleteEndpoint', r, undefined);
  endpointInfo = (r: unknown) => this.record('endpointInfo', r, { 'heddle.epg': 'acme/shop/web' });
  join = (r: unknown): Promise<JoinReply> =>
    this.record('join', r, { srcName: 'hd1', dstPrefix: 'eth', gateway: '10.32.0.1' });
  leave = (r: unknown) => this.record('leave', r, undefined);
  defaultAddressSpaces = () => this.record('defaultAddressSpaces', {}, { local: 'here', global: 'everywhere' });
  requestPool = (r: unknown) => this.record('requestPool', r, { poolId: 'acme/10.32.0.0/16', pool: '10.32.0.0/16' });
  releasePool = (r: unknown) => this.record('releasePool', r, undefined);
  requestAddress = (r: unknown) => this.record('requestAddress', r, { address: '10.32.0.7/16' });
  releaseAddress = (r: unknown) => this.record('releaseAddress', r, undefined);
}

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

let dir: string;
let socketPath: string;
let driver: Driver;
let seen: PluginCall[];
const started: PluginServer[] = [];

async function serve(options: Partial<PluginServerOptions> = {}): Promise<PluginServer> {
  const server = new PluginServer({
    socketPath,
    services: [networkService(driver), ipamService(driver)],
    onCall: (call) => seen.push(call),
    ...options,
  });
  await server.start();
  started.push(server);
  return server;
}

function call(method: string, body?: unknown, { verb = 'POST', raw = false } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const text = raw ? (body as string | Buffer) : body === undefined ? '' : JSON.stringify(body);
    const req = request({ socketPath, path: `/${method}`, method: verb, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const reply = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(reply) as Record<string, unknown> });
      });
    });
    req.on('error', reject);
    req.end(text);
  });
}

/** Sends bytes as they are and gives everything that comes back until the server closes. */
function exchange(bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.end(bytes);
  });
}

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'hdp-'));
  socketPath = path.join(dir, 'plugins', 'heddle.sock');
  driver = new Driver();
  seen = [];
});

afterEach(async () => {
  for (const server of started.splice(0)) await server.stop(0);
  await rm(dir, { recursive: true, force: true });
});

describe('the network driver protocol', () => {
  beforeEach(async () => void (await serve()));

  it('activates', async () => {
    const implemented = { Implements: ['NetworkDriver', 'IpamDriver'] };
    await expect(call('Plugin.Activate')).resolves.toEqual({ status: 200, body: implemented });
    await expect(call('Plugin.Activate', null)).resolves.toEqual({ status: 200, body: implemented });
    await expect(call('NetworkDriver.GetCapabilities', null)).resolves.toEqual({
      status: 200,
      body: { Scope: 'local', ConnectivityScope: 'local' },
    });
  });

  it('creates and deletes networks', async () => {
    const created = await call('NetworkDriver.CreateNetwork', {
      NetworkID: NETWORK,
      Options: {
        'com.docker.network.enable_ipv6': false,
        'com.docker.network.internal': true,
        'com.docker.network.generic': { 'heddle.bd': 'acme/default' },
      },
      IPv4Data: [{ AddressSpace: 'here', Pool: '10.32.0.0/16', Gateway: '10.32.0.1/16', AuxAddresses: {} }],
      IPv6Data: null,
    });
    expect(created).toEqual({ status: 200, body: {} });
    expect(await call('NetworkDriver.DeleteNetwork', { NetworkID: NETWORK })).toEqual({ status: 200, body: {} });
    expect(driver.calls).toEqual([
      [
        'createNetwork',
        {
          networkId: NETWORK,
          driverOpts: { 'heddle.bd': 'acme/default' },
          internal: true,
          ipv4: [{ addressSpace: 'here', pool: '10.32.0.0/16', gateway: '10.32.0.1/16' }],
          ipv6: [],
        },
      ],
      ['deleteNetwork', { networkId: NETWORK }],
    ]);
  });

  it('creates an endpoint, returning only what was open', async () => {
    const body = {
      NetworkID: NETWORK,
      EndpointID: ENDPOINT,
      Interface: { Address: '10.32.0.7/16', AddressIPv6: '', MacAddress: '' },
      Options: {
        'com.docker.network.endpoint.exposedports': [{ Proto: 6, Port: 8080 }],
        'com.docker.network.portmap': [],
        'heddle.epg': 'acme/shop/web',
      },
    };
    expect((await call('NetworkDriver.CreateEndpoint', body)).body).toEqual({
      Interface: { MacAddress: '02:48:0a:20:00:07' },
    });
    expect(driver.calls).toEqual([
      [
        'createEndpoint',
        {
          networkId: NETWORK,
          endpointId: ENDPOINT,
          ipv4Address: '10.32.0.7/16',
          driverOpts: { 'heddle.epg': 'acme/shop/web' },
        },
      ],
    ]);
    const same = { ...body, Interface: { ...body.Interface, MacAddress: '02:48:0A:20:00:07' } };
    expect((await call('NetworkDriver.CreateEndpoint', same)).body).toEqual({});
    const other = { ...body, Interface: { ...body.Interface, MacAddress: '02:00:00:00:00:01' } };
    expect((await call('NetworkDriver.CreateEndpoint', other)).body).toEqual({
      Err: 'internal: the driver changed macAddress from 02:00:00:00:00:01 to 02:48:0a:20:00:07; it must keep what was given',
    });
  });

  it("always turns the engine's own gateway network off", async () => {
    const body = { NetworkID: NETWORK, EndpointID: ENDPOINT, SandboxKey: '/run/docker/netns/1a2b', Options: {} };
    expect((await call('NetworkDriver.Join', body)).body).toEqual({
      InterfaceName: { SrcName: 'hd1', DstPrefix: 'eth' },
      Gateway: '10.32.0.1',
      DisableGatewayService: true,
    });
    driver.join = () =>
      Promise.resolve({
        srcName: 'hd1',
        dstPrefix: 'eth',
        staticRoutes: [{ destination: '169.254.0.0/16' }, { destination: '0.0.0.0/0', nextHop: '10.32.0.1' }],
      });
    expect((await call('NetworkDriver.Join', body)).body).toEqual({
      InterfaceName: { SrcName: 'hd1', DstPrefix: 'eth' },
      StaticRoutes: [
        { Destination: '169.254.0.0/16', RouteType: 1 },
        { Destination: '0.0.0.0/0', RouteType: 0, NextHop: '10.32.0.1' },
      ],
      DisableGatewayService: true,
    });
    driver.join = () => Promise.resolve({ srcName: 'far/too/long/name', dstPrefix: 'eth', gateway: '10.32.0.1' });
    expect((await call('NetworkDriver.Join', body)).body['Err']).toContain('which is no interface name');
  });

  it('answers the rest of the calls', async () => {
    const ref = { NetworkID: NETWORK, EndpointID: ENDPOINT };
    expect((await call('NetworkDriver.EndpointOperInfo', ref)).body).toEqual({
      Value: { 'heddle.epg': 'acme/shop/web' },
    });
    for (const method of ['Leave', 'DeleteEndpoint', 'DiscoverNew', 'DiscoverDelete']) {
      expect(await call(`NetworkDriver.${method}`, ref)).toEqual({ status: 200, body: {} });
    }
  });

  it.each([
    'NetworkDriver.ProgramExternalConnectivity',
    'NetworkDriver.AllocateNetwork',
    'NetworkDriver.toString',
    'NetworkDriver.Join.x',
    'NetworkDriver',
    'VolumeDriver.List',
    'Plugin.activate',
    '',
  ])('answers 404 to %j', async (method) => {
    const { status, body } = await call(method, {});
    expect([status, typeof body['Err']]).toEqual([404, 'string']);
  });
});

describe('the IPAM driver protocol', () => {
  beforeEach(async () => void (await serve()));

  it('answers every call', async () => {
    const ok = async (method: string, body?: unknown): Promise<unknown> => {
      const reply = await call(`IpamDriver.${method}`, body);
      expect(reply.status).toBe(200);
      return reply.body;
    };
    expect(await ok('GetCapabilities')).toEqual({ RequiresMACAddress: false, RequiresRequestReplay: false });
    expect(await ok('GetDefaultAddressSpaces')).toEqual({
      LocalDefaultAddressSpace: 'here',
      GlobalDefaultAddressSpace: 'everywhere',
    });
    const pool = {
      AddressSpace: 'here',
      Pool: '10.32.0.0/16',
      SubPool: '10.32.4.0/24',
      Options: { a: 'b' },
      V6: false,
    };
    expect(await ok('RequestPool', pool)).toEqual({ PoolID: 'acme/10.32.0.0/16', Pool: '10.32.0.0/16', Data: {} });
    const gateway = { RequestAddressType: 'com.docker.network.gateway' };
    const PoolID = 'acme/10.32.0.0/16';
    expect(await ok('RequestAddress', { PoolID, Address: '10.32.0.1', Options: gateway })).toEqual({
      Address: '10.32.0.7/16',
      Data: {},
    });
    await ok('RequestAddress', { PoolID, Address: '', Options: null });
    expect(await ok('ReleaseAddress', { PoolID, Address: '10.32.0.7' })).toEqual({});
    expect(await ok('ReleasePool', { PoolID })).toEqual({});
    expect(driver.calls).toEqual([
      ['defaultAddressSpaces', {}],
      [
        'requestPool',
        { addressSpace: 'here', pool: '10.32.0.0/16', subPool: '10.32.4.0/24', options: { a: 'b' }, v6: false },
      ],
      ['requestAddress', { poolId: PoolID, address: '10.32.0.1', gateway: true, options: gateway }],
      ['requestAddress', { poolId: PoolID, gateway: false, options: {} }],
      ['releaseAddress', { poolId: PoolID, address: '10.32.0.7' }],
      ['releasePool', { poolId: PoolID }],
    ]);
  });

  it('refuses a part of a pool without the pool, under its own error key', async () => {
    const reply = await call('IpamDriver.RequestPool', { AddressSpace: 'here', Pool: '', SubPool: '10.32.4.0/24' });
    expect(reply).toEqual({
      status: 400,
      body: { Error: 'invalid: SubPool: found 10.32.4.0/24 without Pool; name the subnet that it is part of' },
    });
  });
});

describe('a plugin that never keeps the engine waiting', () => {
  it('answers a failing handler with its message, and one that throws no error at all', async () => {
    await serve();
    const ref = { NetworkID: NETWORK, EndpointID: ENDPOINT };
    driver.answers.leave = () => Promise.reject(new HeddleError('unavailable', 'EPG acme/shop/web is not\nknown yet'));
    driver.answers.deleteEndpoint = () => Promise.reject(Object.create(null));
    driver.answers.releasePool = () => Promise.reject(new HeddleError('invalid', 'x'.repeat(10_000)));
    expect(await call('NetworkDriver.Leave', ref)).toEqual({
      status: 200,
      body: { Err: 'unavailable: EPG acme/shop/web is not known yet' },
    });
    expect((await call('NetworkDriver.DeleteEndpoint', ref)).body).toEqual({ Err: 'internal: a thrown object' });
    expect(String((await call('IpamDriver.ReleasePool', { PoolID: 'p' })).body['Error'])).toHaveLength(4096);
    expect(seen.map((c) => [c.method, c.error?.code])).toEqual([
      ['NetworkDriver.Leave', 'unavailable'],
      ['NetworkDriver.DeleteEndpoint', 'internal'],
      ['IpamDriver.ReleasePool', 'invalid'],
    ]);
  });

  it('answers a handler that hangs, within the deadline of its method, and tells it', async () => {
    let aborted = false;
    driver.join = ((_request: unknown, signal: AbortSignal) =>
      new Promise(() => signal.addEventListener('abort', () => (aborted = true)))) as unknown as Driver['join'];
    driver.answers.leave = () => new Promise(() => undefined);
    await serve({ deadlineMs: 40, deadlines: { 'NetworkDriver.Join': 20 } });
    const body = { NetworkID: NETWORK, EndpointID: ENDPOINT, SandboxKey: '/run/x' };
    const [join, leave] = await Promise.all([call('NetworkDriver.Join', body), call('NetworkDriver.Leave', body)]);
    expect(join.body['Err']).toMatch(/^deadline: NetworkDriver.Join did not finish within 20 ms; try again/);
    expect(leave.body['Err']).toMatch(/^deadline: NetworkDriver.Leave did not finish within 40 ms/);
    expect(aborted).toBe(true);
  });

  it('answers a reply that cannot be written', async () => {
    await serve();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    driver.answers.endpointInfo = () => Promise.resolve(cyclic as never);
    const { body } = await call('NetworkDriver.EndpointOperInfo', { NetworkID: NETWORK, EndpointID: ENDPOINT });
    expect(body['Err']).toContain('internal: Converting circular structure');
  });

  it('survives an observer that throws', async () => {
    const faults: Error[] = [];
    await serve({
      onCall: () => {
        throw new Error('no disk');
      },
      onFault: (fault) => faults.push(fault),
    });
    expect((await call('Plugin.Activate')).status).toBe(200);
    expect((await call('Plugin.Activate')).status).toBe(200);
    expect(faults.map((f) => f.message)).toEqual(['no disk', 'no disk']);
  });
});

describe('requests from somebody else than the engine', () => {
  it.each([
    ['no JSON', '{', 400],
    ['a list', '[]', 400],
    ['a number', '7', 400],
    ['an id with a slash', JSON.stringify({ NetworkID: '../etc', EndpointID: ENDPOINT }), 400],
    ['an id that is an object', JSON.stringify({ NetworkID: {}, EndpointID: ENDPOINT }), 400],
    ['no id', '{}', 400],
    ['an id of 200 characters', JSON.stringify({ NetworkID: 'a'.repeat(200), EndpointID: ENDPOINT }), 400],
  ])('refuses %s', async (_name, body, status) => {
    await serve();
    const reply = await call('NetworkDriver.Leave', body, { raw: true });
    expect([reply.status, typeof reply.body['Err']]).toEqual([status, 'string']);
    expect(driver.calls).toEqual([]);
  });

  it.each([
    ['an address without prefix', { Address: '10.32.0.7' }],
    ['a prefix beyond 32', { Address: '10.32.0.7/33' }],
    ['a MAC address that is none', { MacAddress: '02:48' }],
    ['an interface that is a list', [] as unknown],
  ])('refuses %s', async (_name, Interface) => {
    await serve();
    const body = { NetworkID: NETWORK, EndpointID: ENDPOINT, Interface, Options: {} };
    expect((await call('NetworkDriver.CreateEndpoint', body)).status).toBe(400);
    expect(driver.calls).toEqual([]);
  });

  it('refuses other verbs', async () => {
    await serve();
    expect((await call('Plugin.Activate', undefined, { verb: 'GET' })).status).toBe(405);
    expect(await exchange('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).toContain('405');
  });

  it('refuses a body beyond the limit, announced or not, and goes on', async () => {
    await serve({ maxBodyBytes: 1000 });
    const large = JSON.stringify({ NetworkID: 'a'.repeat(100_000) });
    const announced = `POST /NetworkDriver.Leave HTTP/1.1\r\nHost: x\r\nContent-Length: ${large.length}\r\n\r\n`;
    expect(await exchange(announced + large)).toMatch(
      /^HTTP\/1\.1 413 .*"Err":"invalid: the body is larger than 1000/s,
    );
    const head = 'POST /NetworkDriver.Leave HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunked = `${head}${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expect(await exchange(chunked)).toMatch(/^HTTP\/1\.1 413 /);
    expect((await call('Plugin.Activate')).status).toBe(200);
  });

  it('answers bytes that are no HTTP', async () => {
    await serve();
    expect(await exchange('hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(Buffer.alloc(100_000, 65))).toMatch(/^HTTP\/1\.1 4/);
    expect((await call('Plugin.Activate')).status).toBe(200);
  });

  it('never crashes and always answers with JSON, whatever the body and the method', async () => {
    await serve();
    const keys = [
      'NetworkID',
      'EndpointID',
      'Interface',
      'Options',
      'IPv4Data',
      'SandboxKey',
      'PoolID',
      'Address',
      'Pool',
    ];
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(NETWORK, '10.32.0.7/16', '10.32.0.7', '', '__proto__', '/run/x', [{ Pool: '10.0.0.0/8' }]),
    );
    const body = fc.oneof(
      fc.dictionary(fc.constantFrom(...keys), value).map((v) => JSON.stringify(v)),
      fc.json(),
      fc.string({ unit: 'binary' }),
    );
    const method = fc.oneof(
      fc.constantFrom(
        'Plugin.Activate',
        ...['GetCapabilities', 'CreateNetwork', 'CreateEndpoint', 'Join', 'Leave'].map((m) => `NetworkDriver.${m}`),
        ...['RequestPool', 'RequestAddress', 'ReleaseAddress', 'ReleasePool'].map((m) => `IpamDriver.${m}`),
      ),
      fc.webPath().map((p) => p.slice(1)),
    );
    await fc.assert(
      fc.asyncProperty(method, body, async (name, text) => {
        const reply = await call(name, text, { raw: true });
        expect([200, 400, 404]).toContain(reply.status);
        if (reply.status !== 200) {
          expect(typeof reply.body[name.startsWith('IpamDriver.') ? 'Error' : 'Err']).toBe('string');
        }
      }),
    );
  });

  it('never crashes and always answers, whatever bytes arrive', async () => {
    await serve();
    const head = fc.constantFrom(
      '',
      'POST /NetworkDriver.Join HTTP/1.1\r\nHost: x\r\n',
      'POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\n',
    );
    await fc.assert(
      fc.asyncProperty(head, fc.uint8Array({ minLength: 1, maxLength: 300 }), async (start, bytes) => {
        await exchange(Buffer.concat([Buffer.from(start), bytes]));
        expect((await call('Plugin.Activate')).status).toBe(200);
      }),
    );
  });
});

describe('the socket', () => {
  const listenAt = (server: Server, at: string): Promise<void> => new Promise((resolve) => server.listen(at, resolve));

  it('appears with mode 0600 in a directory that is made, and goes with the server', async () => {
    const server = await serve();
    const stat = await lstat(socketPath);
    expect([stat.isSocket(), stat.mode & 0o777]).toEqual([true, 0o600]);
    await server.stop();
    await expect(lstat(socketPath)).rejects.toThrow('ENOENT');
  });

  it('replaces a socket on which nobody answers', async () => {
    await serve();
    // A second name of the socket of a server that is gone is what a killed server leaves.
    const dead = createServer();
    const deadPath = path.join(dir, 'plugins', 'dead.sock');
    await listenAt(dead, path.join(dir, 'plugins', 'bound'));
    await link(path.join(dir, 'plugins', 'bound'), deadPath);
    await new Promise((resolve) => dead.close(resolve));
    expect((await lstat(deadPath)).isSocket()).toBe(true);
    await serve({ socketPath: deadPath });
    socketPath = deadPath;
    expect((await call('Plugin.Activate')).status).toBe(200);
  });

  it('leaves a socket alone on which somebody answers', async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('answers on') });
    expect((await call('Plugin.Activate')).status).toBe(200);
  });

  it('leaves what is no socket alone', async () => {
    socketPath = path.join(dir, 'file');
    await writeFile(socketPath, 'precious');
    await expect(serve()).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('is no socket') });
    socketPath = path.join(dir, 'link');
    await symlink('file', socketPath);
    await expect(serve()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('does not take the socket of its successor away', async () => {
    const first = await serve();
    await rm(socketPath);
    await serve();
    await first.stop();
    expect((await call('Plugin.Activate')).status).toBe(200);
  });

  it('says which path is too long', async () => {
    socketPath = `/${'a'.repeat(103)}.sock`;
    await expect(serve()).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('has 109 bytes; allowed are 107'),
    });
    socketPath = 'relative.sock';
    await expect(serve()).rejects.toMatchObject({ code: 'invalid' });
  });

  it('stops also while a handler hangs', async () => {
    const server = await serve();
    driver.answers.leave = () => new Promise(() => undefined);
    const hanging = call('NetworkDriver.Leave', { NetworkID: NETWORK, EndpointID: ENDPOINT });
    while (driver.calls.length === 0) await new Promise(setImmediate);
    await server.stop(10);
    expect((await hanging).body).toEqual({ Err: 'unavailable: the plugin is stopping; try again when it is back' });
  });
});
