import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { subjects } from '../subjects';
import { hasNatsServer, TestServer } from '../testing/test-server';
import { connectBus, type ConnectOptions, type NatsBus } from './connect-bus';
import { NatsServer, type NatsServerOptions, type ServerExit } from './nats-server';
import { createUser } from './nkey';

const describeNats = hasNatsServer ? describe : describe.skip;

describe('a missing nats-server', () => {
  it('is told, with how to install it', async () => {
    await expect(NatsServer.start({ storeDir: '/nonexistent', binary: 'no-such-nats-server' })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/no-such-nats-server.*apt-get install nats-server/s),
    });
  });
});

describeNats('NatsServer', () => {
  let folder: string;
  let servers: NatsServer[];
  let buses: NatsBus[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'heddle-nats-'));
    servers = [];
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true });
  });
  const start = async (options: Partial<NatsServerOptions> = {}): Promise<NatsServer> => {
    const server = await NatsServer.start({ storeDir: folder, ...options });
    servers.push(server);
    return server;
  };
  const connect = async (server: NatsServer, options: Partial<ConnectOptions> = {}): Promise<NatsBus> => {
    const bus = await connectBus({ servers: server.url, name: 'test', ...options });
    buses.push(bus);
    return bus;
  };

  it('starts on a free port of the loopback, keeps it over restarts, and stops', async () => {
    const server = await start();
    const { port, pid } = server;
    expect(server.url).toBe(`nats://127.0.0.1:${port}`);
    expect((await stat(path.join(folder, 'nats-server.conf'))).mode & 0o777).toBe(0o600);
    await server.kill();
    expect(server.running).toBe(false);
    await server.start();
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    await connect(server);
    await server.stop();
    expect(server.running).toBe(false);
  });

  it('is the child itself, not a wrapper around it', async () => {
    const server = await start();
    expect(await readFile(`/proc/${server.pid}/comm`, 'utf8')).toBe('nats-server\n');
  });

  it('refuses a store that another server writes', async () => {
    const first = await start();
    await expect(start({ deadlineMs: 500 })).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining(folder),
    });
    await first.stop();
    await start();
  });

  it('tells why it ended at once', async () => {
    const first = await start({ storeDir: path.join(folder, 'a') });
    const second = start({ storeDir: path.join(folder, 'b'), port: first.port });
    await expect(second).rejects.toMatchObject({
      code: 'internal',
      message: expect.stringMatching(/address already in use/),
    });
  });

  it('comes back by itself when it was told to, and tells each end', async () => {
    const exits: ServerExit[] = [];
    const server = await start({ restart: true });
    server.onExit((exit) => exits.push(exit));
    const { pid } = server;
    const bus = await connect(server);
    process.kill(pid as number, 'SIGKILL');
    await waitFor(() => server.running && server.pid !== pid, { deadlineMs: 5_000, what: 'the server to come back' });
    await bus.flush(5_000);
    await server.stop();
    expect(exits.map(({ signal, wanted }) => ({ signal, wanted }))).toEqual([
      { signal: 'SIGKILL', wanted: false },
      { signal: null, wanted: true },
    ]);
  });

  it('takes new users without cutting off those who stay, and cuts off those who go', async () => {
    const [admin, anna, ben] = [createUser(), createUser(), createUser()];
    const entry = (user: typeof admin) => ({ publicKey: user.publicKey, role: 'server' as const });
    const server = await start({ users: [entry(admin), entry(anna)] });
    const as = (user: typeof admin) => connect(server, { seed: user.seed });
    const [busOfAdmin, busOfAnna] = [await as(admin), await as(anna)];
    await expect(as(ben)).rejects.toMatchObject({ code: 'unauthenticated' });

    await server.setUsers([entry(admin), entry(ben)]);
    await as(ben);
    await waitFor(() => busOfAnna.status().state === 'disconnected', { deadlineMs: 5_000, what: 'the end of a user' });
    expect(busOfAdmin.status()).toMatchObject({ state: 'connected', reconnects: 0 });
    // JetStream goes on as well.
    const stream = await busOfAdmin.store.stream({ name: 'X', description: '', subjects: ['x.>'] });
    expect(await stream.append({ subject: 'x.y', data: Buffer.from('1') }, {}, 1_000)).toBe(1);
  });

  it('keeps its configuration when the new one is refused', async () => {
    const server = await start({ users: [] });
    await expect(server.setUsers([{ publicKey: 'nonsense', role: 'server' }])).rejects.toMatchObject({
      code: 'invalid',
    });
    await server.reload();
  });
});

