import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import {
  connect,
  createInbox,
  ErrorCode,
  Events,
  headers as newHeaders,
  nkeyAuthenticator,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type NatsError,
  type QueuedIterator,
  type Status,
  type Subscription,
} from 'nats';
import { backoff, pause, withDeadline } from '../async';
import { Listeners, type Unsubscribe } from '../listeners';
import { subjects } from '../subjects';
import type { ConnectionState, RawMessage, RawSubscription, Transport } from '../transport';
import type { Headers } from '../wire';
import { fromNats } from './nats-error';

/** The server's default, until one has told its own. */
const DEFAULT_MAX_PAYLOAD = 1_048_576;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_MOST_MS = 1_000;
/** A peer that is silently gone is noticed after about two to three of these. */
const PING_INTERVAL_MS = 3_000;
const DIAL_TIMEOUT_MS = 3_000;

export interface NatsTransportOptions {
  /** `host:port` or `nats://host:port`. */
  readonly servers: string | readonly string[];
  readonly name: string;
  readonly host?: string;
  /** Seed of the nkey user (`SU...`). Without it the server must admit users without authentication. */
  readonly seed?: string;
  readonly inboxPrefix?: string;
  readonly clock: Clock;
}

interface Wanted {
  readonly subject: string;
  readonly queue?: string;
  readonly onMessage: (message: RawMessage) => void;
  readonly onError: (error: HeddleError) => void;
  bound?: Subscription;
}

/**
 * A connection to NATS that is made again whenever it is lost, for ever, and may be asked for before there is a server.
 * Subscriptions hold across all of that. The client library's own reconnecting is off: it keeps what is published while
 * there is no connection, and sends it late or never, as it happens.
 */
export class NatsTransport implements Transport {
  private current: ConnectionState = 'connecting';
  private connection: NatsConnection | undefined;
  private readonly wanted = new Set<Wanted>();
  private readonly stateListeners = new Listeners<[ConnectionState]>();
  private readonly errorListeners = new Listeners<[HeddleError]>();
  private readonly closing = new AbortController();
  private readonly inboxPrefix: string;
  private failure: HeddleError | undefined;

  constructor(private readonly options: NatsTransportOptions) {
    this.inboxPrefix = options.inboxPrefix ?? subjects.inboxPrefix(options.host);
    void this.keepConnected();
  }

  get state(): ConnectionState {
    return this.current;
  }

  get maxPayload(): number {
    return this.connection?.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
  }

  get server(): string | undefined {
    return this.current === 'connected' ? this.connection?.getServer() : undefined;
  }

  get lastError(): HeddleError | undefined {
    return this.current === 'connected' ? undefined : this.failure;
  }

  /** The client's connection, for the stores of this folder. Throws `unavailable` when not connected. */
  live(): NatsConnection {
    if (this.connection === undefined || this.current !== 'connected') throw this.unavailable();
    return this.connection;
  }

  onState(listener: (state: ConnectionState) => void): Unsubscribe {
    return this.stateListeners.add(listener);
  }

  onError(listener: (error: HeddleError) => void): Unsubscribe {
    return this.errorListeners.add(listener);
  }

  inbox(): string {
    return createInbox(this.inboxPrefix);
  }

  publish(subject: string, data: Uint8Array, options: { headers: Headers; reply?: string }): void {
    const { headers, reply } = options;
    try {
      this.live().publish(subject, data, { headers: toNats(headers), ...(reply === undefined ? {} : { reply }) });
    } catch (error) {
      throw fromNats(error, `cannot publish on ${subject}`);
    }
  }

  async request(
    subject: string,
    data: Uint8Array,
    options: { headers: Headers; timeoutMs: number },
  ): Promise<RawMessage> {
    const { headers, timeoutMs } = options;
    const connection = this.live();
    try {
      return fromMsg(await connection.request(subject, data, { headers: toNats(headers), timeout: timeoutMs }));
    } catch (error) {
      const failure = fromNats(error, `the request to ${subject}`);
      if (failure.code !== 'deadline') throw failure;
      const why = connection.isClosed()
        ? 'the connection was lost before the answer came'
        : `no answer within ${timeoutMs} ms`;
      throw new HeddleError('deadline', `the request to ${subject}: ${why}; whether it took effect is unknown`, {
        cause: error,
      });
    }
  }

  subscribe(
    subject: string,
    options: { queue?: string; onMessage(message: RawMessage): void; onError(error: HeddleError): void },
  ): RawSubscription {
    const wanted: Wanted = { subject, ...options };
    this.wanted.add(wanted);
    if (this.connection !== undefined && !this.connection.isClosed()) this.bind(this.connection, wanted);
    return {
      unsubscribe: () => {
        this.wanted.delete(wanted);
        if (this.connection !== undefined && !this.connection.isClosed()) wanted.bound?.unsubscribe();
      },
    };
  }

