import { createConnection, createServer, type Server } from 'node:net';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { HeddleError } from '@heddle/model';
import { LinkPeer, type Handlers } from './peer';
import type { AgentMethods, AttachMethods } from './protocol';

export type AttachPeer = LinkPeer<AttachMethods, AgentMethods>;
export type AgentPeer = LinkPeer<AgentMethods, AttachMethods>;

/**
 * The attach daemon's end: listens, and keeps the newest connection as *the* agent. Connections are few and local, so an
 * older one that lingers after a crash is simply replaced.
 */
export class LinkServer {
  private peer: AttachPeer | undefined;
  private readonly arrivals = new Set<(peer: AttachPeer) => void>();

  private constructor(private readonly server: Server) {}

  static async listen(socketPath: string, handlers: Handlers<AttachMethods>): Promise<LinkServer> {
    mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
    rmSync(socketPath, { force: true });
    const server = createServer();
    const link = new LinkServer(server);
    server.on('connection', (socket) => {
      const peer: AttachPeer = new LinkPeer(socket, handlers, () => {
        if (link.peer === peer) link.peer = undefined;
      });
      link.peer?.close();
      link.peer = peer;
      for (const arrived of link.arrivals) arrived(peer);
      link.arrivals.clear();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, () => resolve());
    });
    chmodSync(socketPath, 0o600);
    return link;
  }

  /** The connected agent; waits for one up to the deadline. */
  agent(deadlineMs: number): Promise<AttachPeer> {
    if (this.peer) return Promise.resolve(this.peer);
    return new Promise((resolve, reject) => {
      const arrived = (peer: AttachPeer): void => {
        clearTimeout(timer);
        resolve(peer);
      };
      const timer = setTimeout(() => {
        this.arrivals.delete(arrived);
        reject(
          new HeddleError(
            'unavailable',
            `the agent of this host has not connected within ${deadlineMs} ms; start it (heddle agent) and try again`,
          ),
        );
      }, deadlineMs);
      this.arrivals.add(arrived);
    });
  }

  /** The connected agent, if there is one now. */
  get current(): AttachPeer | undefined {
    return this.peer;
  }

  async close(): Promise<void> {
    this.peer?.close();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

export interface LinkClientOptions {
  readonly socketPath: string;
  readonly handlers: Handlers<AgentMethods>;
  /** Called on every new connection, before anything else is sent on it. */
  readonly onConnected: (peer: AgentPeer) => void;
  readonly onDisconnected: (reason: string) => void;
}

/** The agent's end: connects, and connects again whenever the daemon was away. */
export class LinkClient {
  private peer: AgentPeer | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly options: LinkClientOptions) {
    this.connect();
  }

  /** The connection, or an error that says that the daemon is away. */
  get(): AgentPeer {
    if (this.peer) return this.peer;
    throw new HeddleError('unavailable', this.problem ?? 'the attach daemon is away');
  }

  /** What to do when there is no connection; undefined when there is one. */
  get problem(): string | undefined {
    if (this.peer) return undefined;
    return `the attach daemon does not answer on ${this.options.socketPath}; start it (heddle agent attach)`;
  }

  get connected(): boolean {
    return this.peer !== undefined;
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.peer?.close();
  }

  private connect(): void {
    const socket = createConnection(this.options.socketPath);
    const again = (reason: string): void => {
      if (this.closed) return;
      this.options.onDisconnected(reason);
      this.timer = setTimeout(() => this.connect(), 100);
    };
    const refused = (error: Error): void => {
      socket.destroy();
      again(error.message);
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      if (this.closed) return void socket.destroy();
      this.peer = new LinkPeer(socket, this.options.handlers, () => {
        this.peer = undefined;
        again('closed');
      });
      this.options.onConnected(this.peer);
    });
  }
}
