import { setMaxListeners } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { HeddleError } from '@heddle/model';
import { UnreachableError } from '../errors';
import { linesOf } from './lines';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path below the server's address, beginning with `/`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: 'application/json' | 'application/yaml'; readonly text: string };
  /** Milliseconds until the whole answer, or for a stream its beginning, must be there. */
  readonly deadlineMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

export interface HttpClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly api: string;
  /** Ends what is running when the command is stopped. */
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a stream counts as broken; the server sends something every 15 s. */
  readonly idleMs?: number;
}

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_IDLE_MS = 45_000;

/** Requests to one server over connections that are kept, each with a deadline. */
export class HttpClient {
  private readonly base: URL;
  private readonly agent: http.Agent;
  private readonly open: typeof http.request;

  constructor(private readonly options: HttpClientOptions) {
    this.base = new URL(options.api);
    // Every request that runs listens to it, and there is no limit to those.
    if (options.signal) setMaxListeners(0, options.signal);
    const secure = this.base.protocol === 'https:';
    this.open = secure ? https.request : http.request;
    this.agent = secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  }

  /** @throws UnreachableError, or HeddleError `deadline` */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const timer = deadline(request.deadlineMs ?? DEFAULT_DEADLINE_MS, this.options.signal);
    try {
      const response = await this.send(request, timer.signal);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
    } catch (error) {
      throw this.explain(error, request, timer);
    } finally {
      timer.clear();
    }
  }

  /**
   * Begins an answer without end and returns its lines once the server has accepted; an answer with an error status comes
   * as `refused`. The lines end when the server ends them.
   * @throws UnreachableError when the stream cannot be begun, and from the lines when it breaks
   */
  async stream(
    request: HttpRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly lines: AsyncIterable<string> } | { readonly refused: HttpAnswer }> {
    const timer = deadline(request.deadlineMs ?? DEFAULT_DEADLINE_MS, this.options.signal, signal);
    try {
      const response = await this.send(request, timer.signal);
      if (response.statusCode !== 200) {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        timer.clear();
        return { refused: { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') } };
      }
      timer.stop();
      return { lines: this.linesUntilEnd(response, request, timer) };
    } catch (error) {
      timer.clear();
      throw this.explain(error, request, timer);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private async *linesUntilEnd(
    response: http.IncomingMessage,
    request: HttpRequest,
    timer: Deadline,
  ): AsyncGenerator<string> {
    const idleMs = this.options.idleMs ?? DEFAULT_IDLE_MS;
    response.setTimeout(idleMs, () => response.destroy(new Error(`nothing was heard for ${idleMs} ms`)));
    try {
      yield* linesOf(response);
    } catch (error) {
      throw this.explain(error, request, timer);
    } finally {
      timer.clear();
      response.destroy();
    }
  }

  private send(request: HttpRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const url = new URL(this.base);
    url.pathname = `${this.base.pathname.replace(/\/$/, '')}${request.path}`;
    for (const [key, value] of Object.entries(request.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const body = request.body ? Buffer.from(request.body.text) : undefined;
    const headers: http.OutgoingHttpHeaders = { accept: 'application/json', ...request.headers };
    if (request.body && body)
      Object.assign(headers, { 'content-type': request.body.type, 'content-length': body.length });
    return new Promise((resolve, reject) => {
      const sent = this.open(url, { method: request.method, headers, agent: this.agent, signal });
      sent.on('response', resolve);
      sent.on('error', reject);
      sent.end(body);
    });
  }

  private explain(error: unknown, request: HttpRequest, timer: Deadline): unknown {
    if (timer.interrupted()) return timer.interrupted();
    if (timer.expired()) {
      const what = `${request.method} ${request.path}`;
      return new HeddleError('deadline', `${this.options.api} did not answer ${what} within ${timer.ms} ms`, {
        cause: error,
      });
    }
    const { code, message } = partsOf(error);
    const why = REASONS[code] ?? message;
    return new UnreachableError(`cannot reach ${this.options.api}: ${why}`, !BEFORE_CONNECTION.has(code), error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'the name service does not answer',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
  ECONNRESET: 'the connection broke',
  EPIPE: 'the connection broke',
};
const BEFORE_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);

/** Judged by shape: errors of Node's own modules are no `instanceof Error` in another realm, such as a test runner's. */
function partsOf(error: unknown): { readonly code: string; readonly message: string } {
  const { code = '', message = String(error) } = (typeof error === 'object' && error !== null ? error : {}) as Record<
    string,
    unknown
  >;
  return { code: String(code), message: String(message) };
}

interface Deadline {
  readonly ms: number;
  readonly signal: AbortSignal;
  expired(): boolean;
  /** Why the caller wanted no more, if that was it. */
  interrupted(): unknown;
  /** Time no longer matters; the caller's signals still do. */
  stop(): void;
  clear(): void;
}

function deadline(ms: number, ...outer: readonly (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController();
  const sources = outer.filter((signal) => signal !== undefined);
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, ms);
  const onAbort = (): void => controller.abort();
  for (const signal of sources) {
    if (signal.aborted) controller.abort();
    signal.addEventListener('abort', onAbort, { once: true });
  }
  return {
    ms,
    signal: controller.signal,
    expired: () => expired,
    interrupted: () => sources.find((signal) => signal.aborted)?.reason as unknown,
    stop: () => clearTimeout(timer),
    clear: () => {
      clearTimeout(timer);
      for (const signal of sources) signal.removeEventListener('abort', onAbort);
    },
  };
}
