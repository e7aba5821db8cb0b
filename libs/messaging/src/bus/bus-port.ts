import type { HeddleError } from '@heddle/model';
import type { Unsubscribe } from '../listeners';
import type { ConnectionState } from '../transport';
import type { RequestContext } from '../wire';

export interface BusStatus {
  readonly state: ConnectionState;
  /** Address of the server, when connected. */
  readonly server?: string;
  /** Wall clock, milliseconds since the epoch: when `state` began. */
  readonly since: number;
  /** How often the connection was made again after it had been lost. */
  readonly reconnects: number;
  /** Why there is no connection, as far as is known. */
  readonly error?: HeddleError;
}

/**
 * Something that went wrong where no caller waits for it. Owners of a bus log these.
 *
 *   late      a handler finished after its caller had stopped waiting; the answer was dropped
 *   unsent    a reply could not be sent
 *   handler   the callback of a subscription threw
 *   message   a message could not be understood
 *   refused   the server refused a subscription or a publication
 */
export interface BusProblem {
  readonly kind: 'late' | 'unsent' | 'handler' | 'message' | 'refused';
  readonly subject: string;
  readonly error: HeddleError;
}

export interface RequestOptions<T> {
  /** Milliseconds to wait for the answer, the wait for a connection included. */
  readonly deadlineMs: number;
  /** On whose behalf; without it, on the bus's own. */
  readonly context?: RequestContext;
  /** Checks and types the answer; without it the answer is believed. */
  readonly decode?: (body: unknown) => T;
  readonly signal?: AbortSignal;
  /**
   * While there is no connection: `wait` for one until the deadline (the default), or `fail` at once. Either way the
   * request was not sent, and the error is `unavailable`.
   */
  readonly disconnected?: 'wait' | 'fail';
}

export interface StreamOptions<T> extends Omit<RequestOptions<T>, 'deadlineMs'> {
  /** Milliseconds until the first sign of life. */
  readonly deadlineMs: number;
  /** Milliseconds without a sign of life after which the other side counts as gone. Default 15 s. */
  readonly idleMs?: number;
  /** Messages that may be under way before the reader has taken them. Default 64. */
  readonly window?: number;
}

/** A request as its handler sees it. */
export interface BusRequest {
  readonly subject: string;
  readonly body: unknown;
  readonly context: RequestContext;
  /** The host that asks, proved by the subject it was allowed to publish on; absent for the control plane's own requests. */
  readonly host?: string;
  /** Aborts when the caller has stopped waiting: its deadline passed, or it cancelled its stream. */
  readonly signal: AbortSignal;
  /** Milliseconds that the caller still waits; what is asked of others on its behalf gets at most this. */
  remainingMs(): number;
}

export interface ServeOptions {
  /** Members of one queue group share the requests. */
  readonly queue?: string;
  /** Requests worked on at a time; further ones are answered `unavailable` at once. Default 1000. */
  readonly maxInFlight?: number;
}

export interface BusMessage {
  readonly subject: string;
  readonly body: unknown;
  readonly context: RequestContext;
}

export interface SubscribeOptions {
  readonly queue?: string;
  /** Called when the subscription was refused, a message was not understood or the callback threw; else `onProblem`. */
  readonly onError?: (error: HeddleError) => void;
}

export interface BusSubscription {
  /** Takes no more messages, and waits at most `deadlineMs` (default 5 s) for those being worked on. */
  close(deadlineMs?: number): Promise<void>;
}

export type RequestHandler = (request: BusRequest) => unknown;
export type StreamHandler = (request: BusRequest) => AsyncIterable<unknown>;

/** Messages between the parts of Heddle. */
export interface BusPort {
  /** Who this is, as its peers see it in logs: `scheduler@host`. */
  readonly name: string;
  /** The host whose agent this is; absent in the control plane. */
  readonly host?: string;

  status(): BusStatus;
  onStatus(listener: (status: BusStatus) => void): Unsubscribe;
  onProblem(listener: (problem: BusProblem) => void): Unsubscribe;
  /** @throws HeddleError `unavailable` when there is no connection until then */
  whenConnected(deadlineMs: number, signal?: AbortSignal): Promise<void>;

  /** A context of this bus's own. */
  newContext(): RequestContext;

  /**
   * Asks and waits for the answer.
   * @throws HeddleError what the handler threw; `unavailable` when it was not sent or nobody serves the subject;
   *   `deadline` when it was sent and no answer came (whether it took effect is unknown); `limit`; `forbidden`
   */
  request<T = unknown>(subject: string, body: unknown, options: RequestOptions<T>): Promise<T>;
  /** {@link request} to a service's method, on the subject that this bus is allowed to use for it. */
  call<T = unknown>(service: string, method: string, body: unknown, options: RequestOptions<T>): Promise<T>;

  /** Asks and reads an answer of many messages. Leaving the loop cancels the stream at its source. */
  requestStream<T = unknown>(subject: string, body: unknown, options: StreamOptions<T>): AsyncIterableIterator<T>;
  callStream<T = unknown>(
    service: string,
    method: string,
    body: unknown,
    options: StreamOptions<T>,
  ): AsyncIterableIterator<T>;

  /** Answers requests. What the handler throws reaches the caller as a HeddleError. */
  serve(subject: string, options: ServeOptions, handler: RequestHandler): BusSubscription;
  /** Answers requests with a stream. A handler that waits has to watch `request.signal`. */
  serveStream(subject: string, options: ServeOptions, handler: StreamHandler): BusSubscription;

  /** Sends to whoever listens now. @throws HeddleError `unavailable` when not connected, `limit` */
  publish(subject: string, body: unknown, context?: RequestContext): void;
  subscribe(
    subject: string,
    options: SubscribeOptions,
    onMessage: (message: BusMessage) => void | Promise<void>,
  ): BusSubscription;
  /** {@link subscribe} as an iterator; ends with the error of a refused subscription, or when the loop is left. */
  messages(subject: string, options?: { queue?: string }): AsyncIterableIterator<BusMessage>;

  /** Resolves when the server knows everything sent before: every subscription is in force. */
  flush(deadlineMs: number): Promise<void>;
  /** Finishes what is being worked on, then closes. */
  drain(deadlineMs?: number): Promise<void>;
  close(): Promise<void>;
}
