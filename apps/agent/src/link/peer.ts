import type { Socket } from 'node:net';
import { HeddleError, type ErrorBody } from '@heddle/model';

/** A line longer than this is no message of ours. */
const MAX_LINE = 16 * 1024 * 1024;

export type Handlers<M> = {
  readonly [K in keyof M]: (
    params: M[K] extends { request: infer R } ? R : never,
  ) => Promise<M[K] extends { response: infer R } ? R : never>;
};

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HeddleError) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One end of the connection between agent and attach daemon: asks with a deadline and answers with the given handlers.
 * `Mine` are the methods that this end answers, `Theirs` those it may call.
 */
export class LinkPeer<Mine extends object, Theirs extends object> {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private buffer: string[] = [];
  private buffered = 0;

  constructor(
    private readonly socket: Socket,
    private readonly handlers: Handlers<Mine>,
    onClose: () => void,
  ) {
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.take(chunk));
    // An error is always followed by close, where every waiting call is told.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const { reject, timer } of this.waiting.values()) {
        clearTimeout(timer);
        reject(new HeddleError('unavailable', 'the connection between agent and attach daemon was closed'));
      }
      this.waiting.clear();
      onClose();
    });
  }

  call<K extends keyof Theirs & string>(
    method: K,
    params: Theirs[K] extends { request: infer R } ? R : never,
    deadlineMs: number,
  ): Promise<Theirs[K] extends { response: infer R } ? R : never> {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed)
        return reject(new HeddleError('unavailable', 'the connection between agent and attach daemon is closed'));
      const id = this.nextId++;
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new HeddleError('deadline', `no answer to ${method} within ${deadlineMs} ms`));
      }, deadlineMs);
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
      this.send({ id, method, params });
    });
  }

  close(): void {
    this.socket.destroy();
  }

  private send(message: unknown): void {
    if (!this.socket.destroyed) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  private take(chunk: string): void {
    let rest = chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      this.buffer.push(rest.slice(0, end));
      const line = this.buffer.join('');
      this.buffer = [];
      this.buffered = 0;
      rest = rest.slice(end + 1);
      this.receive(line);
    }
    if (rest === '') return;
    this.buffer.push(rest);
    this.buffered += rest.length;
    if (this.buffered > MAX_LINE) this.socket.destroy();
  }

  private receive(line: string): void {
    let message: { id?: number; method?: string; params?: unknown; result?: unknown; error?: ErrorBody };
    try {
      message = JSON.parse(line);
    } catch {
      // Not one of ours: nothing that follows can be trusted to be a message either.
      this.socket.destroy();
      return;
    }
    if (typeof message.id !== 'number') return;
    if (message.method !== undefined) {
      void this.answer(message.id, message.method, message.params);
      return;
    }
    const waiting = this.waiting.get(message.id);
    if (!waiting) return;
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error !== undefined) waiting.reject(HeddleError.fromJSON(message.error));
    else waiting.resolve(message.result);
  }

  private async answer(id: number, method: string, params: unknown): Promise<void> {
    const handlers = this.handlers as Record<string, (params: unknown) => Promise<unknown>>;
    try {
      if (!Object.hasOwn(handlers, method))
        throw new HeddleError(
          'invalid',
          `unknown method "${method}"; agent and attach daemon are of different versions`,
        );
      this.send({ id, result: await handlers[method]!(params) });
    } catch (error) {
      this.send({ id, error: HeddleError.from(error).toJSON() });
    }
  }
}
