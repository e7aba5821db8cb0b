import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { Term } from './lease/term';
import { backoff, pause } from './async';
import { DEFAULT_WRITE_DEADLINE_MS, FencedStream } from './stream/fenced-stream';
import { follow } from './stream/follow';
import type { BlobPort, StorePort, StreamPort, StreamRecord } from './stream/stream-port';
import { lastName, subjects } from './subjects';
import { decodeBody, encodeBody } from './wire';

export const CHANGES_STREAM = 'CHANGES';
const BLOBS = 'changes';
/** Header of a record whose body is in the object store: `sha256:HEX`. */
const BODY_HEADER = 'Heddle-Body';
/** Records asked for at a time when reading through the leader. */
const READ_AHEAD = 32;

/** What the log holds has an id, by which a change that is sent twice is recognised. */
export interface Identified {
  readonly changeId: string;
}

/** A change with its place in the log. */
export interface LogEntry<T> {
  /** Sequence of the record; grows, with holes. */
  readonly position: number;
  /** When the store took it, milliseconds since the epoch. */
  readonly time: number;
  readonly change: T;
}

/** The last entry that a reader has handled; by it, the reader knows the log again. */
export interface LogMark {
  readonly position: number;
  readonly changeId: string;
}

export interface LogFollowOptions<T> {
  /** The last entry that was handled; absent, or at position 0: from the beginning. */
  readonly after?: LogMark;
  readonly signal: AbortSignal;
  /** Called for one entry after the other, in order and without a gap; what it throws ends the following. */
  readonly onChange: (entry: LogEntry<T>) => void | Promise<void>;
  /** Everything that was in the log has been handled, up to this position. Called again after every interruption. */
  readonly onCaughtUp?: (position: number) => void;
  readonly onInterrupted?: (error: HeddleError) => void;
}

/** The log of changes, for its readers. */
export interface LogPort<T extends Identified> {
  /** Position of the newest entry, 0 when there is none. Through the stream's leader: never stale. */
  lastPosition(): Promise<number>;
  /** The entries from `from` to `to` (default: the end as it is now), through the leader. */
  read(range: { from: number; to?: number }): AsyncIterable<LogEntry<T>>;
  /** The entry of a change, through the leader. */
  find(changeId: string): Promise<LogEntry<T> | undefined>;
  /**
   * Hands over every change after `after`, across reconnects and restarts, until the signal aborts.
   * @throws HeddleError `state` when the log went back or is another one; what `onChange` throws
   */
  follow(options: LogFollowOptions<T>): Promise<void>;
}

/** The log of changes, for its only writer. */
export interface LogWriterPort<T extends Identified> extends LogPort<T> {
  /**
   * Adds a change and resolves to its position when it is in the log. A change that is in already gives its first position
   * and is not added again. Calls keep their order; when one fails, those made before that was known fail as well.
   * @throws HeddleError as FencedStream says
   */
  append(change: T): Promise<{ position: number }>;
  /** Called once when nothing more can be appended. */
  onFailure(listener: (error: HeddleError) => void): void;
  close(): void;
}

export interface ChangeLogOptions {
  readonly store: StorePort;
  /** Default `CHANGES`. */
  readonly stream?: string;
  /** `false`: a missing stream is a `state` error instead of being made. */
  readonly create?: boolean;
  readonly clock?: Clock;
  /** See Suspicion. */
  readonly suspicionMs?: number;
}

/**
 * The log of changes: one record a change, on a subject that names the change, so that the server itself finds it by its
 * id. A body that is too large for a record goes to the object store under its sha256 first; the record holds the name.
 */
export class ChangeLog<T extends Identified> implements LogPort<T> {
  protected readonly clock: Clock;

  protected constructor(
    protected readonly name: string,
    protected readonly stream: StreamPort,
    protected readonly blobs: BlobPort,
    protected readonly options: ChangeLogOptions,
  ) {
    this.clock = options.clock ?? systemClock;
  }

  static async open<T extends Identified>(options: ChangeLogOptions): Promise<ChangeLog<T>> {
    return new ChangeLog<T>(...(await parts(options)));
  }

  async lastPosition(): Promise<number> {
    const { lastSequence } = await this.stream.state();
    const newest = await this.stream.get(lastSequence);
    if (newest !== undefined && this.isChange(newest)) return newest.sequence;
    // A writer has marked its epoch since. The server finds the last of many subjects too, but only by looking at all.
    return (await this.stream.last(subjects.anyRecord(this.name)))?.sequence ?? 0;
  }

  async *read(range: { from: number; to?: number }): AsyncIterable<LogEntry<T>> {
    const { firstSequence, lastSequence } = await this.stream.state();
    const to = Math.min(range.to ?? Infinity, lastSequence);
    const ahead: Promise<StreamRecord | undefined>[] = [];
    let next = Math.max(range.from, firstSequence, 1);
    const fill = (): void => {
      while (ahead.length < READ_AHEAD && next <= to) {
        const record = this.stream.get(next++);
        // Failures surface where the record is taken from the list.
        record.catch(() => undefined);
        ahead.push(record);
      }
    };
    for (fill(); ahead.length > 0; fill()) {
      const record = await ahead.shift();
      if (record !== undefined && this.isChange(record)) yield await this.entryOf(record);
    }
  }

  async find(changeId: string): Promise<LogEntry<T> | undefined> {
    const record = await this.stream.last(subjects.record(this.name, changeId));
    return record && this.entryOf(record);
  }

