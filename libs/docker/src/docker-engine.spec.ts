import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import type { ContainerSpec } from './container-spec';
import { DockerEngine } from './docker-engine';
import type { EngineEvent } from './engine';

interface Seen {
  readonly request: string;
  readonly body: string;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A peer in the engine's place that answers what a test wants, wrong answers and silence included. */
let dir: string;
let socketPath: string;
let server: Server;
let handler: Handler;
let seen: Seen[];
let engine: DockerEngine;

const json =
  (status: number, body: unknown): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'hde-'));
  socketPath = path.join(dir, 'docker.sock');
  seen = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ request: `${request.method} ${request.url}`, body: Buffer.concat(chunks).toString() });
      handler(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  engine = new DockerEngine({ socketPath });
});

afterEach(async () => {
  engine.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

const failureOf = async (work: Promise<unknown>): Promise<HeddleError> => {
  const error: unknown = await work.then(
    () => new Error('it succeeded'),
    (e: unknown) => e,
  );
  if (error instanceof HeddleError) return error;
  throw error;
};

const SPEC: ContainerSpec = {
  name: 'web-1',
  image: 'heddle/demo',
  env: { SECRET: 'x' },
  network: { name: 'acme' },
  resources: { cpu: 1, memoryBytes: 2 ** 25, pids: 16 },
};

describe('a call', () => {
  it('goes to the socket it was given, whatever the environment says', async () => {
    const before = { ...process.env };
    Object.assign(process.env, {
      DOCKER_HOST: 'tcp://192.0.2.1:2375',
      DOCKER_CLIENT_TIMEOUT: '1',
      DOCKER_TLS_VERIFY: '1',
    });
    try {
      handler = json(200, 'OK');
      const other = new DockerEngine({ socketPath });
      await other.ping({ deadlineMs: 5000 });
      expect(seen).toEqual([{ request: 'GET /_ping', body: '' }]);
    } finally {
      process.env = before;
    }
  });

  it('sends the body of a new container as body only', async () => {
    handler = json(201, { Id: 'abc' });
    expect(await engine.createContainer(SPEC)).toBe('abc');
    expect(seen[0]?.request).toBe('POST /containers/create?name=web-1');
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ Image: 'heddle/demo', Env: ['SECRET=x'] });
  });

  it('sends what belongs to each change', async () => {
    handler = json(204, '');
    await engine.start('web-1');
    await engine.stop('web-1', 2.5);
    await engine.kill('web-1', 'SIGHUP');
    await engine.remove('web-1', { force: true });
    await engine.removeNetwork('acme');
    expect(seen.map((s) => s.request)).toEqual([
      'POST /containers/web-1/start',
      'POST /containers/web-1/stop?t=3',
      'POST /containers/web-1/kill?signal=SIGHUP',
      'DELETE /containers/web-1?force=true&v=true',
      'DELETE /networks/acme',
    ]);
  });

  it.each(['../images/x', 'a/b', 'a?force=1', '', 'a b', '%2e%2e'])(
    'does not let the id %j into a path',
    async (id) => {
      handler = json(200, {});
      const calls = [() => engine.start(id), () => engine.inspect(id), () => engine.remove(id), () => engine.wait(id)];
      for (const call of calls) expect((await failureOf(call())).code).toBe('invalid');
      expect(() => engine.logs(id)).toThrow('found the name or id');
      expect(seen).toEqual([]);
    },
  );

  it('refuses arguments that the engine would take for something else', async () => {
    expect((await failureOf(engine.stop('web-1', -1))).code).toBe('invalid');
    expect((await failureOf(engine.stop('web-1', NaN))).code).toBe('invalid');
    expect((await failureOf(engine.kill('web-1', 'KILL; rm'))).code).toBe('invalid');
    expect(() => engine.logs('web-1', { since: 'yesterday' })).toThrow('allowed is RFC 3339');
    expect(() => engine.logs('web-1', { tail: -1 })).toThrow('found tail -1');
  });

  it.each([
    [304, 'ok'],
    [400, 'invalid'],
    [404, 'not-found'],
    [409, 'conflict'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [418, 'internal'],
  ])('takes status %i for %s', async (status, code) => {
    handler = json(status, { message: 'words of the engine' });
    if (code === 'ok') return expect(await engine.start('web-1')).toBeUndefined();
    expect(await failureOf(engine.start('web-1'))).toMatchObject({
      code,
      message: 'start container web-1: words of the engine',
      retryable: code === 'unavailable',
    });
  });

  it('counts a removal that is under way already as one to try again', async () => {
    handler = json(409, { message: 'removal of container web-1 is already in progress' });
    expect(await failureOf(engine.remove('web-1'))).toMatchObject({ code: 'conflict', retryable: true });
  });

  it('ends at its deadline when the engine hangs, and says what to do', async () => {
    handler = () => undefined;
    expect(await failureOf(engine.start('web-1', { deadlineMs: 20 }))).toMatchObject({
      code: 'deadline',
      retryable: true,
      message:
        'start container web-1 did not finish within 20 ms; the network plugin may hang; inspect the container before trying again',
    });
  });

  it('ends at its deadline when the engine hangs in the middle of an answer', async () => {
    handler = (_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('{"Id":');
    };
    expect((await failureOf(engine.inspect('web-1', { deadlineMs: 30 }))).code).toBe('deadline');
  });

  it('says that there is no engine', async () => {
    const nowhere = new DockerEngine({ socketPath: path.join(dir, 'nothing.sock') });
    expect(await failureOf(nowhere.ping())).toMatchObject({
      code: 'unavailable',
      message: `ping the engine: no engine socket at ${dir}/nothing.sock; start the engine, or correct the path`,
    });
  });

  it('says that the engine went away', async () => {
    handler = (request) => request.socket.destroy();
    expect(await failureOf(engine.start('web-1'))).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('closed the connection; the outcome is unknown'),
    });
  });

  it('ends with the client', async () => {
    handler = () => undefined;
    const hanging = failureOf(engine.inspect('web-1'));
    const waiting = failureOf(engine.wait('web-1'));
    while (seen.length < 2) await new Promise(setImmediate);
    engine.close();
    expect((await hanging).message).toContain('closed by its owner');
    expect((await waiting).message).toContain('closed by its owner');
  });

  it('ends with its caller in the middle of an answer', async () => {
    handler = (_request, response) => {
      response.writeHead(200);
      response.write(' ');
    };
    const controller = new AbortController();
    const waiting = failureOf(engine.wait('web-1', { signal: controller.signal }));
    while (seen.length < 1) await new Promise(setImmediate);
    setTimeout(() => controller.abort(), 20);
    expect((await waiting).message).toBe('wait for container web-1 was cancelled');
  });
});

