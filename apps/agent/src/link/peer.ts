import type { Socket } from 'node:net';
import { HeddleError } from '@heddle/model';
import type { Method } from './protocol';

/** A line longer than this is no message of ours; UTF-16 units. */
const MAX_LINE = 16 * 1024 * 1024;

type Methods<M> = { [K in keyof M]: Method };

/** Answers to the methods of `M`. What a handler throws reaches the caller as a HeddleError. */
export type Handlers<M extends Methods<M>> = {
  readonly [K in keyof M]: (params: M[K]['request']) => Promise<M[K]['response']>;
};

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HeddleError) => void;
  readonly timer: NodeJS.Timeout;
}

interface Message {
  readonly id: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

/**
 * One end of the connection between agent and attach daemon: asks with a deadline and answers with the given handlers.
 * `Mine` are the methods that this end answers, `Theirs` those it may call. One JSON value a line, in both directions.
 */
export class LinkPeer<Mine extends Methods<Mine>, Theirs extends Methods<Theirs>> {
  private readonly waiting = new Map<number, Waiting>();
  private nextId = 1;
  private pieces: string[] = [];
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
        reject(closedError());
      }
      this.waiting.clear();
      onClose();
    });
  }

  /** Whether the connection is gone: an error of a call then says nothing about the other side's answer. */
  get closed(): boolean {
    return this.socket.destroyed;
  }

  /** @throws HeddleError what the other side threw; `deadline`; `unavailable` when the connection ends before the answer */
  call<K extends keyof Theirs & string>(
    method: K,
    params: Theirs[K]['request'],
    deadlineMs: number,
  ): Promise<Theirs[K]['response']> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(closedError());
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

  private send(message: Message): void {
    if (!this.closed) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  private take(chunk: string): void {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      this.pieces.push(chunk.slice(start, end));
      const line = this.pieces.join('');
      this.pieces = [];
      this.buffered = 0;
      start = end + 1;
      if (!this.receive(line)) return this.close();
    }
    if (start === chunk.length) return;
    this.pieces.push(chunk.slice(start));
    this.buffered += chunk.length - start;
    if (this.buffered > MAX_LINE) this.close();
  }

  /** Returns whether the line was a message; after one that was not, nothing that follows can be trusted to be one. */
  private receive(line: string): boolean {
    const message = readMessage(line);
    if (!message) return false;
    if (message.method !== undefined) {
      void this.answer(message.id, message.method, message.params);
      return true;
    }
    const waiting = this.waiting.get(message.id);
    // Late: its caller was told that there was no answer.
    if (!waiting) return true;
    this.waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.error !== undefined) waiting.reject(HeddleError.fromJSON(message.error));
    else waiting.resolve(message.result);
    return true;
  }

  private async answer(id: number, method: string, params: unknown): Promise<void> {
    const handlers = this.handlers as Record<string, (params: unknown) => Promise<unknown>>;
    try {
      const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined;
      if (!handler) {
        throw new HeddleError(
          'invalid',
          `unknown method "${method}"; agent and attach daemon are of different versions`,
        );
      }
      this.send({ id, result: await handler(params) });
    } catch (error) {
      this.send({ id, error: HeddleError.from(error).toJSON() });
    }
  }
}

const closedError = (): HeddleError =>
  new HeddleError('unavailable', 'the connection between agent and attach daemon was closed');

function readMessage(line: string): Message | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, method } = value as Record<string, unknown>;
  const ok = typeof id === 'number' && (method === undefined || typeof method === 'string');
  return ok ? (value as Message) : undefined;
}
