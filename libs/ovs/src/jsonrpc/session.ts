import type { Socket } from 'node:net';
import type { Deadline } from '../connection/deadline';
import { SocketSession } from '../connection/socket-session';
import { JsonFramer } from './framer';

/** What a peer answered instead of a result. */
export class JsonRpcError extends Error {
  constructor(
    readonly method: string,
    readonly error: unknown,
  ) {
    super(`${method}: ${typeof error === 'string' ? error : JSON.stringify(error)}`);
    this.name = 'JsonRpcError';
  }
}

export interface JsonRpcSessionOptions {
  /** What the peer is called in errors. */
  readonly peer: string;
  /** Messages of the peer that ask for no answer. */
  readonly onNotification?: (method: string, params: unknown) => void;
  /** Ask the peer for a sign of life when it was silent for so long, and give it up after as long again. 0: never. */
  readonly probeIntervalMs?: number;
}

interface Pending {
  readonly method: string;
  /** Called while the message is handled, before the next one is read. */
  readonly onResult: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * JSON-RPC 1.0 over one stream socket, as OVSDB (RFC 7047) and unixctl speak it: requests in both directions, matched
 * by id; `echo` of the peer is answered here.
 */
export class JsonRpcSession extends SocketSession {
  private readonly framer = new JsonFramer();
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  constructor(
    socket: Socket,
    private readonly options: JsonRpcSessionOptions,
  ) {
    super(socket, options.peer, options.probeIntervalMs ?? 0);
  }

  /**
   * The result of a request. `onResult` sees it before any later message of the peer is handled, which matters to who
   * keeps a copy of the peer's state.
   *
   * @throws JsonRpcError what the peer answered; HeddleError `unavailable` or `deadline`.
   */
  async request(
    method: string,
    params: unknown,
    deadline: Deadline,
    onResult?: (result: unknown) => void,
  ): Promise<unknown> {
    this.assertOpen();
    const id = this.nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.pending.set(id, {
        method,
        onResult: (result) => {
          onResult?.(result);
          resolve(result);
        },
        reject,
      });
    });
    this.send({ method, params, id });
    return deadline.bound(answer, `${method} at ${this.peer}`, () => this.pending.delete(id));
  }

  protected override receive(chunk: Buffer): void {
    for (const message of this.framer.push(chunk)) this.handle(message as Record<string, unknown>);
  }

  protected override sendProbe(): void {
    this.send({ method: 'echo', params: [], id: 'probe' });
  }

  protected override failPending(error: Error): void {
    for (const pending of this.pending.values()) pending.reject(error);
    this.pending.clear();
  }

  private send(message: object): void {
    this.socket.write(JSON.stringify(message));
  }

  private handle(message: Record<string, unknown>): void {
    const { id, method } = message;
    if (typeof method === 'string') {
      if (method === 'echo') this.send({ id, result: message['params'], error: null });
      else if (id === null || id === undefined) this.options.onNotification?.(method, message['params']);
      else this.send({ id, result: null, error: 'unknown method' });
      return;
    }
    const pending = typeof id === 'number' ? this.pending.get(id) : undefined;
    if (pending === undefined) return; // an answer that came after its deadline, or to a probe
    this.pending.delete(id as number);
    const error = message['error'];
    if (error !== null && error !== undefined) pending.reject(new JsonRpcError(pending.method, error));
    else pending.onResult(message['result']);
  }
}
