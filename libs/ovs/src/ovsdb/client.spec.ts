import { JsonFramer } from '../jsonrpc/framer';
import { FakePeer } from '../testing/fake-peer';
import { waitFor } from '../testing/wait-for';
import { OvsdbClient } from './client';

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A server that holds one number in one row, and counts how often it is asked to be monitored. */
class CountingServer {
  value = 0;
  readonly monitors: unknown[] = [];

  answer({ method, params }: Request): unknown {
    if (method !== 'monitor') return [];
    this.monitors.push(params[1]);
    return { T: { row: { new: { n: this.value } } } };
  }
}

describe('OvsdbClient', () => {
  let server: CountingServer;
  let peer: FakePeer;
  let client: OvsdbClient;

  beforeEach(async () => {
    server = new CountingServer();
    peer = await FakePeer.start((socket) => {
      const framer = new JsonFramer();
      socket.on('data', (chunk: Buffer) => {
        for (const request of framer.push(chunk) as Request[]) {
          socket.write(JSON.stringify({ id: request.id, result: server.answer(request), error: null }));
        }
      });
    });
    client = new OvsdbClient({ socketPath: peer.path, backoff: { minMs: 1, maxMs: 10 } });
  });

  afterEach(async () => {
    await client.close();
    await peer.stop();
  });

  it('has its monitors back before it says that it is connected', async () => {
    const replica = await client.monitor('DB', { T: ['n'] });
    expect(replica.table('T').get('row')).toEqual({ n: 0 });
    const atConnect: unknown[] = [];
    client.on('connected', () => atConnect.push(replica.table('T').get('row')));
    server.value = 1;
    peer.connections[0]?.destroy();
    await waitFor(() => atConnect.length === 1, 'the reconnect');
    expect(atConnect).toEqual([{ n: 1 }]);
    expect(server.monitors).toHaveLength(2);
  });

  it('applies an update that comes together with the initial state after it', async () => {
    const update = {
      id: null,
      method: 'update',
      params: ['monitor-1', { T: { row: { old: { n: 0 }, new: { n: 9 } } } }],
    };
    const both = await FakePeer.start((socket) => {
      socket.once('data', (chunk: Buffer) => {
        const [request] = new JsonFramer().push(chunk) as Request[];
        const initial = { id: request?.id, result: { T: { row: { new: { n: 0 } } } }, error: null };
        socket.write(JSON.stringify(initial) + JSON.stringify(update));
      });
    });
    const other = new OvsdbClient({ socketPath: both.path });
    try {
      const replica = await other.monitor('DB', { T: ['n'] });
      expect(replica.table('T').get('row')).toEqual({ n: 9 });
    } finally {
      await other.close();
      await both.stop();
    }
  });

  it('fails for a path that no socket can have', async () => {
    const long = new OvsdbClient({ socketPath: `/tmp/${'x'.repeat(200)}` });
    await expect(long.connect(50)).rejects.toThrow(/at most 107/);
    await long.close();
  });
});
