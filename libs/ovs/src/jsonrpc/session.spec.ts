import type { Socket } from 'node:net';
import { Deadline } from '../connection/deadline';
import { connectUnix } from '../connection/unix-socket';
import { FakePeer } from '../testing/fake-peer';
import { waitFor } from '../testing/wait-for';
import { JsonFramer } from './framer';
import { JsonRpcError, JsonRpcSession, type JsonRpcSessionOptions } from './session';

interface Received {
  readonly method?: string;
  readonly params?: unknown;
  readonly id?: unknown;
  readonly result?: unknown;
}

describe('JsonRpcSession', () => {
  let peer: FakePeer;
  let session: JsonRpcSession;
  let received: Received[];
  let answer: (message: Received, socket: Socket) => void;

  const soon = (): Deadline => new Deadline(5_000);
  const send = (message: object): boolean | undefined => peer.connections[0]?.write(JSON.stringify(message));

  async function start(options: Partial<JsonRpcSessionOptions> = {}): Promise<void> {
    session = new JsonRpcSession(await connectUnix(peer.path, soon()), { peer: 'the peer', ...options });
    await waitFor(() => peer.connections.length === 1, 'the connection');
  }

  beforeEach(async () => {
    received = [];
    answer = () => undefined;
    peer = await FakePeer.start((socket) => {
      const framer = new JsonFramer();
      socket.on('data', (chunk: Buffer) => {
        for (const message of framer.push(chunk) as Received[]) {
          received.push(message);
          answer(message, socket);
        }
      });
    });
  });

  afterEach(async () => {
    session.close(new Error('the test is over'));
    await session.closed;
    await peer.stop();
  });

  it('matches answers to requests by id, in whatever order they come', async () => {
    const held: Received[] = [];
    answer = (message, socket) => {
      held.push(message);
      if (held.length < 3) return;
      for (const { id, method } of held.reverse()) socket.write(JSON.stringify({ id, result: method, error: null }));
    };
    await start();
    const names = ['a', 'b', 'c'];
    expect(await Promise.all(names.map((name) => session.request(name, [], soon())))).toEqual(names);
  });

  it('answers the echo of the peer', async () => {
    await start();
    send({ method: 'echo', params: ['are', 'you', 'there'], id: 'echo' });
    await waitFor(() => received.length === 1, 'the answer');
    expect(received[0]).toEqual({ id: 'echo', result: ['are', 'you', 'there'], error: null });
  });

  it('refuses other requests of the peer and hands on its notifications', async () => {
    const seen: unknown[] = [];
    await start({ onNotification: (method, params) => seen.push([method, params]) });
    send({ method: 'update', params: [1], id: null });
    send({ method: 'reboot', params: [], id: 7 });
    await waitFor(() => received.length === 1, 'the refusal');
    expect(seen).toEqual([['update', [1]]]);
    expect(received[0]).toMatchObject({ id: 7, result: null, error: 'unknown method' });
  });

  it('shows a result before it handles the message after it', async () => {
    const order: string[] = [];
    answer = ({ id }, socket) => {
      socket.write(
        JSON.stringify({ id, result: 1, error: null }) + JSON.stringify({ method: 'update', params: [], id: null }),
      );
    };
    await start({ onNotification: (method) => order.push(method) });
    await session.request('monitor', [], soon(), () => order.push('result'));
    expect(order).toEqual(['result', 'update']);
  });

  it('reports what the peer answered instead of a result', async () => {
    answer = ({ id }, socket) =>
      socket.write(JSON.stringify({ id, result: null, error: { error: 'no', details: 'why' } }));
    await start();
    const failure = session.request('transact', [], soon());
    await expect(failure).rejects.toBeInstanceOf(JsonRpcError);
    await expect(failure).rejects.toMatchObject({ error: { error: 'no', details: 'why' } });
  });

  it('fails at the deadline and ignores the answer that comes later', async () => {
    await start();
    await expect(session.request('slow', [], new Deadline(30))).rejects.toMatchObject({ code: 'deadline' });
    send({ id: received[0]?.id, result: 'late', error: null });
    answer = ({ id }, socket) => socket.write(JSON.stringify({ id, result: 'quick', error: null }));
    expect(await session.request('next', [], soon())).toBe('quick');
  });

  it('fails what waits when the peer hangs up, and everything after', async () => {
    answer = (_, socket) => socket.end();
    await start();
    await expect(session.request('a', [], soon())).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await expect(session.request('b', [], soon())).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('hangs up on a peer that does not speak JSON', async () => {
    await start();
    peer.connections[0]?.write('HTTP/1.1 400 Bad Request');
    expect(String(await session.closed)).toContain('expected a JSON object');
  });

  it('probes a silent peer and keeps it while it answers', async () => {
    answer = ({ id }, socket) => socket.write(JSON.stringify({ id, result: [], error: null }));
    await start({ probeIntervalMs: 20 });
    await waitFor(() => received.length >= 5, 'five probes');
    expect(received.every(({ method }) => method === 'echo')).toBe(true);
  });

  it('gives up a peer that stays silent', async () => {
    await start({ probeIntervalMs: 20 });
    expect(String(await session.closed)).toContain('did not answer');
  });
});