describe('waiting', () => {
  it('fails, rather than for ever, when the engine dies after the head of its answer', async () => {
    handler = (request, response) => {
      response.writeHead(200);
      response.write(' ');
      setImmediate(() => request.socket.destroy());
    };
    expect(await failureOf(engine.wait('web-1'))).toMatchObject({ code: 'unavailable', retryable: true });
  });

  it('fails when the engine could not wait', async () => {
    handler = json(200, { StatusCode: 0, Error: { Message: 'lost' } });
    expect((await failureOf(engine.wait('web-1'))).message).toBe('wait for container web-1: lost');
  });
});

describe('an import', () => {
  it('fails with the error in the progress, and without an id', async () => {
    handler = (_request, response) => response.end('{"status":"a"}\n{"error":"no space left"}\n');
    expect((await failureOf(engine.importImage(Buffer.alloc(1024), 'x:1'))).message).toBe(
      'import image x:1: no space left',
    );
    handler = (_request, response) => response.end('{"status":"done"}\n');
    expect((await failureOf(engine.importImage(Buffer.alloc(1024), 'x:1'))).message).toContain('named no image');
  });

  it('sends repository, tag and each change', async () => {
    handler = (_request, response) => response.end('{"status":"sha256:ab"}\n');
    expect(await engine.importImage(Buffer.from('tar'), 'host:5000/x/y:1', ['USER 1', 'LABEL a=b'])).toBe('sha256:ab');
    const url = new URL(`http://x${seen[0]?.request.split(' ')[1]}`);
    expect([...url.searchParams]).toEqual([
      ['repo', 'host:5000/x/y'],
      ['tag', '1'],
      ['changes', 'USER 1'],
      ['changes', 'LABEL a=b'],
      ['fromSrc', '-'],
    ]);
    expect(seen[0]?.body).toBe('tar');
  });
});

