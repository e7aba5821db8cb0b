import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { backoff, pause } from '../async';
import type { StreamPort, StreamRecord } from './stream-port';
import { Suspicion } from './suspicion';

/** A record that has been handled, by which a reader knows a stream again. */
export interface Mark {
  readonly sequence: number;
  /** Whether a record found at that sequence is the one that was handled. */
  readonly is: (record: StreamRecord) => boolean;
}

export interface FollowOptions {
  /** Sequence of the first record wanted. */
  readonly from: number;
  /** The record before `from`, if it was handled by an earlier follower: the stream must still hold it. */
  readonly after?: Mark;
  readonly filter?: string;
  readonly signal: AbortSignal;
  /** Called for one record after the other; what it throws ends the following. */
  readonly onRecord: (record: StreamRecord) => void | Promise<void>;
  /** There are no more records for now. Called again after every interruption. */
  readonly onCaughtUp?: () => void;
  /** Reading was interrupted and is tried again. */
  readonly onInterrupted?: (error: HeddleError) => void;
  readonly clock?: Clock;
  /** See {@link Suspicion}. */
  readonly suspicionMs?: number;
}

const RETRY_FIRST_MS = 20;
const RETRY_MOST_MS = 1_000;

/**
 * Reads a stream in order and without a gap, across reconnects and restarts of the server, until the signal aborts.
 *
 * Before every session the stream is asked, through its leader, whether it still is the stream that was read so far: one
 * that ends before the last handled record, or has another record in its place, was restored from an older copy or made
 * anew, and reading on would silently mix two histories.
 *
 * @throws HeddleError `state` when the stream went back or is another one; what `onRecord` throws
 */
export async function follow(stream: StreamPort, options: FollowOptions): Promise<void> {
  const { signal, filter, onRecord, onCaughtUp, onInterrupted, clock = systemClock } = options;
  let next = options.from;
  let mark = options.after;
  let failures = 0;
  const suspicion = new Suspicion(clock, options.suspicionMs);

  while (!signal.aborted) {
    let handlerFailed = false;
    try {
      await checkLineage(stream, mark);
      suspicion.clear();
      for await (const item of stream.session(next, { ...(filter === undefined ? {} : { filter }), signal })) {
        failures = 0;
        if (item.kind === 'caughtUp') {
          onCaughtUp?.();
          continue;
        }
        const { record } = item;
        if (record.sequence < next) continue;
        handlerFailed = true;
        await onRecord(record);
        handlerFailed = false;
        next = record.sequence + 1;
        const { id } = record;
        mark = { sequence: record.sequence, is: (found) => found.id === id };
      }
    } catch (error) {
      if (handlerFailed) throw error;
      if (signal.aborted) return;
      const failure = HeddleError.from(error);
      // A stream that was never read from may still be made.
      const confirmed = mark === undefined ? undefined : suspicion.confirmed(failure);
      if (confirmed) throw confirmed;
      onInterrupted?.(failure);
    }
    if (signal.aborted) return;
    await pause(clock, backoff(failures++, RETRY_FIRST_MS, RETRY_MOST_MS), signal);
    await stream.whenReady(signal);
  }
}

/** @throws HeddleError `state` when the stream is not the one in which `mark` was read */
export async function checkLineage(stream: StreamPort, mark: Mark | undefined): Promise<void> {
  if (mark === undefined || mark.sequence === 0) return;
  const { firstSequence, lastSequence } = await stream.state();
  if (lastSequence < mark.sequence) {
    throw new HeddleError(
      'state',
      `stream ${stream.name} ends at ${lastSequence}, but ${mark.sequence} was read from it before: ` +
        'it was restored from an older copy, or made anew',
    );
  }
  if (firstSequence > mark.sequence) return;
  const record = await stream.get(mark.sequence);
  // Replaced or expired in the meantime: nothing to compare.
  if (record === undefined || mark.is(record)) return;
  throw new HeddleError(
    'state',
    `stream ${stream.name} has another record at ${mark.sequence} than was read before: it is another store, ` +
      'or was restored from an older copy and went on from there',
  );
}

/**
 * Reads all records that are in the stream now, and resolves to its last sequence. The end is what the leader says, so
 * nothing that was written before the call is missed.
 * @throws HeddleError `unavailable` when reading was interrupted
 */
export async function readToEnd(stream: StreamPort, onRecord: (record: StreamRecord) => void): Promise<number> {
  const { lastSequence, records } = await stream.state();
  if (records === 0) return lastSequence;
  const reading = new AbortController();
  try {
    for await (const item of stream.session(1, { signal: reading.signal })) {
      if (item.kind === 'caughtUp') continue;
      onRecord(item.record);
      if (item.record.sequence >= lastSequence) break;
    }
  } finally {
    reading.abort();
  }
  return lastSequence;
}
