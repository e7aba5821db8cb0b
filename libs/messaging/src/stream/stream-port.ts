import type { HeddleError } from '@heddle/model';
import type { Unsubscribe } from '../listeners';
import type { Headers } from '../wire';

/** One record as it lies in a stream. */
export interface StreamRecord {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** The writer's id of the record; empty when it gave none. */
  readonly id: string;
  /** When the server took it, milliseconds since the epoch. */
  readonly time: number;
}

export interface StreamState {
  /** Sequence of the oldest record that is kept. */
  readonly firstSequence: number;
  /** Sequence of the newest record; 0 for a stream that never had one. */
  readonly lastSequence: number;
  readonly records: number;
}

/** A record to be written. */
export interface NewRecord {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Headers;
  readonly id?: string;
}

/** What has to be true of the stream for a write to be taken. All that are given have to hold. */
export interface Expectation {
  readonly lastSequence?: number;
  /** Id of the stream's last record. */
  readonly lastId?: string;
  /** Sequence of the last record on the same subject; 0: there is none. */
  readonly lastSubjectSequence?: number;
}

/**
 * How a write failed.
 *
 *   expectation  refused, because the stream is not as expected: the record is not in
 *   rejected     the server cannot take it (full, too large): the record is not in
 *   unsent       it did not reach a server: the record is not in
 *   unknown      no answer: the record may be in, or may get in later
 */
export type AppendOutcome = 'expectation' | 'rejected' | 'unsent' | 'unknown';

export class AppendError extends Error {
  constructor(
    readonly outcome: AppendOutcome,
    override readonly cause: HeddleError,
  ) {
    super(cause.message, { cause });
    this.name = 'AppendError';
  }
}

/** What a session of reading gives: records in order, and the news that there are no more for now. */
export type StreamItem = { readonly kind: 'record'; readonly record: StreamRecord } | { readonly kind: 'caughtUp' };

/** What a stream keeps, and for how long. */
export interface StreamSpec {
  readonly name: string;
  readonly description: string;
  readonly subjects: readonly string[];
  /** Records kept for each subject; absent: all. */
  readonly perSubject?: number;
  readonly maxAgeMs?: number;
  readonly maxBytes?: number;
}

/**
 * One stream. State, single records and writes go through the stream's leader and are never stale; a session may lag
 * behind, but never skips or reorders.
 */
export interface StreamPort {
  readonly name: string;
  /** Bytes of headers and body that one record may have. */
  readonly maxRecord: number;
  /** @throws HeddleError `not-found` when there is no such stream, `unavailable`, `deadline` */
  state(): Promise<StreamState>;
  get(sequence: number): Promise<StreamRecord | undefined>;
  /** The newest record on a subject, or on any that matches a pattern. */
  last(subject: string): Promise<StreamRecord | undefined>;
  /**
   * Writes one record and resolves to its sequence. It is handed to the connection before this returns, so that calls
   * keep their order.
   * @throws AppendError
   */
  append(record: NewRecord, expected: Expectation, timeoutMs: number): Promise<number>;
  /**
   * Reads from `from` on, for as long as the connection holds; then throws `unavailable`. A record that is replaced or
   * expired before it is read is left out.
   */
  session(from: number, options: { filter?: string; signal: AbortSignal }): AsyncIterable<StreamItem>;
  /** How many records on subjects that match `filter` there are from `from` on. */
  count(filter: string, from: number): Promise<number>;
  /** Removes the records on `subject` with a sequence below `before`. */
  purge(subject: string, before: number): Promise<void>;
  /** Called whenever the way to the stream was lost: what was under way may be lost, and what is behind it another store. */
  onInterrupted(listener: () => void): Unsubscribe;
  /** Resolves when it makes sense to try again, or the signal aborts. */
  whenReady(signal: AbortSignal): Promise<void>;
}

/** Large bodies by their sha256. */
export interface BlobPort {
  /** Stores and resolves to the sha256 in hex. Storing the same bytes again changes nothing. */
  put(bytes: Uint8Array): Promise<string>;
  /** @throws HeddleError `not-found`; `state` when what is stored does not have this hash */
  get(sha256: string): Promise<Uint8Array>;
}

/** Where streams and blobs are kept. */
export interface StorePort {
  /**
   * A stream, made when it is missing.
   * @param options.create `false`: a missing stream is a `state` error, for those who know that there has been one
   */
  stream(spec: StreamSpec, options?: { create?: boolean }): Promise<StreamPort>;
  blobs(name: string): Promise<BlobPort>;
}
