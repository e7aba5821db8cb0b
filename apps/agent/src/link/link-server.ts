import { createServer, type Server } from 'node:net';
import { claimSocket, type SocketClaim } from '@heddle/docker';
import { HeddleError } from '@heddle/model';
import { LinkPeer, type Handlers } from './peer';
import type { AgentMethods, AttachMethods } from './protocol';

export type AttachPeer = LinkPeer<AttachMethods, AgentMethods>;

/** The agent of this host, as the attach daemon reaches it. */
export interface AgentAccess {
  /**
   * Asks the agent; waits for one to connect, and asks the next one when the connection ends before the answer, as when the
   * agent is started anew. All of it within the deadline.
   * @throws HeddleError what the agent answered; `unavailable` when there is none; `deadline`
   */
  ask<K extends keyof AgentMethods>(
    method: K,
    params: AgentMethods[K]['request'],
    deadlineMs: number,
  ): Promise<AgentMethods[K]['response']>;
}

interface Arrival {
  readonly resolve: (peer: AttachPeer) => void;
  readonly reject: (error: HeddleError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * The attach daemon's end: listens, and keeps the newest connection as *the* agent. Connections are few and local, so an
 * older one that lingers after a crash is simply replaced.
 */
export class LinkServer implements AgentAccess {
  private peer: AttachPeer | undefined;
  private claim: SocketClaim | undefined;
  private closed = false;
  private readonly arrivals = new Set<Arrival>();

  private constructor(
    private readonly server: Server,
    private readonly handlers: Handlers<AttachMethods>,
    private readonly onConnected: () => void,
  ) {}

  /**
   * @param onConnected called for every agent that connects: it knows nothing that an earlier one was told
   * @throws HeddleError `conflict` when another process answers on the path
   */
  static async listen(
    socketPath: string,
    handlers: Handlers<AttachMethods>,
    onError: (error: Error) => void,
    onConnected: () => void = () => undefined,
  ): Promise<LinkServer> {
    const server = createServer();
    const link = new LinkServer(server, handlers, onConnected);
    server.on('connection', (socket) => link.connected(socket));
    link.claim = await claimSocket(server, socketPath);
    server.on('error', onError);
    return link;
  }

  async ask<K extends keyof AgentMethods>(
    method: K,
    params: AgentMethods[K]['request'],
    deadlineMs: number,
  ): Promise<AgentMethods[K]['response']> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      const peer = await this.agent(Math.max(1, end - performance.now()), deadlineMs);
      try {
        return await peer.call(method, params, Math.max(1, end - performance.now()));
      } catch (error) {
        if (!peer.closed || this.closed || performance.now() >= end) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.claim?.release();
    for (const { reject, timer } of this.arrivals) {
      clearTimeout(timer);
      reject(stopping());
    }
    this.arrivals.clear();
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.peer?.close();
    await closed;
  }

  private connected(socket: ConstructorParameters<typeof LinkPeer>[0]): void {
    const peer: AttachPeer = new LinkPeer(socket, this.handlers, () => {
      if (this.peer === peer) this.peer = undefined;
    });
    const before = this.peer;
    this.peer = peer;
    // After the new one is in place: what waits for an answer of the old one asks again at once.
    before?.close();
    for (const { resolve, timer } of this.arrivals) {
      clearTimeout(timer);
      resolve(peer);
    }
    this.arrivals.clear();
    this.onConnected();
  }

  private agent(waitMs: number, deadlineMs: number): Promise<AttachPeer> {
    if (this.peer && !this.peer.closed) return Promise.resolve(this.peer);
    if (this.closed) return Promise.reject(stopping());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.arrivals.delete(arrival);
        reject(
          new HeddleError(
            'unavailable',
            `the agent of this host has not connected within ${deadlineMs} ms; start it (heddle agent) and try again`,
          ),
        );
      }, waitMs);
      const arrival: Arrival = { resolve, reject, timer };
      this.arrivals.add(arrival);
    });
  }
}

const stopping = (): HeddleError => new HeddleError('unavailable', 'the attach daemon is stopping');
