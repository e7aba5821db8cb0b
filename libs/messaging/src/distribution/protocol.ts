import { HeddleError, type Watermark } from '@heddle/model';

/**
 * Distribution of a keyed set from its one writer to many readers: a snapshot on request, then deltas on a shared subject.
 * Every message says where it stands: which cluster, which writer (epoch), which version of the set (sequence), and up to
 * which position of the log the set was derived.
 */
export interface Standing extends Watermark {
  /** Epoch of the writer's lease. */
  readonly epoch: number;
  /**
   * The one writer by whom versions are counted. Its epoch alone does not tell: a store that was restored gives an epoch a
   * second time, to another one.
   */
  readonly writer: string;
  /** Version of the set; grows by one with every delta of a writer. */
  readonly sequence: number;
}

/** A change from the version `sequence - 1` to `sequence`. */
export interface Delta<T> extends Standing {
  readonly type: 'delta';
  readonly put: Readonly<Record<string, T>>;
  readonly delete: readonly string[];
}

/** The version now, with no content: sent regularly, and in the place of a delta that is too large for a message. */
export interface Beat extends Standing {
  readonly type: 'beat';
}

export type Announcement<T> = Delta<T> | Beat;

/** A snapshot travels as a head and then entries in parts. */
export interface SnapshotHead extends Standing {
  readonly type: 'head';
  readonly entries: number;
}
export interface SnapshotPart<T> {
  readonly type: 'part';
  readonly entries: readonly (readonly [string, T])[];
}
export type SnapshotMessage<T> = SnapshotHead | SnapshotPart<T>;

export interface Snapshot<T> extends Standing {
  readonly entries: ReadonlyMap<string, T>;
}

/** What a reader asks the writer's service for. */
export const SNAPSHOT_METHOD = 'snapshot';
export interface SnapshotRequest {
  readonly topic: string;
}

/** Puts the parts of a snapshot together. @throws HeddleError `invalid` when it is not whole */
export async function readSnapshot<T>(messages: AsyncIterable<SnapshotMessage<T>>): Promise<Snapshot<T>> {
  let head: SnapshotHead | undefined;
  const entries = new Map<string, T>();
  for await (const message of messages) {
    if (message.type === 'head') head = message;
    else for (const [key, value] of message.entries) entries.set(key, value);
  }
  if (!head || head.entries !== entries.size) {
    throw new HeddleError(
      'invalid',
      `a snapshot came with ${entries.size} of ${head?.entries ?? 'an unknown number of'} entries`,
      { retryable: true },
    );
  }
  const { type: _type, entries: _count, ...standing } = head;
  return { ...standing, entries };
}

/** Largest part of a snapshot, in characters of JSON. */
const PART_SIZE = 256 * 1024;

export function* snapshotMessages<T>({ entries, ...standing }: Snapshot<T>): Generator<SnapshotMessage<T>> {
  yield { type: 'head', ...standing, entries: entries.size };
  let part: [string, T][] = [];
  let size = 0;
  for (const entry of entries) {
    part.push(entry);
    size += JSON.stringify(entry).length;
    if (size < PART_SIZE) continue;
    yield { type: 'part', entries: part };
    part = [];
    size = 0;
  }
  if (part.length > 0) yield { type: 'part', entries: part };
}

/** Order of two watermarks of one cluster: by incarnation, then by position. */
export const compareWatermarks = (a: Watermark, b: Watermark): number =>
  a.incarnation - b.incarnation || a.position - b.position;
