import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { abortError, AsyncQueue, withDeadline } from '../async';
import { Listeners, type Unsubscribe } from '../listeners';
import { subjects } from '../subjects';
import type { Transport } from '../transport';
import {
  checkSize,
  checkWire,
  contextFrom,
  contextHeaders,
  decodeBody,
  encodeBody,
  HEADER,
  type RequestContext,
} from '../wire';
import type {
  BusMessage,
  BusPort,
  BusProblem,
  BusStatus,
  BusSubscription,
  RequestHandler,
  RequestOptions,
  ServeOptions,
  StreamHandler,
  StreamOptions,
  SubscribeOptions,
} from './bus-port';
import { Responder } from './responder';
import { DEFAULT_IDLE_MS, DEFAULT_WINDOW } from './stream-protocol';
import { decoded, StreamReader } from './stream-reader';

const DRAIN_MS = 5_000;

export interface BusOptions {
  /** Who this is: `scheduler@host`. */
  readonly name: string;
  /** The host whose agent this is; absent in the control plane. */
  readonly host?: string;
  readonly clock?: Clock;
}

/** The messages of Heddle over a {@link Transport}: deadlines, errors, contexts, streams are the same over each of them. */
export class Bus implements BusPort {
  readonly name: string;
  readonly host?: string;
  private readonly clock: Clock;
  private readonly statusListeners = new Listeners<[BusStatus]>((error) => this.report('handler', 'status', error));
  private readonly problemListeners = new Listeners<[BusProblem]>();
  private readonly open = new Set<BusSubscription>();
  private since: number;
  private reconnects = 0;

  constructor(
    private readonly transport: Transport,
    options: BusOptions,
  ) {
    this.name = options.name;
    if (options.host !== undefined) this.host = options.host;
    this.clock = options.clock ?? systemClock;
    this.since = this.clock.now();
    let was = transport.state;
    transport.onState((state) => {
      if (state === 'connected' && was === 'disconnected') this.reconnects++;
      was = state;
      this.since = this.clock.now();
      this.statusListeners.emit(this.status());
    });
    transport.onError((error) => this.report('refused', '', error));
  }

  status(): BusStatus {
    const { state, server, lastError } = this.transport;
    return {
      state,
      since: this.since,
      reconnects: this.reconnects,
      ...(server === undefined ? {} : { server }),
      ...(lastError === undefined ? {} : { error: lastError }),
    };
  }

  onStatus(listener: (status: BusStatus) => void): Unsubscribe {
    return this.statusListeners.add(listener);
  }

  onProblem(listener: (problem: BusProblem) => void): Unsubscribe {
    return this.problemListeners.add(listener);
  }

