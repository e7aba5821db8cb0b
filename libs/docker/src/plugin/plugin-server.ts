import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { types } from 'node:util';
import { HeddleError } from '@heddle/model';
import { withDeadline } from '../deadline';
import { Body } from './body';
import type { PluginService, PluginWork } from './plugin-service';
import { claimSocket, type SocketClaim } from './socket-claim';

export interface PluginServerOptions {
  /** Where the engine looks: `/run/docker/plugins/NAME.sock`. At most 107 bytes. */
  readonly socketPath: string;
  readonly services: readonly PluginService[];
  /** Milliseconds after which a call is answered with an error, whatever its handler does. Default 10,000. */
  readonly deadlineMs?: number;
  /** The same for single methods, such as `{ 'NetworkDriver.Join': 20_000 }`. */
  readonly deadlines?: Readonly<Record<string, number>>;
  /** Largest body. Default 4 MiB: the engine lists every exposed port of a container. */
  readonly maxBodyBytes?: number;
  /** Told of every answered call, for logs and metrics. */
  readonly onCall?: (call: PluginCall) => void;
  /** Told of faults that no caller can be told of. */
  readonly onFault?: (error: Error) => void;
}

export interface PluginCall {
  /** Such as `NetworkDriver.Join`. */
  readonly method: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly error?: HeddleError;
}

const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_BODY_BYTES = 4 * 1024 * 1024;
/** Bodies being received at one time, all together. */
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;
const MAX_CONNECTIONS = 256;
const MAX_ERROR_LENGTH = 4096;
/** For the last answers of a server that stops. */
const FINAL_REPLY_MS = 200;
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1+json';

/**
 * A Docker plugin: HTTP over a Unix socket. The engine waits for a plugin without a limit and without a way out, also
 * while it starts itself; therefore every request is answered, within a deadline, with an error rather than silence.
 */
export class PluginServer {
  private readonly server: Server;
  private claim: SocketClaim | undefined;
  private buffered = 0;
  private readonly stopping = new AbortController();