  async follow(options: LogFollowOptions<T>): Promise<void> {
    const { after, signal, onChange, onCaughtUp, onInterrupted } = options;
    let position = after?.position ?? 0;
    await follow(this.stream, {
      from: position + 1,
      ...(after === undefined || after.position === 0
        ? {}
        : {
            after: {
              sequence: after.position,
              is: (record) => this.isChange(record) && lastName(record.subject) === after.changeId,
            },
          }),
      signal,
      clock: this.clock,
      ...(this.options.suspicionMs === undefined ? {} : { suspicionMs: this.options.suspicionMs }),
      onRecord: async (record) => {
        if (!this.isChange(record)) return;
        await onChange(await this.entryOf(record));
        position = record.sequence;
      },
      onCaughtUp: () => onCaughtUp?.(position),
      ...(onInterrupted === undefined ? {} : { onInterrupted }),
    });
  }

  private isChange(record: StreamRecord): boolean {
    return record.subject !== subjects.epochRecord(this.name);
  }

  private async entryOf(record: StreamRecord): Promise<LogEntry<T>> {
    const what = `change ${lastName(record.subject)} at ${record.sequence} of stream ${this.name}`;
    const named = record.headers[BODY_HEADER];
    const body = named === undefined ? record.data : await this.blobs.get(named.replace(/^sha256:/, ''));
    return { position: record.sequence, time: record.time, change: decodeBody(body, what) as T };
  }
}

/** The log with the right to append to it, for the time of one term. */
export class ChangeLogWriter<T extends Identified> extends ChangeLog<T> implements LogWriterPort<T> {
  private writer!: FencedStream;
  /** Changes that are being appended. */
  private readonly pending = new Map<string, Promise<{ position: number }>>();
  /** Ends when every earlier change has been handed to the stream. */
  private turn: Promise<unknown> = Promise.resolve();
  /** Changes that could not be handed over; those that were appended after one of them fail as well. */
  private failures = 0;
  private deadlineMs = DEFAULT_WRITE_DEADLINE_MS;

  /** @throws HeddleError `fenced` when the term is over or another writer is ahead */
  static async openWriter<T extends Identified>(
    options: ChangeLogOptions & { term: Term; deadlineMs?: number },
  ): Promise<ChangeLogWriter<T>> {
    const log = new ChangeLogWriter<T>(...(await parts(options)));
    log.deadlineMs = options.deadlineMs ?? DEFAULT_WRITE_DEADLINE_MS;
    log.writer = await FencedStream.open({
      stream: log.stream,
      term: options.term,
      epochSubject: subjects.epochRecord(log.name),
      clock: log.clock,
      deadlineMs: log.deadlineMs,
      ...(options.suspicionMs === undefined ? {} : { suspicionMs: options.suspicionMs }),
    });
    return log;
  }

  append(change: T): Promise<{ position: number }> {
    const { changeId } = change;
    const running = this.pending.get(changeId);
    if (running !== undefined) return running;
    const { failures, turn } = this;
    // Looking whether the change is in, and storing a large body, overlap; handing over to the stream keeps the order.
    const handed = Promise.all([this.prepare(change), turn]).then(([handOver]) => {
      if (this.failures !== failures) {
        throw new HeddleError('unavailable', `change ${changeId} was not appended: a change before it failed`);
      }
      return { sequence: handOver() };
    });
    this.turn = handed.then(
      () => undefined,
      () => void this.failures++,
    );
    const appended = handed
      .then(async ({ sequence }) => ({ position: await sequence }))
      .finally(() => this.pending.delete(changeId));
    this.pending.set(changeId, appended);
    return appended;
  }

  /** The position that the next change gets, as long as nothing is being appended and no append has failed. */
  get nextPosition(): number {
    return this.writer.lastSequence + 1;
  }

  onFailure(listener: (error: HeddleError) => void): void {
    this.writer.onFailure(listener);
  }

  close(): void {
    this.writer.close();
  }

  /** Resolves to the step that hands the change to the stream. */
  private async prepare(change: T): Promise<() => Promise<number>> {
    const subject = subjects.record(this.name, change.changeId);
    const known = await this.lookUp(subject);
    if (known !== undefined) return () => Promise.resolve(known.sequence);
    const body = encodeBody(change);
    if (body.length <= this.writer.maxRecord) return () => this.writer.append({ subject, data: body });
    const headers = { [BODY_HEADER]: `sha256:${await this.blobs.put(body)}` };
    return () => this.writer.append({ subject, data: new Uint8Array(), headers });
  }

  /** The record of a change that is in, once nothing of it can be under way any more. */
  private async lookUp(subject: string): Promise<StreamRecord | undefined> {
    const started = this.clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      await this.writer.whenCertain();
      try {
        return await this.stream.last(subject);
      } catch (error) {
        const failure = HeddleError.from(error);
        if (this.clock.monotonic() - started >= this.deadlineMs) {
          throw new HeddleError('unavailable', `nothing was appended: ${failure.message}`, { cause: failure });
        }
        await pause(this.clock, backoff(attempt, 20, 500));
      }
    }
  }
}

async function parts(
  options: ChangeLogOptions,
): Promise<[name: string, stream: StreamPort, blobs: BlobPort, options: ChangeLogOptions]> {
  const { store, stream: name = CHANGES_STREAM, create } = options;
  const stream = await store.stream(
    { name, description: 'Accepted changes, one record each', subjects: [subjects.allRecords(name)] },
    create === undefined ? {} : { create },
  );
  return [name, stream, await store.blobs(BLOBS), options];
}