  async whenConnected(deadlineMs: number, signal?: AbortSignal): Promise<void> {
    const { transport } = this;
    if (transport.state === 'connected') return;
    if (signal?.aborted) throw abortError(signal, 'the wait for a connection');
    let stop: Unsubscribe | undefined;
    let onAbort: (() => void) | undefined;
    const connected = new Promise<void>((resolve, reject) => {
      if (transport.state === 'closed') reject(closedError(this.name));
      stop = transport.onState((state) => {
        if (state === 'connected') resolve();
        else if (state === 'closed') reject(closedError(this.name));
      });
      onAbort = () => reject(abortError(signal as AbortSignal, 'the wait for a connection'));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      await withDeadline(connected, deadlineMs, this.clock, () => this.notConnected(` after waiting ${deadlineMs} ms`));
    } finally {
      stop?.();
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  newContext(): RequestContext {
    const principal = this.host === undefined ? `service:${this.name}` : `host:${this.host}`;
    return { principal, requestId: randomUUID() };
  }

  async request<T = unknown>(subject: string, body: unknown, options: RequestOptions<T>): Promise<T> {
    const { deadlineMs, decode, signal } = options;
    const started = this.clock.monotonic();
    const data = encodeBody(body);
    const headers = this.requestHeaders(subject, data, options.context, deadlineMs);
    await this.ensureConnected(options, deadlineMs);
    const timeoutMs = Math.max(1, Math.ceil(deadlineMs - (this.clock.monotonic() - started)));
    if (signal?.aborted) throw abortError(signal, `the request to ${subject}`);
    headers[HEADER.deadline] = String(timeoutMs);
    const reply = await abortable(this.transport.request(subject, data, { headers, timeoutMs }), signal, subject);
    const what = `the reply of ${subject}`;
    checkWire(reply.headers, what);
    const value = decodeBody(reply.data, what);
    if (HEADER.error in reply.headers) throw HeddleError.fromJSON(value);
    return decoded(value, decode);
  }

  call<T = unknown>(service: string, method: string, body: unknown, options: RequestOptions<T>): Promise<T> {
    return this.request(this.subjectOf(service, method), body, options);
  }

  requestStream<T = unknown>(subject: string, body: unknown, options: StreamOptions<T>): AsyncIterableIterator<T> {
    const { deadlineMs, context, idleMs = DEFAULT_IDLE_MS, window = DEFAULT_WINDOW, decode, signal } = options;
    const data = encodeBody(body);
    const headers = this.requestHeaders(subject, data, context, deadlineMs);
    const started = this.clock.monotonic();
    const reader = new StreamReader<T>({
      transport: this.transport,
      clock: this.clock,
      subject,
      data,
      headers,
      ownHeaders: contextHeaders(this.newContext()),
      get openMs() {
        return Math.max(1, deadlineMs - (clock.monotonic() - started));
      },
      idleMs,
      window,
      ...(decode === undefined ? {} : { decode }),
      ...(signal === undefined ? {} : { signal }),
    });
    const clock = this.clock;
    if (this.transport.state === 'connected') reader.open();
    else {
      this.ensureConnected(options, deadlineMs).then(
        () => reader.open(),
        (error: unknown) => reader.fail(HeddleError.from(error)),
      );
    }
    return reader.read();
  }

  callStream<T = unknown>(
    service: string,
    method: string,
    body: unknown,
    options: StreamOptions<T>,
  ): AsyncIterableIterator<T> {
    return this.requestStream(this.subjectOf(service, method), body, options);
  }

  serve(subject: string, options: ServeOptions, handler: RequestHandler): BusSubscription {
    return this.respond(subject, options, { single: handler });
  }

  serveStream(subject: string, options: ServeOptions, handler: StreamHandler): BusSubscription {
    return this.respond(subject, options, { stream: handler });
  }

  publish(subject: string, body: unknown, context: RequestContext = this.newContext()): void {
    const data = encodeBody(body);
    const headers = contextHeaders(context);
    checkSize(`the message to ${subject}`, headers, data, this.transport.maxPayload);
    this.transport.publish(subject, data, { headers });
  }

  subscribe(
    subject: string,
    options: SubscribeOptions,
    onMessage: (message: BusMessage) => void | Promise<void>,
  ): BusSubscription {
    const fail = (kind: BusProblem['kind'], at: string, error: unknown): void => {
      if (options.onError) options.onError(HeddleError.from(error));
      else this.report(kind, at, error);
    };
    const raw = this.transport.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      onError: (error) => fail('refused', subject, error),
      onMessage: (message) => {
        let decodedMessage: BusMessage;
        try {
          const what = `a message on ${message.subject}`;
          checkWire(message.headers, what);
          const context = contextFrom(message.headers, what);
          decodedMessage = { subject: message.subject, body: decodeBody(message.data, what), context };
        } catch (error) {
          return fail('message', message.subject, error);
        }
        try {
          onMessage(decodedMessage)?.catch((error: unknown) => fail('handler', message.subject, error));
        } catch (error) {
          fail('handler', message.subject, error);
        }
      },
    });
    return this.track({ close: async () => raw.unsubscribe() });
  }

  messages(subject: string, options: { queue?: string } = {}): AsyncIterableIterator<BusMessage> {
    const queue = new AsyncQueue<BusMessage>(() => void subscription.close());
    const onError = (error: HeddleError): void => {
      // A message that cannot be understood is reported; a subscription that was refused is over.
      if (error.code === 'forbidden') queue.end(error);
      else this.report('message', subject, error);
    };
    const subscription = this.subscribe(subject, { ...options, onError }, (message) => queue.push(message));
    return queue;
  }

  async flush(deadlineMs: number): Promise<void> {
    const started = this.clock.monotonic();
    await this.whenConnected(deadlineMs);
    await this.transport.flush(Math.max(1, deadlineMs - (this.clock.monotonic() - started)));
  }

  async drain(deadlineMs = DRAIN_MS): Promise<void> {
    const started = this.clock.monotonic();
    await Promise.all([...this.open].map((subscription) => subscription.close(deadlineMs)));
    await this.transport.drain(Math.max(1, deadlineMs - (this.clock.monotonic() - started)));
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  /** The subject on which this bus may call a method: a host asks under its own name. */
  private subjectOf(service: string, method: string): string {
    return this.host === undefined ? subjects.rpc(service, method) : subjects.from(this.host, service, method);
  }

  private respond(
    subject: string,
    options: ServeOptions,
    handler: { single: RequestHandler } | { stream: StreamHandler },
  ): BusSubscription {
    const responder = new Responder({
      transport: this.transport,
      clock: this.clock,
      subject,
      handler,
      maxInFlight: options.maxInFlight ?? 1000,
      ownHeaders: () => contextHeaders(this.newContext()),
      report: (kind, at, error) => this.report(kind, at, error),
    });
    responder.start(options.queue);
    return this.track(responder);
  }

  private track(subscription: BusSubscription): BusSubscription {
    const tracked: BusSubscription = {
      close: async (deadlineMs = DRAIN_MS) => {
        this.open.delete(tracked);
        await subscription.close(deadlineMs);
      },
    };
    this.open.add(tracked);
    return tracked;
  }

  private requestHeaders(
    subject: string,
    data: Uint8Array,
    context: RequestContext | undefined,
    deadlineMs: number,
  ): Record<string, string> {
    if (!(deadlineMs > 0 && deadlineMs < Infinity)) {
      throw new HeddleError(
        'invalid',
        `found ${deadlineMs} as deadline of ${subject}; allowed are milliseconds above 0`,
      );
    }
    const headers = contextHeaders(context ?? this.newContext());
    headers[HEADER.deadline] = String(Math.ceil(deadlineMs));
    checkSize(`the request to ${subject}`, headers, data, this.transport.maxPayload);
    return headers;
  }

  private async ensureConnected(
    options: { disconnected?: 'wait' | 'fail'; signal?: AbortSignal },
    deadlineMs: number,
  ): Promise<void> {
    if (this.transport.state === 'connected') return;
    if (options.disconnected === 'fail') throw this.notConnected('');
    await this.whenConnected(deadlineMs, options.signal);
  }

  private notConnected(detail: string): HeddleError {
    return new HeddleError('unavailable', `${this.name} is not connected to NATS${detail}; nothing was sent`);
  }

  private report(kind: BusProblem['kind'], subject: string, error: unknown): void {
    this.problemListeners.emit({ kind, subject, error: HeddleError.from(error) });
  }
}

function closedError(name: string): HeddleError {
  return new HeddleError('unavailable', `the connection of ${name} has been closed`, { retryable: false });
}

/** The result of `work`, unless the signal aborts first; what comes afterwards is dropped. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined, subject: string): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(abortError(signal, `the request to ${subject}`));
    signal.addEventListener('abort', onAbort, { once: true });
    work.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}