  constructor(private readonly options: PluginServerOptions) {
    this.server = createServer(
      {
        maxHeaderSize: 16 * 1024,
        headersTimeout: 5000,
        requestTimeout: 10_000,
        connectionsCheckingInterval: 1000,
        // The engine keeps its connections; closing one while it sends makes it retry after a second's pause.
        keepAliveTimeout: 0,
      },
      (request, response) => void this.serve(request, response),
    );
    this.server.maxConnections = MAX_CONNECTIONS;
    // Every call listens; Node would take more than ten for a leak.
    setMaxListeners(0, this.stopping.signal);
    this.server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (!socket.writable) return void socket.destroy();
      const slow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
      const reply = slow
        ? rawReply('408 Request Timeout', 'the request did not arrive in time')
        : rawReply('400 Bad Request', 'the request is not HTTP; send a POST with a JSON body');
      socket.end(reply, () => socket.destroy());
    });
    this.server.on('connect', (_request, socket) => {
      socket.end(rawReply('405 Method Not Allowed', 'a plugin is no proxy'), () => socket.destroy());
    });
  }

  /**
   * Starts to listen. Throws `invalid` for a path that is too long, `conflict` when somebody else answers on it.
   */
  async start(): Promise<void> {
    this.claim = await claimSocket(this.server, this.options.socketPath);
    this.server.on('error', (error) => this.options.onFault?.(error));
  }

  /**
   * Stops to listen, for good. Calls that are under way may finish for `graceMs`; those that do not are answered with an
   * error, as everything is, before their connections are closed.
   */
  async stop(graceMs = 1000): Promise<void> {
    await this.claim?.release();
    this.claim = undefined;
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const giveUp = setTimeout(() => {
      this.stopping.abort(new HeddleError('unavailable', 'the plugin is stopping; try again when it is back'));
    }, graceMs);
    const cut = setTimeout(() => this.server.closeAllConnections(), graceMs + FINAL_REPLY_MS);
    await closed;
    clearTimeout(giveUp);
    clearTimeout(cut);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const method = (request.url ?? '').replace(/^\//, '').slice(0, 200);
    let answer: Answer;
    try {
      answer = { status: 200, body: JSON.stringify(await this.answer(method, request)) };
    } catch (thrown) {
      answer = this.failure(method, thrown);
    }
    try {
      send(response, answer);
      // What is left of a refused body is of no interest.
      request.resume();
      this.options.onCall?.({
        method,
        status: answer.status,
        milliseconds: performance.now() - started,
        ...(answer.error ? { error: answer.error } : {}),
      });
    } catch (thrown) {
      this.options.onFault?.(toError(thrown));
    }
  }

  /** A failed operation is an ordinary answer with an error text; a request that is wrong has a status as well. */
  private failure(method: string, thrown: unknown): Answer {
    const error = HeddleError.from(toError(thrown));
    const service = this.options.services.find(({ name }) => method.startsWith(`${name}.`));
    const text = `${error.code}: ${error.message}`.replaceAll(/\s+/g, ' ').slice(0, MAX_ERROR_LENGTH);
    return {
      status: error instanceof Refused ? error.status : 200,
      body: JSON.stringify({ [service?.errorKey ?? 'Err']: text }),
      error,
    };
  }

  private async answer(method: string, request: IncomingMessage): Promise<object> {
    if (request.method !== 'POST') throw new Refused(405, `found ${request.method}; plugins are called with POST`);
    const work = this.find(method);
    const body = await this.read(request);
    const begin = (): PluginWork => {
      try {
        return work(Body.from(body));
      } catch (error) {
        throw new Refused(400, HeddleError.from(toError(error)).message);
      }
    };
    const ms = this.options.deadlines?.[method] ?? this.options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    const advice = "try again; the plugin's log tells what it waits for";
    return withDeadline({ what: method, ms, advice, signal: this.stopping.signal }, begin());
  }

  private find(method: string): (body: Body) => PluginWork {
    const { services } = this.options;
    if (method === 'Plugin.Activate') {
      return () => async () => ({ Implements: services.map((service) => service.name) });
    }
    const [family, name = ''] = method.split('.', 2);
    const methods = services.find((service) => service.name === family)?.methods ?? {};
    const found = Object.hasOwn(methods, name) && method === `${family}.${name}` ? methods[name] : undefined;
    if (!found) throw new Refused(404, 'this plugin has no such method');
    return found;
  }

  private async read(request: IncomingMessage): Promise<unknown> {
    const limit = this.options.maxBodyBytes ?? DEFAULT_BODY_BYTES;
    const tooLarge = new Refused(413, `the body is larger than ${limit} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      // The default, to destroy what was not read to its end, would take the connection and the answer with it.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        this.buffered += chunk.length;
        if (size > limit) throw tooLarge;
        if (this.buffered > MAX_BUFFERED_BYTES) throw new Refused(503, 'too many large requests at once; try again');
        chunks.push(chunk);
      }
    } finally {
      this.buffered -= size;
    }
    const text = Buffer.concat(chunks).toString('utf8');
    if (text.trim() === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Refused(400, `the body is not JSON: ${(error as Error).message}`);
    }
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly error?: HeddleError;
}

/** Handlers may throw anything; not everything can be printed. */
const toError = (thrown: unknown): Error =>
  types.isNativeError(thrown) ? thrown : new Error(typeof thrown === 'string' ? thrown : `a thrown ${typeof thrown}`);

/** A request that is answered with an HTTP status of its own, because no handler was asked. */
class Refused extends HeddleError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(status === 404 ? 'not-found' : status === 503 ? 'unavailable' : 'invalid', message);
  }
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, {
    'Content-Type': CONTENT_TYPE,
    'Content-Length': Buffer.byteLength(body),
    // What is left of a refused body would be read as the next request.
    ...(response.req.complete ? {} : { Connection: 'close' }),
  });
  response.end(body);
}

/** An answer to what never became a request. */
function rawReply(status: string, message: string): string {
  const body = JSON.stringify({ Err: message });
  return [
    `HTTP/1.1 ${status}`,
    `Content-Type: ${CONTENT_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
