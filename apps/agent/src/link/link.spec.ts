import { createConnection, type Socket } from 'node:net';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { attachedEndpoint, temporaryFolder } from '../testing/parts';
import { LinkClient } from './link-client';
import { LinkServer } from './link-server';
import type { Handlers } from './peer';
import type { AgentMethods, AttachMethods } from './protocol';

const CONFIGURATION = { bridgeDomains: [], epgs: {}, mtu: 1450 };
const ATTACHED = { ...attachedEndpoint('e1', '10.32.0.5'), ofport: 5 };

const soon = (what: string, condition: () => boolean): Promise<true> =>
  waitFor(condition, { deadlineMs: 5_000, intervalMs: 5, what }) as Promise<true>;

describe('the link between agent and attach daemon', () => {
  const folder = temporaryFolder();
  const open: { close(): void | Promise<void> }[] = [];
  let count = 0;
  let socketPath: string;
  let connections: number;
  let refusals: number;

  beforeEach(() => {
    socketPath = path.join(folder, `l${++count}`);
    connections = 0;
    refusals = 0;
  });
  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close();
  });

  async function listen(
    handlers: Partial<Handlers<AttachMethods>> = {},
    at = socketPath,
    onConnected?: () => void,
  ): Promise<LinkServer> {
    const nothing = async () => ({});
    const server = await LinkServer.listen(
      at,
      { configure: nothing, names: nothing, release: nothing, reserve: async () => ({ exhausted: true }), ...handlers },
      () => undefined,
      onConnected,
    );
    open.push(server);
    return server;
  }

  function connect(handlers: Partial<Handlers<AgentMethods>> = {}): LinkClient {
    const nothing = async () => ({});
    const client = new LinkClient({
      socketPath,
      handlers: { attached: nothing, unported: nothing, leaseBlock: nothing, ...handlers },
      onConnected: () => void (connections += 1),
      onDisconnected: () => void (refusals += 1),
    });
    open.push(client);
    return client;
  }

  /** A peer that speaks bytes. */
  async function raw(): Promise<Socket> {
    const socket = createConnection(socketPath);
    open.push({ close: () => void socket.destroy() });
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return socket;
  }

  it('carries calls both ways, with their answers and errors', async () => {
    const server = await listen({
      reserve: async ({ bridgeDomain, owner }) => ({ address: owner, mac: bridgeDomain, gateway: 'g' }),
      release: async () => {
        throw new HeddleError('conflict', 'held by another');
      },
    });
    const client = connect({
      attached: async ({ ofport }) => {
        if (ofport !== 5) throw new HeddleError('unavailable', 'not resolved');
        return {};
      },
    });
    await soon('the connection', () => client.connected);
    await expect(client.call('reserve', { bridgeDomain: 'b', owner: 'o' }, 1_000)).resolves.toEqual({
      address: 'o',
      mac: 'b',
      gateway: 'g',
    });
    await expect(client.call('release', { owner: 'o' }, 1_000)).rejects.toMatchObject({
      code: 'conflict',
      message: 'held by another',
    });
    await expect(server.ask('attached', ATTACHED, 1_000)).resolves.toEqual({});
    await expect(server.ask('attached', { ...ATTACHED, ofport: 6 }, 1_000)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'not resolved',
    });
  });

  it('answers many calls at once, whatever their order and size', async () => {
    const names = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`acme/shop/s${i}`, ['10.0.0.1']]));
    const got: number[] = [];
    await listen({
      names: async (records) => {
        got.push(Object.keys(records).length);
        return {};
      },
      reserve: async ({ owner }) => {
        if (owner === '0') await soon('the others', () => got.length === 3);
        return { address: owner, mac: '', gateway: '' };
      },
    });
    const client = connect();
    await soon('the connection', () => client.connected);
    const [slow] = await Promise.all([
      client.call('reserve', { bridgeDomain: '', owner: '0' }, 5_000),
      ...[1, 2, 3].map(() => client.call('names', names, 5_000)),
    ]);
    expect(slow).toMatchObject({ address: '0' });
    expect(got).toEqual([20_000, 20_000, 20_000]);
  });

  it('gives up at the deadline, and takes no notice of the late answer', async () => {
    let answer: () => void = () => undefined;
    await listen({ configure: () => new Promise((resolve) => (answer = () => resolve({}))) });
    const client = connect();
    await soon('the connection', () => client.connected);
    await expect(client.call('configure', CONFIGURATION, 30)).rejects.toMatchObject({
      code: 'deadline',
      message: 'no answer to configure within 30 ms',
    });
    answer();
    await expect(client.call('names', {}, 1_000)).resolves.toEqual({});
  });

  it('refuses a method that the other side does not have', async () => {
    await listen();
    const socket = await raw();
    const lines: string[] = [];
    socket.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    socket.write('{"id":1,"method":"constructor"}\n{"id":2,"method":"unheard","params":{}}\n');
    await soon('two answers', () => lines.join('').split('\n').length === 3);
    for (const line of lines.join('').trim().split('\n'))
      expect(JSON.parse(line).error).toMatchObject({ code: 'invalid', message: expect.stringContaining('versions') });
  });

  it.each([
    ['no JSON', 'hello\n'],
    ['null', 'null\n'],
    ['a number', '7\n'],
    ['no id', '{"method":"names"}\n'],
    ['an id that is none', '{"id":"1"}\n'],
    ['a method that is none', '{"id":1,"method":7}\n'],
    ['an endless line', Buffer.alloc(17 * 1024 * 1024, 'x')],
  ])('hangs up on %s', async (_what, bytes) => {
    await listen();
    const socket = await raw();
    let closed = false;
    socket.on('close', () => (closed = true));
    socket.resume().write(bytes);
    await soon('the end', () => closed);
    // And it goes on serving others.
    const client = connect();
    await soon('the connection', () => client.connected);
    await expect(client.call('names', {}, 1_000)).resolves.toEqual({});
  });

  it('takes an answer that nobody waits for as nothing', async () => {
    await listen();
    const socket = await raw();
    const lines: string[] = [];
    socket.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    socket.write('{"id":99,"result":{}}\n{"id":1,"method":"names","params":{}}\n');
    await soon('the answer', () => lines.join('') === '{"id":1,"result":{}}\n');
  });

  it('says who is missing when there is no daemon, and connects when it comes, goes and comes again', async () => {
    const client = connect();
    await soon('a refusal', () => refusals > 1);
    await expect(client.call('names', {}, 1_000)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('heddle agent attach'),
    });
    const server = await listen();
    await soon('the connection', () => client.connected);
    await server.close();
    await soon('the end', () => !client.connected);
    await listen();
    await soon('the second connection', () => connections === 2 && client.connected);
  });

  it('ends calls under way when the connection ends', async () => {
    const server = await listen({ configure: () => new Promise(() => undefined) });
    const client = connect();
    await soon('the connection', () => client.connected);
    const call = client.call('configure', CONFIGURATION, 5_000);
    const ended = expect(call).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('closed'),
    });
    await server.close();
    await ended;
  });

  it('waits for an agent, and says so when none comes', async () => {
    const server = await listen();
    await expect(server.ask('attached', ATTACHED, 50)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('heddle agent'),
    });
    const asked = server.ask('attached', ATTACHED, 5_000);
    connect();
    await expect(asked).resolves.toEqual({});
  });

  it('asks the next agent when the first one dies with the question', async () => {
    const server = await listen();
    const first = connect({ attached: () => new Promise(() => undefined) });
    await soon('the first', () => first.connected);
    const asked = server.ask('attached', ATTACHED, 5_000);
    first.close();
    connect();
    await expect(asked).resolves.toEqual({});
  });

  it('keeps to the deadline over several agents', async () => {
    const server = await listen();
    const first = connect({ attached: () => new Promise(() => undefined) });
    await soon('the first', () => first.connected);
    const asked = expect(server.ask('attached', ATTACHED, 300)).rejects.toMatchObject({ code: 'deadline' });
    first.close();
    connect({ attached: () => new Promise(() => undefined) });
    await asked;
  });

  it('takes the newest agent for the agent', async () => {
    const server = await listen();
    const first = connect({ attached: async () => Promise.reject(new HeddleError('internal', 'the old one')) });
    await soon('the first', () => first.connected);
    const socket = await raw();
    socket.setEncoding('utf8').on('data', (text: string) => {
      const { id } = JSON.parse(text) as { id: number };
      socket.write(`${JSON.stringify({ id, result: { newest: true } })}\n`);
    });
    first.close();
    await expect(server.ask('attached', ATTACHED, 1_000)).resolves.toEqual({ newest: true });
  });

  it('leaves the socket of a daemon that runs to that daemon', async () => {
    await listen();
    await expect(listen()).rejects.toMatchObject({ code: 'conflict' });
    const client = connect();
    await soon('the connection', () => client.connected);
  });

  it('tells whoever waits for an agent when it is closed', async () => {
    const server = await listen();
    const asked = expect(server.ask('attached', ATTACHED, 60_000)).rejects.toMatchObject({ code: 'unavailable' });
    await server.close();
    await asked;
  });

  it('tells the daemon of every agent that connects, when it can be asked', async () => {
    const answers: unknown[] = [];
    const server: LinkServer = await listen({}, socketPath, () => {
      void server.ask('unported', [], 1_000).then((answer) => answers.push(answer));
    });
    connect();
    await waitFor(() => answers.length === 1, { deadlineMs: 5_000, what: 'the first agent to answer' });
    connect();
    await waitFor(() => answers.length >= 2, { deadlineMs: 5_000, what: 'the second agent to answer' });
  });

  it('asks nobody any more when it is closed', async () => {
    const server = await listen();
    await server.close();
    await expect(server.ask('unported', [], 60_000)).rejects.toThrow('the attach daemon is stopping');
  });
});
