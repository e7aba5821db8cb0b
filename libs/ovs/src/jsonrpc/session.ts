import type { Socket } from 'node:net';
import { HeddleError } from '@heddle/model';
import type { Deadline } from '../connection/deadline';
import type { Session } from '../connection/reconnector';
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
 * JSON-RPC 1.0 over one stream socket, as OVSDB (RFC 7047) and unixctl speak it: requests in both directions, matched by
 * id; `echo` of the peer is answered here.
 */
export class JsonRpcSession implements Session {
  readonly closed: Promise<Error>;
  private readonly framer = new JsonFramer();
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private reason: Error | undefined;
  private lastHeard = performance.now();
  private probe: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly options: JsonRpcSessionOptions,
  ) {
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve(this.finish()));
    });
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => socket.destroy());
    if (options.probeIntervalMs) this.startProbing(options.probeIntervalMs);
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
    if (this.reason) throw this.lost(this.reason);
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
    return deadline.bound(answer, `${method} at ${this.options.peer}`, () => this.pending.delete(id));
  }

  close(reason: Error): void {
    this.reason ??= reason;
    this.socket.destroy();
  }

  private send(message: object): void {
    this.socket.write(JSON.stringify(message));
  }

  private receive(chunk: Buffer): void {
    this.lastHeard = performance.now();
    try {
      for (const message of this.framer.push(chunk)) this.handle(message as Record<string, unknown>);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
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
    if (pending === undefined) return; // an answer that came after its deadline
    this.pending.delete(id as number);
    const error = message['error'];
    if (error !== null && error !== undefined) pending.reject(new JsonRpcError(pending.method, error));
    else pending.onResult(message['result']);
  }

  private finish(): Error {
    clearInterval(this.probe);
    this.reason ??= new HeddleError('unavailable', `${this.options.peer} closed the connection`);
    const error = this.lost(this.reason);
    for (const pending of this.pending.values()) pending.reject(error);
    this.pending.clear();
    return this.reason;
  }

  private lost(reason: Error): HeddleError {
    return new HeddleError('unavailable', `the connection to ${this.options.peer} is lost: ${reason.message}`, {
      cause: reason,
    });
  }

  private startProbing(intervalMs: number): void {
    this.probe = setInterval(() => {
      const silence = performance.now() - this.lastHeard;
      if (silence >= 2 * intervalMs) {
        this.close(new HeddleError('unavailable', `${this.options.peer} did not answer for ${Math.round(silence)} ms`));
      } else if (silence >= intervalMs) {
        this.send({ method: 'echo', params: [], id: 'probe' });
      }
    }, intervalMs / 2);
    this.probe.unref();
  }
}
