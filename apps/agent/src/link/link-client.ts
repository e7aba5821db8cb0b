import { createConnection } from 'node:net';
import { systemClock, type Clock, type Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { LinkPeer, type Handlers } from './peer';
import type { AgentMethods, AttachMethods } from './protocol';

export type AgentPeer = LinkPeer<AgentMethods, AttachMethods>;

const RECONNECT_MS = 100;

export interface LinkClientOptions {
  readonly socketPath: string;
  readonly handlers: Handlers<AgentMethods>;
  /** Called on every new connection, before anything else is sent on it. */
  readonly onConnected: () => void;
  /** Called for every attempt that failed and every connection that ended. */
  readonly onDisconnected: (reason: string) => void;
  readonly clock?: Pick<Clock, 'after'>;
}

/** The agent's end: connects, and connects again whenever the daemon was away. */
export class LinkClient {
  private peer: AgentPeer | undefined;
  private timer: Timer | undefined;
  private closed = false;

  constructor(private readonly options: LinkClientOptions) {
    this.connect();
  }

  /** @throws HeddleError what the daemon answered; `unavailable` when it is away; `deadline` */
  async call<K extends keyof AttachMethods>(
    method: K,
    params: AttachMethods[K]['request'],
    deadlineMs: number,
  ): Promise<AttachMethods[K]['response']> {
    if (this.peer) return this.peer.call(method, params, deadlineMs);
    throw new HeddleError(
      'unavailable',
      `the attach daemon does not answer on ${this.options.socketPath}; start it (heddle agent attach)`,
    );
  }

  get connected(): boolean {
    return this.peer !== undefined;
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.peer?.close();
  }

  private connect(): void {
    const socket = createConnection(this.options.socketPath);
    const refused = (error: Error): void => {
      socket.destroy();
      this.again(error.message);
    };
    socket.once('error', refused);
    socket.once('connect', () => {
      socket.off('error', refused);
      if (this.closed) return void socket.destroy();
      this.peer = new LinkPeer(socket, this.options.handlers, () => {
        this.peer = undefined;
        this.again('the connection was closed');
      });
      this.options.onConnected();
    });
  }

  private again(reason: string): void {
    if (this.closed) return;
    this.options.onDisconnected(reason);
    this.timer = (this.options.clock ?? systemClock).after(RECONNECT_MS, () => this.connect());
  }
}
