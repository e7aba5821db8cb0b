import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { subjects } from '../subjects';
import { MemoryBus } from '../testing/memory-bus';
import { MemoryHub } from '../testing/memory-transport';
import { HEADER } from '../wire';
import type { BusPort, BusProblem, BusRequest } from './bus-port';

const SUBJECT = subjects.rpc('policy', 'status');

function setUp() {
  const clock = new FakeClock();
  const hub = new MemoryHub(clock);
  const client = new MemoryBus({ hub, name: 'client' });
  const server = new MemoryBus({ hub, name: 'server' });
  const problems: BusProblem[] = [];
  for (const bus of [client, server]) bus.onProblem((problem) => problems.push(problem));
  return { clock, hub, client, server, problems };
}

/** Lets everything run that needs no time, then tells how the promise ended. */
async function outcome<T>(clock: FakeClock, promise: Promise<T>, ms = 0): Promise<T | HeddleError | 'pending'> {
  const settled = promise.catch((error: HeddleError) => error);
  await clock.advance(ms);
  return Promise.race([settled, new Promise<'pending'>((resolve) => setImmediate(() => resolve('pending')))]);
}

describe('requests', () => {
  it('carry body and context there, and the answer back', async () => {
    const { client, server } = setUp();
    const context = { principal: 'user:anna', tenant: 'acme', requestId: 'r1', traceparent: '00-ab-cd-01' };
    let seen: BusRequest | undefined;
    server.serve(SUBJECT, { queue: 'policy' }, (request) => {
      seen = request;
      return { position: 7, nothing: undefined };
    });
    const answer = await client.request(SUBJECT, { a: 1 }, { deadlineMs: 1_000, context });
    expect(answer).toEqual({ position: 7 });
    expect(seen).toMatchObject({ subject: SUBJECT, body: { a: 1 }, context });
    expect(seen?.host).toBeUndefined();
    expect(await client.call('policy', 'status', {}, { deadlineMs: 1_000 })).toEqual({ position: 7 });
  });

  it('answer null for nothing', async () => {
    const { client, server } = setUp();
    server.serve(SUBJECT, {}, () => undefined);
    expect(await client.request(SUBJECT, undefined, { deadlineMs: 1_000 })).toBeNull();
  });

  it('reach one member of a queue group', async () => {
    const { client, server, hub } = setUp();
    const other = new MemoryBus({ hub, name: 'other' });
    const counts = [0, 0];
    server.serve(SUBJECT, { queue: 'policy' }, () => counts[0]!++);
    other.serve(SUBJECT, { queue: 'policy' }, () => counts[1]!++);
    for (let i = 0; i < 10; i++) await client.request(SUBJECT, {}, { deadlineMs: 1_000 });
    expect(counts).toEqual([5, 5]);
  });

  it('keep code, message, retryable and problems of an error', async () => {
    const { client, server } = setUp();
    const problems = [{ path: 'spec.replicas', message: 'found -1', line: 3, column: 5 }];
    server.serve(SUBJECT, {}, () => {
      throw new HeddleError('refused', 'no', { retryable: true, problems });
    });
    const error = await client.request(SUBJECT, {}, { deadlineMs: 1_000 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(HeddleError);
    expect(error).toMatchObject({ code: 'refused', message: 'no', retryable: true, problems });
  });

  it('make an internal error of what is not a HeddleError', async () => {
    const { client, server } = setUp();
    server.serve(SUBJECT, {}, async () => {
      throw new TypeError('x is not a function');
    });
    await expect(client.request(SUBJECT, {}, { deadlineMs: 1_000 })).rejects.toMatchObject({
      code: 'internal',
      message: 'x is not a function',
    });
  });

  it('fail at once when nobody serves the subject', async () => {
    const { client } = setUp();
    await expect(client.request(SUBJECT, {}, { deadlineMs: 1e6 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(SUBJECT),
    });
  });

  it('end at their deadline on both sides; the late answer is dropped and reported', async () => {
    const { client, server, clock, problems } = setUp();
    let request: BusRequest | undefined;
    let finish: () => void = () => undefined;
    server.serve(SUBJECT, {}, async (current) => {
      request = current;
      await new Promise<void>((resolve) => (finish = resolve));
    });
    const pending = client.request(SUBJECT, {}, { deadlineMs: 1_000 });
    expect(await outcome(clock, pending, 400)).toBe('pending');
    expect(request?.remainingMs()).toBe(600);
    expect(request?.signal.aborted).toBe(false);
    expect(await outcome(clock, pending, 600)).toMatchObject({ code: 'deadline', retryable: true });
    expect(request?.signal.aborted).toBe(true);
    expect(request?.remainingMs()).toBe(0);
    finish();
    await clock.advance(0);
    expect(problems).toEqual([expect.objectContaining({ kind: 'late', subject: SUBJECT })]);
  });

  it('need a deadline', async () => {
    const { client } = setUp();
    for (const deadlineMs of [0, -1, NaN, Infinity]) {
      await expect(client.request(SUBJECT, {}, { deadlineMs })).rejects.toMatchObject({ code: 'invalid' });
    }
  });

  it('wait for a connection until the deadline, or fail at once, as asked', async () => {
    const { client, server, clock, hub } = setUp();
    server.serve(SUBJECT, {}, () => 'here');
    hub.down();
    const never = client.request(SUBJECT, {}, { deadlineMs: 500 });
    expect(await outcome(clock, never, 500)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('nothing was sent'),
    });
    await expect(client.request(SUBJECT, {}, { deadlineMs: 500, disconnected: 'fail' })).rejects.toMatchObject({
      code: 'unavailable',
    });
    const waiting = client.request(SUBJECT, {}, { deadlineMs: 500 });
    await clock.advance(300);
    hub.restart();
    expect(await outcome(clock, waiting)).toBe('here');
  });

  it('can be given up by a signal', async () => {
    const { client, server, clock } = setUp();
    server.serve(SUBJECT, {}, () => new Promise(() => undefined));
    const abort = new AbortController();
    const pending = client.request(SUBJECT, {}, { deadlineMs: 1_000, signal: abort.signal });
    expect(await outcome(clock, pending)).toBe('pending');
    abort.abort();
    expect(await outcome(clock, pending)).toMatchObject({ code: 'unavailable', retryable: false });
  });

  it('are refused before they are sent when they are too large, and so is an answer', async () => {
    const clock = new FakeClock();
    const hub = new MemoryHub(clock, 2_000);
    const client = new MemoryBus({ hub });
    client.serve(SUBJECT, {}, () => 'x'.repeat(3_000));
    await expect(client.request(SUBJECT, 'x'.repeat(2_000), { deadlineMs: 1 })).rejects.toMatchObject({
      code: 'limit',
      message: expect.stringMatching(/\d+ bytes; messages of at most 2000 bytes are allowed/),
    });
    await expect(client.request(SUBJECT, '', { deadlineMs: 1_000 })).rejects.toMatchObject({
      code: 'limit',
      message: expect.stringContaining('the answer of'),
    });
  });

  it('are answered "busy" beyond the handler\'s limit', async () => {
    const { client, server, clock } = setUp();
    server.serve(SUBJECT, { maxInFlight: 2 }, () => new Promise(() => undefined));
    const all = [1, 2, 3].map(() => client.request(SUBJECT, {}, { deadlineMs: 1_000 }));
    expect(await outcome(clock, all[2]!)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('busy'),
    });
    expect(await outcome(clock, all[0]!)).toBe('pending');
    await Promise.allSettled([...all, clock.advance(1_000)]);
  });

  it('of a host speak for that host, whatever their headers say', async () => {
    const { server, hub } = setUp();
    const agent = new MemoryBus({ hub, name: 'agent', host: 'h1' });
    let seen: BusRequest | undefined;
    server.serve(subjects.fromAnyHost('inventory', 'report'), { queue: 'inventory' }, (request) => {
      seen = request;
      return 'ok';
    });
    const context = { principal: 'user:root', requestId: 'r' };
    expect(await agent.call('inventory', 'report', {}, { deadlineMs: 1_000, context })).toBe('ok');
    expect(seen).toMatchObject({ host: 'h1', context: { principal: 'host:h1', requestId: 'r' } });
  });

  it('of a newer wire version are refused, and so are answers', async () => {
    const { client, server, hub } = setUp();
    const transport = hub.connect();
    server.serve(SUBJECT, {}, () => 'ok');
    const reply = await transport.request(SUBJECT, Buffer.from('{}'), {
      headers: { [HEADER.wire]: '2', [HEADER.deadline]: '1000', [HEADER.principal]: 'p', [HEADER.requestId]: 'r' },
      timeoutMs: 1_000,
    });
    expect(JSON.parse(Buffer.from(reply.data).toString())).toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('wire version 2, this process understands up to 1'),
    });

    const newer = subjects.rpc('policy', 'newer');
    transport.subscribe(newer, {
      onMessage: (message) =>
        transport.publish(message.reply!, Buffer.from('{}'), { headers: { [HEADER.wire]: '2.1' } }),
      onError: () => undefined,
    });
    await expect(client.request(newer, {}, { deadlineMs: 1_000 })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('that are no requests are answered with what is missing', async () => {
    const { server, hub, clock, problems } = setUp();
    const transport = hub.connect();
    server.serve(SUBJECT, {}, () => 'ok');
    const ask = async (headers: Record<string, string>, body: string) => {
      const reply = await transport.request(SUBJECT, Buffer.from(body), { headers, timeoutMs: 1_000 });
      return (JSON.parse(Buffer.from(reply.data).toString()) as { message: string }).message;
    };
    const good = { [HEADER.wire]: '1', [HEADER.deadline]: '1000', [HEADER.principal]: 'p', [HEADER.requestId]: 'r' };
    expect(await ask({}, '{}')).toContain('no Heddle-Wire header');
    expect(await ask({ ...good, [HEADER.deadline]: 'soon' }, '{}')).toContain('"soon" as Heddle-Deadline');
    expect(await ask({ ...good, [HEADER.principal]: '' }, '{}')).toContain('does not say who asks');
    expect(await ask(good, '{')).toContain('is not JSON (1 bytes)');
    transport.publish(SUBJECT, Buffer.from('{}'), { headers: good });
    await clock.advance(0);
    expect(problems.map(({ kind }) => kind)).toEqual(['message']);
  });

  it('refuse a context that cannot travel in headers', async () => {
    const { client } = setUp();
    const context = { principal: 'a\r\nHeddle-Tenant: b', requestId: 'r' };
    await expect(client.request(SUBJECT, {}, { deadlineMs: 1_000, context })).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('refuse what JSON cannot say', async () => {
    const { client } = setUp();
    await expect(client.request(SUBJECT, 1n, { deadlineMs: 1_000 })).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('publish and subscribe', () => {
  it('reach every subscriber, by callback or iterator', async () => {
    const { client, server, clock } = setUp();
    const seen: unknown[] = [];
    server.subscribe('heddle.dist.*', {}, ({ body }) => void seen.push(body));
    const iterator = server.messages('heddle.dist.policy');
    client.publish('heddle.dist.policy', { n: 1 });
    client.publish('heddle.dist.policy', { n: 2 });
    expect((await iterator.next()).value?.body).toEqual({ n: 1 });
    await clock.advance(0);
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    await iterator.return?.();
    client.publish('heddle.dist.policy', { n: 3 });
    expect((await iterator.next()).done).toBe(true);
  });

  it('tell errors: of a callback, of a message, of a missing connection', async () => {
    const { client, server, hub, clock, problems } = setUp();
    const errors: HeddleError[] = [];
    server.subscribe('a', { onError: (error) => errors.push(error) }, () => {
      throw new Error('boom');
    });
    server.subscribe('b', {}, async () => {
      throw new Error('later');
    });
    client.publish('a', 1);
    client.publish('b', 1);
    hub.connect().publish('b', Buffer.from('x'), { headers: {} });
    await clock.advance(0);
    expect(errors.map(({ message }) => message)).toEqual(['boom']);
    expect(problems.map(({ kind }) => kind).sort()).toEqual(['handler', 'message']);
    hub.down();
    expect(() => client.publish('a', 1)).toThrow(expect.objectContaining({ code: 'unavailable' }));
  });
});

describe('status', () => {
  it('follows the connection', async () => {
    const { client, hub } = setUp();
    const states: string[] = [];
    client.onStatus(({ state, reconnects }) => states.push(`${state} ${reconnects}`));
    hub.down();
    hub.restart();
    await client.close();
    expect(states).toEqual(['disconnected 0', 'connected 1', 'closed 1']);
    await expect(client.whenConnected(10)).rejects.toMatchObject({ code: 'unavailable', retryable: false });
  });

  it('lets handlers finish when the bus is drained, within a limit', async () => {
    const { client, server, clock, problems } = setUp();
    let finish: (value: string) => void = () => undefined;
    server.serve(SUBJECT, {}, () => new Promise((resolve) => (finish = resolve)));
    server.serve(subjects.rpc('policy', 'stuck'), {}, () => new Promise(() => undefined));
    const pending = client.request(SUBJECT, {}, { deadlineMs: 60_000 });
    await clock.advance(0);
    const drained = server.drain(1_000);
    finish('done');
    expect(await outcome(clock, pending)).toBe('done');
    await drained;

    const second = new MemoryBus({ hub: server.hub, name: 'second' });
    second.onProblem((problem) => problems.push(problem));
    second.serve(SUBJECT, {}, () => new Promise(() => undefined));
    void outcome(clock, client.request(SUBJECT, {}, { deadlineMs: 60_000 }));
    await clock.advance(0);
    const limited = second.drain(1_000);
    await clock.advance(1_000);
    await limited;
    expect(problems.map(({ kind }) => kind)).toEqual(['late']);
  });
});

describe('streams', () => {
  const LOGS = subjects.agent('h1', 'logs');

  async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
    const items: unknown[] = [];
    for await (const item of stream) items.push(item);
    return items;
  }
  const options = { deadlineMs: 1_000, idleMs: 3_000, window: 4 };

  it('bring many messages in order, more than the window', async () => {
    const { client, server } = setUp();
    server.serveStream(LOGS, {}, async function* ({ body }) {
      for (let i = 0; i < (body as number); i++) yield { i };
    });
    expect(await collect(client.requestStream(LOGS, 50, options))).toEqual(
      Array.from({ length: 50 }, (_, i) => ({ i })),
    );
    expect(await collect(client.requestStream(LOGS, 0, options))).toEqual([]);
  });

  it('end with the error of their source, after what came before it', async () => {
    const { client, server } = setUp();
    server.serveStream(LOGS, {}, async function* () {
      yield 1;
      throw new HeddleError('not-found', 'no such container');
    });
    const items: unknown[] = [];
    const reading = (async () => {
      for await (const item of client.requestStream(LOGS, {}, options)) items.push(item);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'not-found', message: 'no such container' });
    expect(items).toEqual([1]);
  });

  it('do not run ahead of a slow reader', async () => {
    const { client, server, clock } = setUp();
    let produced = 0;
    server.serveStream(LOGS, {}, async function* () {
      for (;;) yield produced++;
    });
    const stream = client.requestStream<number>(LOGS, {}, options);
    expect((await stream.next()).value).toBe(0);
    await clock.advance(0);
    expect(produced).toBeLessThanOrEqual(6);
    for (let i = 1; i < 20; i++) expect((await stream.next()).value).toBe(i);
    await clock.advance(20_000);
    expect(produced).toBeLessThanOrEqual(26);
    await stream.return?.();
  });

  it('are cancelled at the source when the reader leaves', async () => {
    const { client, server, clock } = setUp();
    let signal: AbortSignal | undefined;
    let cleaned = false;
    server.serveStream(LOGS, {}, async function* (request) {
      signal = request.signal;
      try {
        for (let i = 0; ; i++) {
          yield i;
          await clock.sleep(100, request.signal).catch(() => undefined);
          if (request.signal.aborted) return;
        }
      } finally {
        cleaned = true;
      }
    });
    const stream = client.requestStream(LOGS, {}, options);
    await stream.next();
    await stream.return?.();
    await clock.advance(200);
    expect(signal?.aborted).toBe(true);
    expect(cleaned).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('stay open while nothing happens, and end when either side is gone', async () => {
    const { client, server, clock, hub } = setUp();
    let signal: AbortSignal | undefined;
    server.serveStream(LOGS, {}, async function* (request) {
      signal = request.signal;
      yield 'first';
      await new Promise(() => undefined);
    });
    const stream = client.requestStream(LOGS, {}, options);
    await stream.next();
    const next = stream.next();
    expect(await outcome(clock, next, 60_000)).toBe('pending');
    expect(signal?.aborted).toBe(false);
    hub.intercept = () => 'drop';
    expect(await outcome(clock, next, 3_100)).toMatchObject({ code: 'deadline' });
    await clock.advance(5_000);
    expect(signal?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });

  it('break off with the connection, on both sides', async () => {
    const { client, server, clock, hub } = setUp();
    let signal: AbortSignal | undefined;
    server.serveStream(LOGS, {}, async function* (request) {
      signal = request.signal;
      yield 1;
      await new Promise(() => undefined);
    });
    const stream = client.requestStream(LOGS, {}, options);
    await stream.next();
    const next = stream.next();
    expect(await outcome(clock, next)).toBe('pending');
    hub.down();
    expect(await outcome(clock, next)).toMatchObject({ code: 'unavailable', retryable: true });
    expect(signal?.aborted).toBe(true);
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('notice a lost message', async () => {
    const { client, server, hub } = setUp();
    server.serveStream(LOGS, {}, async function* () {
      yield* [1, 2, 3];
    });
    hub.intercept = ({ headers }) => (headers[HEADER.stream] === 'data 2' ? 'drop' : 'deliver');
    const stream = client.requestStream(LOGS, {}, options);
    expect((await stream.next()).value).toBe(1);
    await expect(stream.next()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('lost'),
    });
  });

  it('fail at once when nobody serves the subject, and at the deadline when nobody answers', async () => {
    const { client, server, clock } = setUp();
    await expect(client.requestStream(LOGS, {}, options).next()).rejects.toMatchObject({ code: 'unavailable' });
    server.subscribe(LOGS, {}, () => undefined);
    expect(await outcome(clock, client.requestStream(LOGS, {}, options).next(), 1_000)).toMatchObject({
      code: 'deadline',
    });
  });

  it('say so when request and stream are mixed up', async () => {
    const { client, server } = setUp();
    server.serve(SUBJECT, {}, () => 1);
    server.serveStream(LOGS, {}, async function* () {
      yield 1;
    });
    await expect(client.requestStream(SUBJECT, {}, options).next()).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('request()'),
    });
    await expect(client.request(LOGS, {}, options)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('requestStream()'),
    });
  });

  it('wait for a connection, and can be given up by a signal', async () => {
    const { client, server, hub, clock } = setUp();
    server.serveStream(LOGS, {}, async function* () {
      yield 1;
      await new Promise(() => undefined);
    });
    hub.down();
    const abort = new AbortController();
    const stream = client.requestStream(LOGS, {}, { ...options, signal: abort.signal });
    const first = stream.next();
    await clock.advance(500);
    hub.restart();
    expect(await outcome(clock, first)).toMatchObject({ value: 1 });
    const second = stream.next();
    abort.abort(new HeddleError('unavailable', 'enough'));
    expect(await outcome(clock, second)).toMatchObject({ message: 'enough' });
  });
});

describe('the memory bus', () => {
  it('is a BusPort', () => {
    const bus: BusPort = new MemoryBus();
    expect(bus.newContext()).toMatchObject({ principal: 'service:test' });
  });
});
