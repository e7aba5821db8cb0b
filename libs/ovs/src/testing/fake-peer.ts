import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server on a Unix socket whose behaviour a test writes itself, for the corners that real daemons do not show. */
export class FakePeer {
  /** Every connection so far, in order. */
  readonly connections: Socket[] = [];

  private constructor(
    readonly path: string,
    private readonly dir: string,
    private readonly server: Server,
  ) {}

  static async start(onConnection: (socket: Socket) => void): Promise<FakePeer> {
    const dir = await mkdtemp(join(tmpdir(), 'peer-'));
    const server = createServer();
    const peer = new FakePeer(join(dir, 'peer.sock'), dir, server);
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      peer.connections.push(socket);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(peer.path, resolve));
    return peer;
  }

  async stop(): Promise<void> {
    for (const socket of this.connections) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    await rm(this.dir, { recursive: true, force: true });
  }
}
