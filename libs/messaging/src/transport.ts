import type { HeddleError } from '@heddle/model';
import type { Unsubscribe } from './listeners';
import type { Headers } from './wire';

/** A message as it comes from the wire. */
export interface RawMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  readonly reply?: string;
  /** Set on the server's own notice that nobody subscribes to the subject a request was sent to. */
  readonly noResponders?: boolean;
}

export interface RawSubscription {
  /** Receives nothing more from now on. */
  unsubscribe(): void;
}

/**
 * `connecting`: never connected yet; `disconnected`: was connected, tries again; `closed`: for good, by its owner.
 */
export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'closed';

/**
 * What the bus needs of a connection. Two implementations: NATS, and an in-memory one for tests. Nothing is kept for
 * later: what cannot be sent now fails now.
 */
export interface Transport {
  readonly state: ConnectionState;
  /** The server's limit for headers and body of one message, bytes. */
  readonly maxPayload: number;
  /** Address of the server, for people. */
  readonly server: string | undefined;
  /** Why there is no connection, as far as the last attempt tells. */
  readonly lastError: HeddleError | undefined;
  /** Called after every change of `state`. */
  onState(listener: (state: ConnectionState) => void): Unsubscribe;
  /** Errors that belong to no request and no subscription, for example a refused publish. */
  onError(listener: (error: HeddleError) => void): Unsubscribe;
  /** A new subject that nobody else uses and this user may subscribe to. */
  inbox(): string;
  /** @throws HeddleError `unavailable` when not connected */
  publish(subject: string, data: Uint8Array, options: { headers: Headers; reply?: string }): void;
  /**
   * Sends and waits for one reply. The message is handed to the connection before this returns, so that calls keep
   * their order.
   * @throws HeddleError `unavailable` when not connected or nobody subscribes, `deadline`, `forbidden`
   */
  request(subject: string, data: Uint8Array, options: { headers: Headers; timeoutMs: number }): Promise<RawMessage>;
  /** Holds across reconnects, and may be asked for before the first connection. */
  subscribe(
    subject: string,
    options: { queue?: string; onMessage(message: RawMessage): void; onError(error: HeddleError): void },
  ): RawSubscription;
  /** Resolves when the server has processed everything sent before. */
  flush(timeoutMs: number): Promise<void>;
  /** Stops receiving, sends what is left, closes; at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}