describeNats('the users of hosts', () => {
  let lab: TestServer;
  const [control, userA, userB] = [createUser(), createUser(), createUser()];
  beforeAll(async () => {
    lab = await TestServer.start({
      users: [
        { publicKey: control.publicKey, role: 'server' },
        { publicKey: userA.publicKey, role: { host: 'a' } },
        { publicKey: userB.publicKey, role: { host: 'b' } },
      ],
    });
  });
  afterAll(() => lab.dispose());

  let bus: NatsBus;
  let a: NatsBus;
  beforeAll(async () => {
    bus = await lab.connect({ name: 'control', seed: control.seed });
    a = await lab.connect({ name: 'agent', host: 'a', seed: userA.seed });
  });

  it('call services under their own name, and are called', async () => {
    bus.serve(subjects.fromAnyHost('inventory', 'report'), { queue: 'inventory' }, ({ host }) => `hello ${host}`);
    a.serve(subjects.agent('a', 'probe'), {}, () => 'probed');
    a.serveStream(subjects.agent('a', 'logs'), {}, async function* () {
      for (let i = 0; i < 200; i++) yield i;
    });
    await Promise.all([bus.flush(1_000), a.flush(1_000)]);
    expect(await a.call('inventory', 'report', {}, { deadlineMs: 1_000 })).toBe('hello a');
    expect(await bus.request(subjects.agent('a', 'probe'), {}, { deadlineMs: 1_000 })).toBe('probed');
    let count = 0;
    for await (const line of bus.requestStream(subjects.agent('a', 'logs'), {}, { deadlineMs: 1_000 })) {
      expect(line).toBe(count++);
    }
    expect(count).toBe(200);
  });

  it('read their topics', async () => {
    const topics = ['policy', 'allocations.a'].map((topic) => a.messages(subjects.dist(topic)));
    await a.flush(1_000);
    bus.publish(subjects.dist('policy'), 1);
    bus.publish(subjects.dist('allocations.a'), 2);
    expect((await topics[0]!.next()).value?.body).toBe(1);
    expect((await topics[1]!.next()).value?.body).toBe(2);
  });

  const others: [string, string][] = [
    ['another host’s requests', subjects.agent('b', 'probe')],
    ['another host’s replies', `${subjects.inboxPrefix('b')}.>`],
    ['everybody’s replies', '_INBOX.>'],
    ['all topics', 'heddle.dist.>'],
    ['topics that are not for hosts', subjects.dist('hosts')],
    ['another host’s topics', subjects.dist('allocations.b')],
    ['the topics of all hosts', 'heddle.dist.allocations.*'],
    ['requests to services', 'heddle.rpc.>'],
    ['the requests of hosts', 'heddle.from.>'],
    ['events', subjects.allEvents],
    ['the change log', subjects.allRecords('CHANGES')],
    ['buckets', subjects.allKeys('policy')],
    ['everything', '>'],
  ];
  it.each(others)('do not read %s', async (_, subject) => {
    await expect(a.messages(subject).next()).rejects.toMatchObject({ code: 'forbidden' });
  });

  const calls: [string, string][] = [
    ['the methods of services', subjects.rpc('gateway', 'admit')],
    ['services as another host', subjects.from('b', 'inventory', 'report')],
    ['another agent', subjects.agent('b', 'probe')],
    ['JetStream', '$JS.API.INFO'],
    ['JetStream’s streams', '$JS.API.STREAM.MSG.GET.CHANGES'],
    ['the server', '$SYS.REQ.SERVER.PING'],
  ];
  it.each(calls)('do not call %s', async (_, subject) => {
    const error = await a.request(subject, {}, { deadlineMs: 3_000 }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'forbidden' } satisfies Partial<HeddleError>);
  });

  it('do not publish events, deltas or records', async () => {
    const forbidden = [subjects.event({ kind: 'k', tenant: 't', name: 'n', what: 'w' }), subjects.dist('policy')];
    forbidden.push(subjects.dist('allocations.a'), subjects.key('policy', 'k'), subjects.epochRecord('CHANGES'));
    const seen: string[] = [];
    for (const subject of forbidden) bus.subscribe(subject, {}, (message) => void seen.push(message.subject));
    const refused: string[] = [];
    a.onProblem(({ kind, error }) => refused.push(`${kind} ${error.code}`));
    await bus.flush(1_000);
    for (const subject of forbidden) a.publish(subject, {});
    await waitFor(() => refused.length === forbidden.length, { deadlineMs: 2_000, what: 'the refusals' });
    await bus.flush(1_000);
    expect(new Set(refused)).toEqual(new Set(['refused forbidden']));
    expect(seen).toEqual([]);
  });
});