  async flush(timeoutMs: number): Promise<void> {
    const late = new HeddleError('deadline', `NATS did not confirm within ${timeoutMs} ms`);
    try {
      await withDeadline(this.live().flush(), timeoutMs, this.options.clock, () => late);
    } catch (error) {
      throw fromNats(error, 'waiting for NATS to confirm');
    }
  }

  async drain(timeoutMs: number): Promise<void> {
    this.closing.abort();
    const { connection } = this;
    if (connection !== undefined && this.current === 'connected') {
      const late = new HeddleError('deadline', `draining took longer than ${timeoutMs} ms; the connection was closed`);
      await withDeadline(connection.drain(), timeoutMs, this.options.clock, () => late).catch((error: unknown) =>
        this.errorListeners.emit(fromNats(error, 'draining')),
      );
    }
    await this.close();
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.become('closed');
    await this.connection?.close();
  }

  private async keepConnected(): Promise<void> {
    const { signal } = this.closing;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const connection = await this.dial();
        attempt = 0;
        await this.use(connection);
      } catch (error) {
        this.fail(fromNats(error, `no connection to NATS at ${[this.options.servers].flat().join(', ')}`));
      }
      if (this.current === 'connected') this.become('disconnected');
      await pause(this.options.clock, backoff(attempt, RECONNECT_FIRST_MS, RECONNECT_MOST_MS), signal);
    }
  }

  private dial(): Promise<NatsConnection> {
    const { servers, name, seed } = this.options;
    return connect({
      servers: [servers].flat(),
      name,
      inboxPrefix: this.inboxPrefix,
      reconnect: false,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      timeout: DIAL_TIMEOUT_MS,
      noAsyncTraces: true,
      ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
    });
  }

  /** Serves one client connection until it is lost. */
  private async use(connection: NatsConnection): Promise<void> {
    if (this.closing.signal.aborted) return connection.close();
    this.connection = connection;
    for (const wanted of this.wanted) this.bind(connection, wanted);
    this.become('connected');
    const events = connection.status();
    void this.watch(events);
    // The client does not end the events by itself.
    const reason = await connection.closed().finally(() => (events as QueuedIterator<Status>).stop());
    if (reason) throw reason;
  }

  private async watch(events: AsyncIterable<Status>): Promise<void> {
    for await (const status of events) {
      if (status.type === Events.Disconnect) this.become('disconnected');
      if (status.type === Events.Error && status.permissionContext !== undefined) {
        const { operation, subject } = status.permissionContext;
        this.errorListeners.emit(
          new HeddleError('forbidden', `NATS refuses ${this.options.name} the ${operation} on ${subject}`),
        );
      }
    }
  }

  /** A server that is away is told by the state; that it does not admit us is told once each time. */
  private fail(error: HeddleError): void {
    const news = error.code !== 'unavailable' && error.code !== this.failure?.code;
    this.failure = error;
    if (news) this.errorListeners.emit(error);
  }

  private bind(connection: NatsConnection, wanted: Wanted): void {
    wanted.bound = connection.subscribe(wanted.subject, {
      ...(wanted.queue === undefined ? {} : { queue: wanted.queue }),
      callback: (error: NatsError | null, message: Msg) => {
        if (error === null) return wanted.onMessage(fromMsg(message));
        // The client has given the subscription up; a later connection does not ask again for what was refused.
        this.wanted.delete(wanted);
        if (error.code !== ErrorCode.Timeout) wanted.onError(fromNats(error, `the subscription to ${wanted.subject}`));
      },
    });
  }

  private become(state: ConnectionState): void {
    if (this.current === state || this.current === 'closed') return;
    this.current = state;
    if (state === 'connected') this.failure = undefined;
    this.stateListeners.emit(state);
  }

  private unavailable(): HeddleError {
    return this.current === 'closed'
      ? new HeddleError('unavailable', `the connection of ${this.options.name} has been closed`, { retryable: false })
      : new HeddleError('unavailable', `${this.options.name} is not connected to NATS; nothing was sent`);
  }
}

export function toNats(headers: Headers): MsgHdrs {
  const result = newHeaders();
  for (const name in headers) result.set(name, headers[name] as string);
  return result;
}

export function fromMsg(message: Msg): RawMessage {
  const headers: Record<string, string> = {};
  if (message.headers) {
    for (const [name, values] of message.headers) headers[name] = values[0] as string;
  }
  return {
    subject: message.subject,
    data: message.data,
    headers,
    ...(message.reply ? { reply: message.reply } : {}),
    ...(message.headers?.code === 503 ? { noResponders: true } : {}),
  };
}