describe('the events', () => {
  const die = JSON.stringify({
    Type: 'container',
    Action: 'die',
    Actor: { ID: 'abc', Attributes: { name: 'web-1', image: 'x', exitCode: '137', 'heddle.uid': 'u1' } },
    time: 1795503600,
    timeNano: 1795503600000000123,
  }).replace(/"timeNano":\d+/, '"timeNano":1795503600000000123');

  it('come with their labels, code and exact time; noise is left out; the query names what is wanted', async () => {
    handler = (_request, response) => {
      response.write(
        `{"Type":"network","Action":"connect","Actor":{"ID":"n"}}\n{"Type":"container","Action":"exec_die"}\n`,
      );
      response.write(die.slice(0, 20));
      setImmediate(() => response.write(`${die.slice(20)}\n`));
    };
    const events = engine.events({ since: '2026-11-24T07:00:00.5Z', labels: { 'heddle.uid': true, tier: 'web' } });
    expect((await events.next()).value).toEqual({ kind: 'resync', reason: 'connected' });
    expect((await events.next()).value).toEqual({
      kind: 'container',
      action: 'die',
      id: 'abc',
      name: 'web-1',
      labels: { 'heddle.uid': 'u1' },
      exitCode: 137,
      time: '2026-11-24T07:00:00.000000123Z',
    });
    await events.return?.();
    const query = new URL(`http://x${seen[0]?.request.split(' ')[1]}`).searchParams;
    expect(query.get('since')).toBe('1795503600.500000000');
    expect(JSON.parse(query.get('filters') ?? '')).toMatchObject({
      type: ['container'],
      label: ['heddle.uid', 'tier=web'],
      event: expect.arrayContaining(['die', 'start']),
    });
  });

  it('go on over lost connections, each time with a resync, and tell of the loss', async () => {
    const losses: string[] = [];
    engine.close();
    engine = new DockerEngine({ socketPath, onEventsLost: (error) => losses.push(error.code) });
    let connections = 0;
    handler = (request, response) => {
      connections++;
      if (connections === 2) return request.socket.destroy();
      if (connections === 3) return json(500, { message: 'starting' })(request, response);
      response.write(`${die}\n`);
      if (connections === 1) setImmediate(() => request.socket.destroy());
      return undefined;
    };
    const events = engine.events({ since: new Date(0) });
    const kinds: string[] = [];
    while (kinds.length < 4) {
      const event = (await events.next()).value as EngineEvent;
      kinds.push(event.kind === 'resync' ? event.reason : event.action);
    }
    expect(kinds).toEqual(['connected', 'die', 'reconnected', 'die']);
    expect(losses).toEqual(['unavailable', 'unavailable', 'unavailable']);
    await events.return?.();
    // Only the first connection replays: afterwards the watcher lists anyway.
    expect(seen.map((s) => s.request.includes('since='))).toEqual([true, false, false, false]);
  });

  it('end with an error that no retry can heal', async () => {
    handler = json(400, { message: 'invalid filter' });
    expect(await failureOf(engine.events().next())).toMatchObject({ code: 'invalid' });
  });

  it('end with the client and with the signal, also while reconnecting', async () => {
    handler = (request) => request.socket.destroy();
    const controller = new AbortController();
    const one = engine.events({ signal: controller.signal }).next();
    const two = engine.events().next();
    while (seen.length < 2) await new Promise(setImmediate);
    controller.abort();
    expect(await one).toMatchObject({ done: true });
    engine.close();
    expect(await two).toMatchObject({ done: true });
    expect(await engine.events().next()).toMatchObject({ done: true });
  });
});

describe('the log', () => {
  it('is an error when it breaks off, and ends when the client is closed', async () => {
    const frame = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 3]), Buffer.from('hi\n')]);
    handler = (request, response) => {
      response.write(frame);
      setTimeout(() => request.socket.destroy(), 10);
    };
    const broken = engine.logs('web-1', { follow: true, tail: 5 });
    expect((await broken.next()).value).toEqual({ stream: 'stdout', line: 'hi' });
    expect(await failureOf(broken.next())).toMatchObject({ code: 'unavailable', retryable: true });
    expect(seen[0]?.request).toBe(
      'GET /containers/web-1/logs?stdout=true&stderr=true&follow=true&timestamps=false&tail=5',
    );

    handler = (_request, response) => response.write(frame);
    const open = engine.logs('web-1', { follow: true });
    await open.next();
    const silent = open.next();
    engine.close();
    expect(await silent).toMatchObject({ done: true });
  });

  it('that is not followed has a deadline for each piece', async () => {
    engine.close();
    engine = new DockerEngine({ socketPath, deadlines: { query: 20 } });
    handler = (_request, response) => response.flushHeaders();
    expect(await failureOf(engine.logs('web-1').next())).toMatchObject({ code: 'deadline' });
    const followed = engine.logs('web-1', { follow: true });
    const silent = followed.next();
    await new Promise((resolve) => setTimeout(resolve, 40));
    await followed.return?.();
    expect(await silent).toMatchObject({ done: true });
  });
});
