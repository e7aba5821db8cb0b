import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, waitFor } from '@heddle/host';
import { findProgram, NatsServer } from '@heddle/messaging';
import { TestApi } from './testing/test-api';

jest.setTimeout(120_000);
const describeNats = findProgram('nats-server') === undefined ? describe.skip : describe;
const APPS = path.resolve(__dirname, '../..');

describeNats('services in processes of their own', () => {
  let folder: string;
  let nats: NatsServer;
  let api: TestApi;
  const children: ChildProcess[] = [];

  const start = (name: string, ...args: string[]): void => {
    const main = path.join(APPS, name, 'src/main.ts');
    const argv = [
      '-r',
      path.join(__dirname, 'testing/from-source.js'),
      main,
      '--nats-url',
      nats.url,
      '--log-level',
      'warn',
    ];
    children.push(spawn(process.execPath, [...argv, ...args], { stdio: ['ignore', 'inherit', 'inherit'] }));
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'heddle-apart-'));
    nats = await NatsServer.start({ storeDir: path.join(folder, 'nats') });
    const port = await freePort();
    start('gateway', '--state-dir', path.join(folder, 'state'), '--api-port', String(port));
    for (const name of ['policy', 'inventory', 'scheduler']) start(name, '--ops-port', '0');
    const file = path.join(folder, 'state/admin-token');
    const token = await waitFor(() => readFile(file, 'utf8').catch(() => ''), {
      deadlineMs: 30_000,
      what: 'the token',
    });
    api = new TestApi(`http://127.0.0.1:${port}`, token.trim());
    await api.whenReady();
  });
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await nats.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  it('work together over a NATS server that runs already, and each stops in order', async () => {
    const tenant = { kind: 'Tenant', metadata: { name: 'acme' } };
    // The owners may still be starting; until they answer, changes are refused and may be repeated.
    const applied = await waitFor(
      async () => {
        const answer = await api.post('/api/v1/apply', tenant);
        if (answer.status !== 503) return answer;
        expect(answer.body).toMatchObject({ code: 'unavailable', retryable: true });
        return undefined;
      },
      { deadlineMs: 30_000, what: 'the owners to answer' },
    );
    expect(applied).toMatchObject({
      status: 200,
      body: { changed: expect.arrayContaining([{ key: 'Vrf/acme/default', action: 'created' }]) },
    });
    const refused = await api.post('/api/v1/hosts/h1/credentials');
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'refused', message: expect.stringContaining('not run by Heddle') },
    });
    for (const child of children) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    }
  });
});
