import type { Clock } from '@heddle/host';
import { HeddleError, type Change, type LoggedChange } from '@heddle/model';
import type { Term } from '../lease/term';
import { isReserved, subjects } from '../subjects';
import { decodeBody, encodeBody } from '../wire';
import { FencedStream } from './fenced-stream';
import { follow, type Mark } from './follow';
import type { BlobPort, StorePort, StreamPort, StreamRecord, StreamSpec } from './stream-port';

const STREAM = 'CHANGES';
const SPEC: StreamSpec = {
  name: STREAM,
  description: 'Every accepted change of desired state: the commits of the cluster.',
  subjects: [subjects.allRecords(STREAM)],
};
const BLOBS = 'change-bodies';

/** Header of a record whose body is too large for a message: the sha256 under which the body is stored. */
const BLOB_HEADER = 'Heddle-Blob';
/** Room for the headers of a record. */
const HEADER_ROOM = 4_096;

export interface FollowChangesOptions {
  /** Position of the first change wanted. */
  readonly from: number;
  /** The last record handled before, by which the log is known again. */
  readonly after?: Mark;
  readonly signal: AbortSignal;
  readonly onChange: (change: LoggedChange, mark: Mark) => void | Promise<void>;
  /** The log has come to this position without a change, by an epoch record. */
  readonly onPosition?: (mark: Mark) => void;
  readonly onCaughtUp?: () => void;
  readonly onInterrupted?: (error: HeddleError) => void;
  readonly clock?: Clock;
}

/**
 * The log of desired state. One message is one change: all of it happened, or nothing. A change's position is the sequence of
 * its message. Epoch records of writers lie between changes, so positions grow but are not dense.
 */
export class ChangeLog {
  private constructor(
    private readonly stream: StreamPort,
    private readonly blobs: BlobPort,
  ) {}

  /** @param options.create `false`: a missing log is a `state` error, for those who know that there has been one */
  static async open(store: StorePort, options: { create?: boolean } = {}): Promise<ChangeLog> {
    return new ChangeLog(await store.stream(SPEC, options), await store.blobs(BLOBS));
  }

  async lastPosition(): Promise<number> {
    return (await this.stream.state()).lastSequence;
  }

  /** The change of that id, if it is in. */
  async find(changeId: string): Promise<LoggedChange | undefined> {
    const record = await this.stream.last(subjects.record(STREAM, changeId));
    return record && this.changeOf(record);
  }

  async get(position: number): Promise<LoggedChange | undefined> {
    const record = await this.stream.get(position);
    return record && !isReserved(record.subject) ? this.changeOf(record) : undefined;
  }

  /** Changes from one position to another, both included, in order. */
  async *read(from: number, to?: number): AsyncIterableIterator<LoggedChange> {
    const end = to ?? (await this.lastPosition());
    if (from > end) return;
    const reading = new AbortController();
    try {
      for await (const item of this.stream.session(from, { signal: reading.signal })) {
        if (item.kind === 'caughtUp') return;
        if (item.record.sequence > end) return;
        if (!isReserved(item.record.subject)) yield await this.changeOf(item.record);
        if (item.record.sequence >= end) return;
      }
    } finally {
      reading.abort();
    }
  }

  /**
   * Follows in order, without a gap, across reconnects and restarts of the server, until the signal aborts.
   * @throws HeddleError `state` when the log went back or is another one; what `onChange` throws
   */
  follow(options: FollowChangesOptions): Promise<void> {
    const { onChange, onPosition, ...rest } = options;
    return follow(this.stream, {
      ...rest,
      onRecord: async (record) => {
        const mark = { sequence: record.sequence, id: record.id };
        if (isReserved(record.subject)) onPosition?.(mark);
        else await onChange(await this.changeOf(record), mark);
      },
    });
  }

  /** The writer of this log for a term. It alone may append until another writer takes over. */
  async writer(term: Term, clock?: Clock): Promise<ChangeWriter> {
    const fenced = await FencedStream.open({
      stream: this.stream,
      term,
      epochSubject: subjects.epochRecord(STREAM),
      ...(clock === undefined ? {} : { clock }),
    });
    return new ChangeWriter(this, fenced, this.blobs);
  }

  private async changeOf(record: StreamRecord): Promise<LoggedChange> {
    const hash = record.headers[BLOB_HEADER];
    const data = hash === undefined ? record.data : await this.blobs.get(hash);
    const body = decodeBody(data, `change ${record.sequence}`) as Change;
    if (typeof body !== 'object' || body === null || typeof body.changeId !== 'string') {
      throw new HeddleError('state', `record ${record.sequence} of ${STREAM} is no change`);
    }
    return { ...body, position: record.sequence };
  }
}

/** Appends changes, one after the other. */
export class ChangeWriter {
  constructor(
    private readonly log: ChangeLog,
    private readonly fenced: FencedStream,
    private readonly blobs: BlobPort,
  ) {}

  /** Position that the next change will get if nothing comes between. */
  get nextPosition(): number {
    return this.fenced.lastSequence + 1;
  }

  onFailure(listener: (error: HeddleError) => void): void {
    this.fenced.onFailure(listener);
  }

  /**
   * Appends a change and resolves to its position when it is in. One that is in already, by its id, is not written again: its
   * first position is the answer.
   * @throws HeddleError `fenced`, `unavailable` (not written), `deadline` (it may be in: ask `find`), `limit`, `state`
   */
  async append(change: Change): Promise<number> {
    const known = await this.log.find(change.changeId);
    if (known) return known.position;
    const data = encodeBody(change);
    const subject = subjects.record(STREAM, change.changeId);
    if (data.length + HEADER_ROOM <= this.fenced.maxRecord) return this.fenced.append({ subject, data });
    const hash = await this.blobs.put(data);
    return this.fenced.append({ subject, data: new Uint8Array(), headers: { [BLOB_HEADER]: hash } });
  }

  close(): void {
    this.fenced.close();
  }
}
