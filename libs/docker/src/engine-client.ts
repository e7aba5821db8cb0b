import { setMaxListeners } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { HeddleError } from '@heddle/model';
import { withDeadline } from './deadline';
import { engineError } from './engine-error';
import { LinkedAbort } from './linked-abort';

type Options = { readonly abortSignal: AbortSignal; readonly [key: string]: unknown };

/**
 * What is used of dockerode. Its published types know the abort signal, and query and body apart (`_query`, `_body`), in
 * some places only. Answers are `unknown`: the engine decides what they are.
 */
export interface DockerApi {
  ping(options: Options): Promise<unknown>;
  version(options: Options): Promise<unknown>;
  info(options: Options): Promise<unknown>;
  createContainer(options: Options): Promise<{ readonly id: string }>;
  listContainers(options: Options): Promise<unknown>;
  getContainer(id: string): {
    start(options: Options): Promise<unknown>;
    stop(options: Options): Promise<unknown>;
    kill(options: Options): Promise<unknown>;
    remove(options: Options): Promise<unknown>;
    inspect(options: Options): Promise<unknown>;
    stats(options: Options): Promise<unknown>;
  };
  getImage(reference: string): { inspect(options: Options): Promise<unknown> };
  importImage(tar: Readable | Buffer, options: Options): Promise<NodeJS.ReadableStream>;
  createNetwork(options: Options): Promise<{ readonly id: string }>;
  listNetworks(options: Options): Promise<unknown>;
  getNetwork(id: string): { remove(options: Options): Promise<unknown> };
  /** For what has no method: a stream of plain bytes of any path, ended by a signal. */
  readonly modem: { dial(options: object, callback: (error: unknown, body: unknown) => void): void };
}

export interface StreamRequest {
  readonly method: 'GET' | 'POST';
  /** Path with its leading slash, without the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | boolean | object>>;
}

export interface CallLimits {
  readonly ms: number;
  readonly signal?: AbortSignal | undefined;
  readonly advice?: string;
}

/** How long a stream may take to answer at all; afterwards it may be silent for as long as it likes. */
const STREAM_OPEN_MS = 10_000;

/**
 * dockerode over one Unix socket, the only place that imports it: calls with a deadline, and streams without one. The two
 * have connection pools of their own, so that open streams cannot keep calls waiting. Connections are not kept: opening a
 * Unix socket costs nothing, and a kept one may be dead after a restart of the engine.
 */
export class EngineClient {
  private readonly closing = new AbortController();
  private readonly calls: DockerApi;
  private readonly streams: DockerApi;

  constructor(readonly socketPath: string) {
    // Every call and stream listens; Node would take more than ten for a leak.
    setMaxListeners(0, this.closing.signal);
    this.calls = connect(socketPath, 64);
    this.streams = connect(socketPath, Infinity);
  }

  /** One request and its answer. */
  async call<T>(
    what: string,
    limits: CallLimits,
    run: (docker: DockerApi, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const life = new LinkedAbort(limits.signal, this.closing.signal);
    try {
      return await withDeadline({ what, ...limits, signal: life.signal }, (abort) => run(this.calls, abort));
    } catch (error) {
      throw engineError(what, error, this.socketPath);
    } finally {
      life.release();
    }
  }

  /** Opens a stream; it lives until it ends, `signal` is aborted or the client is closed. */
  async stream(what: string, request: StreamRequest, signal?: AbortSignal): Promise<EngineStream> {
    const life = new LinkedAbort(signal, this.closing.signal);
    try {
      const body = await withDeadline({ what, ms: STREAM_OPEN_MS, signal: life.signal }, () =>
        dial(this.streams, request, life.signal),
      );
      body.once('close', () => life.release());
      return { body, cancel: () => life.abort() };
    } catch (error) {
      life.release();
      life.abort();
      throw engineError(what, error, this.socketPath);
    }
  }

  /** Fires when the client is closed. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  close(): void {
    this.closing.abort(new HeddleError('unavailable', 'the connection to the engine was closed by its owner'));
  }
}

export interface EngineStream {
  readonly body: IncomingMessage;
  readonly cancel: () => void;
}

/**
 * docker-modem describes every request for its debug log, whether that is on or not, with everything that can be reached from
 * it. From an ordinary agent these are all other requests and their sockets: with a hundred under way that took seconds each.
 */
class QuietAgent extends Agent {
  [inspect.custom](): string {
    return 'Agent';
  }
}

function connect(socketPath: string, maxSockets: number): DockerApi {
  const options = {
    socketPath,
    agent: new QuietAgent({ keepAlive: false, maxSockets }),
    protocol: 'http',
    // DOCKER_HOST and its companions in the environment would win over the path otherwise.
    host: undefined,
    port: undefined,
    timeout: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  return new Docker(options as Docker.DockerOptions) as unknown as DockerApi;
}

function dial(
  docker: DockerApi,
  { method, path, query }: StreamRequest,
  abortSignal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        method,
        path: `${path}?`,
        options: { _query: query, _body: {} },
        abortSignal,
        isStream: true,
        statusCodes: { 200: true, 400: 'bad parameter', 404: 'not found', 409: 'conflict', 500: 'server error' },
      },
      (error, body) => (error ? reject(error as Error) : resolve(body as IncomingMessage)),
    );
  });
}
