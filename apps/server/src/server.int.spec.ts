import { cp, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '@heddle/host';
import { connectBus, findProgram } from '@heddle/messaging';
import { ServerProcess } from './testing/server-process';
import { TestApi, type Answer } from './testing/test-api';

jest.setTimeout(120_000);
const describeNats = findProgram('nats-server') === undefined ? describe.skip : describe;

/** A tenant with an application in it: every kind of object that is made of one file. */
const file = (tenant: string): object[] => [
  { kind: 'Tenant', metadata: { name: tenant } },
  {
    kind: 'App',
    metadata: { tenant, name: 'shop' },
    spec: {
      services: {
        web: { image: 'heddle/demo', ports: { http: 8080 } },
        api: { image: 'heddle/demo', ports: { http: 8080 } },
      },
      connect: [{ from: 'web', to: 'api', port: 'http' }],
    },
  },
];
/** What one file becomes: plural and number of objects. */
const WHOLE = { tenants: 1, vrfs: 1, bridgedomains: 1, filters: 1, contracts: 1, apps: 1, epgs: 2, services: 2 };

interface Attempt {
  readonly tenant: string;
  readonly answer: Answer;
}

/** Applies one file after the other until the loop is stopped, and remembers what was answered. */
class Applying {
  readonly attempts: Attempt[] = [];
  private stopped = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly api: TestApi,
    private readonly prefix: string,
  ) {
    this.running = this.run();
  }

  async stop(): Promise<Attempt[]> {
    this.stopped = true;
    await this.running;
    return this.attempts;
  }

  private async run(): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const tenant = `${this.prefix}${i}`;
      const answer = await this.api.post('/api/v1/apply', file(tenant), { 'idempotency-key': tenant });
      this.attempts.push({ tenant, answer });
      if (answer.status === 0) return;
    }
  }
}

/** How many objects of a file there are, for each tenant: by kind, all of them or none. */
async function expectWhole(api: TestApi, attempts: readonly Attempt[]): Promise<void> {
  const present = new Map<string, Record<string, number>>();
  for (const plural of Object.keys(WHOLE)) {
    for (const { metadata } of await api.list(plural)) {
      const tenant = metadata.tenant ?? metadata.name;
      const counts = present.get(tenant) ?? {};
      present.set(tenant, { ...counts, [plural]: (counts[plural] ?? 0) + 1 });
    }
  }
  for (const { tenant, answer } of attempts) {
    const found = present.get(tenant) ?? {};
    if (answer.status === 200) expect({ tenant, found }).toEqual({ tenant, found: WHOLE });
    else expect([{}, WHOLE]).toContainEqual(found);
  }
}

