import { waitFor } from '@heddle/host';
import { subjects } from '../subjects';
import { hasNatsServer, TestServer } from '../testing/test-server';
import { connectBus } from '../nats/connect-bus';

const describeNats = hasNatsServer ? describe : describe.skip;

describeNats('the bus over NATS', () => {
  let lab: TestServer;
  beforeAll(async () => {
    lab = await TestServer.start();
  });
  afterAll(() => lab.dispose());

  const SUBJECT = subjects.rpc('policy', 'status');

  it('fails a request at once when nobody serves its subject', async () => {
    const bus = await lab.connect();
    const started = Date.now();
    await expect(bus.request(subjects.rpc('no', 'body'), {}, { deadlineMs: 20_000 })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('survives any number of restarts, with its subscriptions', async () => {
    const [client, server] = [await lab.connect({ name: 'client' }), await lab.connect({ name: 'server' })];
    server.serve(SUBJECT, { queue: 'policy' }, ({ body }) => body);
    const events: unknown[] = [];
    server.subscribe('heddle.dist.test', {}, ({ body }) => void events.push(body));
    const states: string[] = [];
    client.onStatus(({ state }) => states.push(state));
    for (let round = 1; round <= 4; round++) {
      await lab.crash(async () => {
        await waitFor(() => client.status().state === 'disconnected', {
          deadlineMs: 5_000,
          what: 'the loss to be noticed',
        });
        await expect(client.request(SUBJECT, round, { deadlineMs: 50 })).rejects.toMatchObject({ code: 'unavailable' });
      });
      await server.flush(5_000);
      expect(await client.request(SUBJECT, round, { deadlineMs: 5_000 })).toBe(round);
      client.publish('heddle.dist.test', round);
      await waitFor(() => events.at(-1) === round, { deadlineMs: 2_000, what: `event ${round}` });
      expect(client.status()).toMatchObject({ state: 'connected', reconnects: round });
    }
    expect(states.filter((state) => state === 'closed')).toEqual([]);
  });

  it('waits for a server that comes later when asked not to wait at the start', async () => {
    const late = await connectBus({ servers: lab.server.url, name: 'late', connectMs: 0 });
    expect(late.status().state).toBe('connecting');
    const echo = subjects.rpc('late', 'echo');
    late.serve(echo, {}, ({ body }) => body);
    await late.flush(5_000);
    const bus = await lab.connect();
    expect(await bus.request(echo, 'hi', { deadlineMs: 1_000 })).toBe('hi');
    await late.drain();
    expect(late.status().state).toBe('closed');
    await expect(late.request(echo, 1, { deadlineMs: 1_000 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('says what it could not reach', async () => {
    await expect(connectBus({ servers: '127.0.0.1:1', name: 'x', connectMs: 200 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });

  it('loses no line of a stream over a server that stays, and ends it when the server goes', async () => {
    const [client, server] = [await lab.connect({ name: 'client' }), await lab.connect({ name: 'server' })];
    const logs = subjects.agent('h1', 'logs');
    let signal: AbortSignal | undefined;
    server.serveStream(logs, {}, async function* (request) {
      signal = request.signal;
      for (let i = 0; i < 2_000; i++) yield `line ${i}`;
      await new Promise(() => undefined);
    });
    await server.flush(1_000);
    const stream = client.requestStream<string>(logs, {}, { deadlineMs: 1_000, idleMs: 600 });
    for (let i = 0; i < 2_000; i++) expect((await stream.next()).value).toBe(`line ${i}`);
    const next = expect(stream.next()).rejects.toMatchObject({ retryable: true });
    await lab.server.kill();
    await next;
    await lab.server.start();
    await waitFor(() => signal?.aborted, { deadlineMs: 5_000, what: 'the source to give up' });
  });
});
