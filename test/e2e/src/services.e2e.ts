import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import { findProgram, NatsServer } from '@heddle/messaging';
import { Api } from './api';
import { Program } from './program';

const SHOP = (replicas: number): string => `
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: ${replicas}, ports: { http: 8080 } }
    api: { image: heddle/demo, replicas: 2, ports: { http: 8080 } }
  connect:
    - { from: web, to: api, port: http }
`;

const SERVICES = ['policy', 'inventory', 'scheduler'] as const;

const describeNats = findProgram('nats-server') === undefined ? describe.skip : describe;

describeNats('the services of the control plane, each in a process of its own', () => {
  let folder: string;
  let nats: NatsServer;
  const programs = new Map<string, Program>();

  const start = (app: string, name = app): Program => {
    const own = app === 'gateway' ? ['--state-dir', path.join(folder, name), '--api-port', '0'] : ['--ops-port', '0'];
    const program = new Program(app, ['--nats-url', nats.url, ...own]);
    programs.set(name, program);
    return program;
  };
  const of = (name: string): Program => programs.get(name) as Program;
  const apiOf = async (name: string): Promise<Api> => {
    const { origin } = await of(name).address('api');
    const token = (await readFile(path.join(folder, name, 'admin-token'), 'utf8')).trim();
    return new Api(origin, token);
  };
  const whenReady = async (url: URL): Promise<void> => {
    let seen = '';
    await waitFor(
      async () => {
        const answer = await fetch(new URL('/readyz', url));
        seen = await answer.text();
        return answer.status === 200;
      },
      { deadlineMs: 20_000, intervalMs: 50, what: () => `${url.href} to be ready; it says ${seen}` },
    );
  };
  const replicas = async (api: Api): Promise<number | undefined> =>
    (await api.list<'Service'>('services')).find((s) => s.metadata.name === 'web')?.spec.replicas;
  /** Changes are refused as unavailable while somebody who is asked for them is away, and taken once all are back. */
  const whenApplied = (api: Api, file: string): Promise<boolean> =>
    waitFor(
      async () => {
        const { status, body } = await api.call('POST', '/api/v1/apply', file);
        if (status !== 200 && status !== 503 && status !== 504) throw new Error(`${status} ${JSON.stringify(body)}`);
        return status === 200;
      },
      { deadlineMs: 20_000, intervalMs: 100, what: 'the change to be taken' },
    );

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'heddle-services-'));
    nats = await NatsServer.start({ storeDir: path.join(folder, 'nats') });
    for (const app of ['gateway', ...SERVICES]) start(app);
  }, 30_000);
  afterAll(async () => {
    await Promise.all([...programs.values()].map((program) => program.exit ?? program.end()));
    await nats?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('come up in any order, say how they are, and take a change together', async () => {
    const api = await apiOf('gateway');
    for (const name of SERVICES) {
      const ops = await of(name).address('ops');
      await whenReady(ops);
      expect((await fetch(new URL('/healthz', ops))).status).toBe(200);
      expect(await (await fetch(new URL('/metrics', ops))).text()).toContain('process_resident_memory_bytes');
    }
    await whenReady(new URL(api.url));
    await api.apply(SHOP(3));
    expect((await api.list<'Epg'>('epgs')).map((epg) => epg.metadata.name).sort()).toEqual(['api', 'web']);
    expect(await replicas(api)).toBe(3);
    // Allocations are the scheduler's own; there is no host that could have any.
    let allocations: unknown;
    await waitFor(
      async () => {
        const { status, body } = await api.call<{ items?: unknown[] }>('GET', '/api/v1/allocations');
        allocations = body.items;
        return status === 200;
      },
      { deadlineMs: 10_000, intervalMs: 50, what: 'the scheduler to answer' },
    );
    expect(allocations).toEqual([]);
    // Its users are somebody else's to make.
    expect(await api.call('POST', '/api/v1/hosts/h1/credentials')).toMatchObject({
      status: 409,
      body: { code: 'refused', message: expect.stringContaining('not run by Heddle') },
    });
  });

  it.each(SERVICES)('%s is killed: a change is refused whole, and taken when it is back', async (name) => {
    const api = await apiOf('gateway');
    const before = await replicas(api);
    const wanted = (before ?? 0) + 1;
    await of(name).end('SIGKILL');
    const refused = await api.call<{ error?: { code?: string } }>('POST', '/api/v1/apply', SHOP(wanted));
    expect([503, 504]).toContain(refused.status);
    expect(await replicas(api)).toBe(before);
    start(name);
    await whenApplied(api, SHOP(wanted));
    expect(await replicas(api)).toBe(wanted);
  });

  it('a second gateway takes over the changes of one that is killed, with everything in place', async () => {
    start('gateway', 'second');
    const api = await apiOf('second');
    const before = await replicas(api);
    await of('gateway').end('SIGKILL');
    await whenApplied(api, SHOP((before ?? 0) + 1));
    expect(await replicas(api)).toBe((before ?? 0) + 1);
  });

  it('end in order when they are told to', async () => {
    for (const name of ['second', ...SERVICES]) {
      expect(await of(name).end('SIGTERM')).toEqual({ code: 0, signal: null });
    }
  });
});