describeNats('heddle server', () => {
  let folder: string;
  let natsPort: number;
  let server: ServerProcess;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'heddle-server-'));
    natsPort = await freePort();
    server = await ServerProcess.start(folder, natsPort);
    await server.api.whenReady();
  });
  afterEach(async () => {
    await server.end('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  const restart = async (...args: string[]): Promise<void> => {
    server = await ServerProcess.start(folder, natsPort, args);
  };
  /** The embedded nats-server: the only child of the server. */
  const natsPid = async (): Promise<number> =>
    Number(
      (await readFile(`/proc/${server.child.pid}/task/${server.child.pid}/children`, 'utf8')).trim().split(' ')[0],
    );

  it('says where it is, keeps its secrets to itself, and stops in order', async () => {
    expect(server.stdout).toContain(
      `Heddle API at ${server.api.url}/api/v1, its description at ${server.api.url}/api/docs`,
    );
    const state = path.join(folder, 'state');
    for (const secret of ['admin-token', 'nats-users.json', 'nats/nats-server.conf']) {
      expect((await stat(path.join(state, secret))).mode & 0o077).toBe(0);
    }
    const { body } = await server.api.get('/api/v1/status');
    expect(body).toMatchObject({ store: { state: 'ok' }, services: { policy: { rules: 0 }, inventory: { hosts: 0 } } });
    expect((await server.api.get('/metrics')).status).toBe(0); // It is no JSON, but it is there.
    expect(await server.end('SIGTERM')).toBe(0);
    await expect(stat(path.join(folder, 'run', 'api.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(connectBus({ servers: `127.0.0.1:${natsPort}`, name: 'x', connectMs: 500 })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('lets nobody without credentials on the bus, and a host on its own subjects only', async () => {
    const servers = `127.0.0.1:${natsPort}`;
    await expect(connectBus({ servers, name: 'nobody', connectMs: 1_000 })).rejects.toMatchObject({
      code: 'unauthenticated',
    });
    const { body } = await server.api.post('/api/v1/hosts/h1/credentials');
    expect(body).toMatchObject({
      host: 'h1',
      servers: [`nats://127.0.0.1:${natsPort}`],
      seed: expect.stringMatching(/^SU/),
    });
    const agent = await connectBus({ servers, name: 'agent', host: 'h1', seed: body['seed'] as string });
    try {
      const beat = {
        agentEpoch: 'a',
        policyPosition: 0,
        workloadPosition: 0,
        highestClassId: 0,
        problems: [],
        usage: { containers: 0, endpoints: 0, flows: 0 },
      };
      await expect(
        agent.call('inventory', 'heartbeat', { host: 'h1', ...beat }, { deadlineMs: 3_000 }),
      ).resolves.toEqual({ known: false });
      await expect(
        agent.call('inventory', 'heartbeat', { host: 'h2', ...beat }, { deadlineMs: 3_000 }),
      ).rejects.toMatchObject({ code: 'forbidden' });
      await expect(agent.request('heddle.rpc.policy.status', {}, { deadlineMs: 1_000 })).rejects.toMatchObject({
        retryable: expect.any(Boolean),
      });
    } finally {
      await agent.close();
    }
    // New credentials for the same host shut out the old ones.
    await server.api.post('/api/v1/hosts/h1/credentials');
    await expect(
      connectBus({ servers, name: 'agent', host: 'h1', seed: body['seed'] as string, connectMs: 1_000 }),
    ).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  it('survives its NATS server, which is killed in the middle of changes', async () => {
    const applying = new Applying(server.api, 'a');
    for (let i = 0; i < 3; i++) {
      const before = applying.attempts.length;
      while (applying.attempts.length < before + 3) await new Promise((resolve) => setTimeout(resolve, 5));
      process.kill(await natsPid(), 'SIGKILL');
      await server.api.whenReady();
    }
    const attempts = await applying.stop();
    await server.api.whenReady();
    expect(attempts.filter((a) => a.answer.status === 200).length).toBeGreaterThan(5);
    await expectWhole(server.api, attempts);
    expect(server.child.exitCode).toBeNull();
  });

  it('has acknowledged changes whole after it was killed, and others whole or not at all', async () => {
    const all: Attempt[] = [];
    for (const prefix of ['a', 'b']) {
      const applying = new Applying(server.api, prefix);
      while (applying.attempts.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
      await server.end('SIGKILL');
      all.push(...(await applying.stop()));
      await restart();
      await server.api.whenReady();
    }
    expect(all.filter((a) => a.answer.status === 200).length).toBeGreaterThan(7);
    await expectWhole(server.api, all);
    // What was not acknowledged is asked for again under its key, and is there once.
    for (const { tenant, answer } of all.filter((a) => a.answer.status !== 200)) {
      expect((await server.api.post('/api/v1/apply', file(tenant), { 'idempotency-key': tenant })).status).toBe(200);
      await expectWhole(server.api, [{ tenant, answer: { ...answer, status: 200 } }]);
    }
  });

  it('refuses a store that came back empty or older, and says what to do', async () => {
    const jetstream = path.join(folder, 'state', 'nats', 'jetstream');
    await server.api.post('/api/v1/apply', file('acme'));
    await server.end('SIGTERM');
    await rm(jetstream, { recursive: true });
    await restart();
    const { body } = await server.api.get('/api/v1/status');
    expect(body['store']).toMatchObject({ state: 'empty', explain: expect.stringContaining('the store is empty') });
    expect((await server.api.get('/readyz')).status).toBe(503);
    const refused = await server.api.post('/api/v1/apply', file('other'));
    expect(refused).toMatchObject({ status: 409, body: { code: 'state' } });
    expect((await server.api.post('/api/v1/store/accept')).body).toMatchObject({ incarnation: 2 });
    await server.api.whenReady();
    expect((await server.api.post('/api/v1/apply', file('other'))).status).toBe(200);

    await server.end('SIGTERM');
    await cp(jetstream, `${jetstream}.copy`, { recursive: true });
    await restart();
    await server.api.whenReady();
    await server.api.post('/api/v1/apply', file('third'));
    await server.end('SIGTERM');
    await rm(jetstream, { recursive: true });
    await rename(`${jetstream}.copy`, jetstream);
    await restart();
    expect((await server.api.get('/api/v1/status')).body['store']).toMatchObject({ state: 'older' });
    expect((await server.api.post('/api/v1/apply', file('fourth'))).status).toBe(409);
  });

  it('offers the API on a Unix socket as well', async () => {
    await server.end('SIGTERM');
    const socket = path.join(folder, 'api.sock');
    await restart('--api-socket', socket);
    expect((await stat(socket)).mode & 0o077).toBe(0);
    const status = await new Promise((resolve, reject) =>
      request({ socketPath: socket, path: '/healthz' }, (response) => resolve(response.resume().statusCode))
        .once('error', reject)
        .end(),
    );
    expect(status).toBe(200);
    // Killed, it leaves the socket behind; the next one takes it over.
    await server.end('SIGKILL');
    await restart('--api-socket', socket);
  });
});
