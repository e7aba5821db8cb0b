import { createHash } from 'node:crypto';
import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { Listeners, type Unsubscribe } from '../listeners';
import {
  AppendError,
  type BlobPort,
  type Expectation,
  type NewRecord,
  type StorePort,
  type StreamItem,
  type StreamPort,
  type StreamRecord,
  type StreamSpec,
  type StreamState,
} from '../stream/stream-port';
import { subjectMatches } from '../subjects';

/**
 * What happens to one write.
 *
 *   take       written and acknowledged
 *   lose       never arrives; the writer hears nothing
 *   lose-ack   written, but the writer hears nothing
 *   slow-ack   written, and acknowledged 1.5 s later
 *   delay      the writer hears nothing and the write arrives later, when the test calls `deliverDelayed`
 *   refuse     the server cannot take it
 */
export type AppendFate = 'take' | 'lose' | 'lose-ack' | 'slow-ack' | 'delay' | 'refuse';

interface Content {
  readonly records: ReadonlyMap<number, StreamRecord>;
  readonly lastSequence: number;
}

/** A stream in memory, with the faults that a stream over a network can have. */
export class MemoryStream implements StreamPort {
  private records = new Map<number, StreamRecord>();
  private newest = 0;
  private ids = new Map<string, number>();
  private delayed: { record: NewRecord; expected: Expectation }[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly interruptions = new Listeners<[]>();
  /** Grows when sessions are to end. */
  private generation = 0;
  maxRecord = 1_000_000;
  up = true;
  /** Milliseconds that an answer to a question takes. */
  latencyMs = 0;
  /** Decides the fate of every write; for tests. */
  fate: (record: NewRecord) => AppendFate = () => 'take';

  constructor(
    readonly spec: StreamSpec,
    private readonly clock: Clock = systemClock,
  ) {}

  get name(): string {
    return this.spec.name;
  }

  async state(): Promise<StreamState> {
    this.reach();
    const [first] = this.records.keys();
    const state = { firstSequence: first ?? this.newest + 1, lastSequence: this.newest, records: this.records.size };
    return this.afterLatency(state);
  }

  async get(sequence: number): Promise<StreamRecord | undefined> {
    this.reach();
    return this.afterLatency(this.records.get(sequence));
  }

  async last(subject: string): Promise<StreamRecord | undefined> {
    this.reach();
    let found: StreamRecord | undefined;
    for (const record of this.records.values()) if (subjectMatches(subject, record.subject)) found = record;
    return found;
  }

  async append(record: NewRecord, expected: Expectation, timeoutMs: number): Promise<number> {
    if (!this.up) throw new AppendError('unsent', new HeddleError('unavailable', 'not connected'));
    switch (this.fate(record)) {
      case 'take':
        return this.take(record, expected);
      case 'slow-ack': {
        const sequence = this.take(record, expected);
        await this.clock.sleep(1_500);
        return sequence;
      }
      case 'refuse':
        throw new AppendError('rejected', new HeddleError('limit', `stream ${this.name} is full`));
      case 'delay':
        this.delayed.push({ record, expected });
        break;
      case 'lose-ack':
        this.takeQuietly(record, expected);
        break;
      case 'lose':
        break;
    }
    await this.clock.sleep(timeoutMs);
    throw new AppendError('unknown', new HeddleError('deadline', 'no acknowledgement'));
  }

  async *session(from: number, options: { filter?: string; signal: AbortSignal }): AsyncGenerator<StreamItem> {
    this.reach();
    const { filter, signal } = options;
    const { generation } = this;
    let next = from;
    let told = -1;
    while (!signal.aborted) {
      if (generation !== this.generation) throw new HeddleError('unavailable', 'reading was interrupted');
      const record = [...this.records.values()].find(
        ({ sequence, subject }) => sequence >= next && (filter === undefined || subjectMatches(filter, subject)),
      );
      if (record !== undefined) {
        next = record.sequence + 1;
        yield { kind: 'record', record };
      } else if (told !== next) {
        told = next;
        yield { kind: 'caughtUp' };
      } else {
        await this.changed(signal);
      }
    }
  }

  async count(filter: string, from: number): Promise<number> {
    this.reach();
    let count = 0;
    for (const { sequence, subject } of this.records.values()) {
      if (sequence >= from && subjectMatches(filter, subject)) count++;
    }
    return count;
  }

  async purge(subject: string, before: number): Promise<void> {
    this.reach();
    for (const record of this.records.values()) {
      if (record.subject === subject && record.sequence < before) this.records.delete(record.sequence);
    }
  }

  onInterrupted(listener: () => void): Unsubscribe {
    return this.interruptions.add(listener);
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    while (!this.up && !signal.aborted) await this.changed(signal);
  }

  // ---- for tests -----------------------------------------------------------------------------------------------------

  /** Everything that is kept, oldest first. */
  get content(): StreamRecord[] {
    return [...this.records.values()];
  }

  /** Writes as another process would, past the faults. */
  write(record: NewRecord): number {
    return this.take(record, {});
  }

  /** The delayed writes arrive now, in the order they were sent; those that no longer meet their expectation do not get in. */
  deliverDelayed(): void {
    for (const { record, expected } of this.delayed.splice(0)) this.takeQuietly(record, expected);
  }

  /** The server goes away; sessions end. What was delayed may arrive when it is back. */
  down(): void {
    this.up = false;
    this.interrupt();
  }

  /** The server is back. After a longer while it no longer knows the id of its last record. */
  restart(options: { forgetIds?: boolean } = {}): void {
    this.up = true;
    if (options.forgetIds) this.ids = new Map();
    this.interrupt();
  }

  copy(): Content {
    return { records: new Map(this.records), lastSequence: this.newest };
  }

  /** The server comes back with an older copy, or with nothing. */
  restore(content: Content = { records: new Map(), lastSequence: 0 }): void {
    this.records = new Map(content.records);
    this.newest = content.lastSequence;
    this.ids = new Map();
    this.delayed = [];
    this.restart();
  }

  private take(record: NewRecord, expected: Expectation): number {
    const known = record.id === undefined ? undefined : this.ids.get(record.id);
    if (known !== undefined) return known;
    const { lastSequence, lastId, lastSubjectSequence } = expected;
    if (lastSequence !== undefined && lastSequence !== this.newest)
      throw this.unexpected(`last sequence is ${this.newest}`);
    if (lastSubjectSequence !== undefined) {
      const found = this.content.findLast(({ subject }) => subject === record.subject)?.sequence ?? 0;
      if (found !== lastSubjectSequence) throw this.unexpected(`last sequence of the subject is ${found}`);
    }
    const last = this.records.get(this.newest)?.id ?? '';
    if (lastId !== undefined && (last !== lastId || !this.ids.has(last))) throw this.unexpected(`last id is ${last}`);
    const sequence = ++this.newest;
    const { subject, data, headers = {}, id = '' } = record;
    this.records.set(sequence, { sequence, subject, data, headers, id, time: this.clock.now() });
    if (record.id !== undefined) this.ids.set(record.id, sequence);
    this.trim(subject);
    this.wakeAll();
    return sequence;
  }

  private takeQuietly(record: NewRecord, expected: Expectation): void {
    try {
      this.take(record, expected);
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
    }
  }

  private trim(subject: string): void {
    const { perSubject } = this.spec;
    if (perSubject === undefined) return;
    const same = this.content.filter((record) => record.subject === subject);
    for (const { sequence } of same.slice(0, -perSubject)) this.records.delete(sequence);
  }

  private unexpected(text: string): AppendError {
    return new AppendError('expectation', new HeddleError('conflict', `stream ${this.name}: ${text}`));
  }

  private async afterLatency<T>(answer: T): Promise<T> {
    if (this.latencyMs > 0) await this.clock.sleep(this.latencyMs);
    this.reach();
    return answer;
  }

  private reach(): void {
    if (!this.up) throw new HeddleError('unavailable', 'not connected');
  }

  private interrupt(): void {
    this.generation++;
    this.interruptions.emit();
    this.wakeAll();
  }

  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.waiting.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private wakeAll(): void {
    for (const wake of [...this.waiting]) wake();
  }
}

/** Blobs in memory. */
export class MemoryBlobs implements BlobPort {
  readonly content = new Map<string, Uint8Array>();

  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.content.set(sha256, bytes);
    return sha256;
  }

  async get(sha256: string): Promise<Uint8Array> {
    const bytes = this.content.get(sha256);
    if (bytes === undefined) throw new HeddleError('not-found', `there is no blob ${sha256}`);
    return bytes;
  }
}

/** Streams and blobs in memory, for services that are tested without NATS. */
export class MemoryStore implements StorePort {
  readonly streams = new Map<string, MemoryStream>();
  readonly blobStores = new Map<string, MemoryBlobs>();

  constructor(private readonly clock: Clock = systemClock) {}

  async stream(spec: StreamSpec, options: { create?: boolean } = {}): Promise<MemoryStream> {
    let stream = this.streams.get(spec.name);
    if (stream === undefined) {
      if (options.create === false) throw new HeddleError('state', `there is no stream ${spec.name}`);
      stream = new MemoryStream(spec, this.clock);
      this.streams.set(spec.name, stream);
    }
    return stream;
  }

  async blobs(name: string): Promise<MemoryBlobs> {
    let blobs = this.blobStores.get(name);
    if (blobs === undefined) this.blobStores.set(name, (blobs = new MemoryBlobs()));
    return blobs;
  }
}
