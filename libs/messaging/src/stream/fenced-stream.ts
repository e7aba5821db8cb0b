import { randomUUID } from 'node:crypto';
import { systemClock, type Clock, type Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { backoff, pause, withDeadline } from '../async';
import type { Term } from '../lease/term';
import type { Unsubscribe } from '../listeners';
import { decodeBody, encodeBody } from '../wire';
import { AppendError, type NewRecord, type StreamPort, type StreamRecord } from './stream-port';
import { Suspicion } from './suspicion';

/** Writes under way at a time; what is written beyond that waits in this process. */
const WINDOW = 256;
const ACK_TIMEOUT_MS = 2_000;
export const DEFAULT_WRITE_DEADLINE_MS = 10_000;
const RETRY_FIRST_MS = 10;
const RETRY_MOST_MS = 500;

export interface FencedStreamOptions {
  readonly stream: StreamPort;
  readonly term: Term;
  /** Subject of the records by which a writer marks its epoch. */
  readonly epochSubject: string;
  readonly clock?: Clock;
  /** Milliseconds after which a write is given up. Default 10 s. */
  readonly deadlineMs?: number;
  /** Milliseconds to wait for one acknowledgement before the stream is asked. Default 2 s. */
  readonly ackTimeoutMs?: number;
  readonly window?: number;
  /** See {@link Suspicion}. */
  readonly suspicionMs?: number;
}

/** What an epoch record says. */
interface EpochRecord {
  readonly epoch: number;
  readonly holder: string;
}

interface Tail {
  readonly sequence: number;
  readonly id: string;
}

class Write {
  /** Chosen once for each write, so that a write sent twice is recognised as the same. */
  readonly id = randomUUID();
  sequence = 0;
  settled = false;
  /** Copies of which it is not known that they did not get in. */
  doubts = 0;
  timer: Timer | undefined;

  constructor(
    readonly record: NewRecord,
    readonly resolve: (sequence: number) => void,
    readonly reject: (error: HeddleError) => void,
  ) {}
}

/**
 * The only writer of a stream.
 *
 * It begins by writing an epoch record, and from then on knows every sequence number: each write expects the stream to end
 * exactly with the write before it, by sequence and by id. (By sequence alone a stale writer could slip in: if a new
 * writer's epoch record takes the place of its first write, its second one finds the sequence number it expects.) So a
 * write is in only when everything written before it is in, and nothing of a stale writer gets in after a new writer's
 * epoch record.
 *
 * Writes are pipelined. When one fails, all that were written after it fail as well.
 *
 * After a doubt (no acknowledgement, a lost connection) the stream is asked what is in. What is not is sent again, until the
 * write's deadline; the copies carry the same id and expectation, so at most one gets in. A write that was given up may
 * still be on its way to the server; before anything else is written a further epoch record closes its place for good.
 *
 * Errors of a write, all HeddleError:
 *   fenced       another writer has taken over, or the term is over. Not written, or unknown when the text says so.
 *   unavailable  not written (a write before it failed, or there was no connection until the deadline).
 *   deadline     sent, and no answer until the deadline: it may be in. Reading tells.
 *   limit        the record is too large, or the store is full: not written.
 *   state        the stream has lost what it had acknowledged. Nothing is written any more.
 */
export class FencedStream {
  private readonly stream: StreamPort;
  private readonly term: Term;
  private readonly clock: Clock;
  private readonly deadlineMs: number;
  private readonly ackTimeoutMs: number;
  private readonly window: number;
  private readonly suspicion: Suspicion;
  /** The stream's last record as far as it is known to be in: always one of ours. */
  private tail: Tail = { sequence: 0, id: '' };
  /** Sent and not known to be in, in order; their sequences follow the tail's. Those given up stay until it is known. */
  private sent: Write[] = [];
  /** Not sent yet. */
  private queue: Write[] = [];
  private state: 'open' | 'recovering' | 'failed' | 'closed' = 'open';
  private failure: HeddleError | undefined;
  private rejection: { readonly write: Write; readonly error: HeddleError } | undefined;
  /** Epoch records that may be under way to the place after the tail. */
  private readonly barriers = new Set<string>();
  /** Recoveries since a write last got in. */
  private recoveries = 0;
  private readonly stopped = new AbortController();
  /** Wakes those who wait for the end of a recovery. */
  private certain: (() => void)[] = [];
  private readonly onTermOver = (): void => this.fail(HeddleError.from(this.term.signal.reason));
  private unwatch: Unsubscribe | undefined;
  private failureListener: ((error: HeddleError) => void) | undefined;

  private constructor(private readonly options: FencedStreamOptions) {
    this.stream = options.stream;
    this.term = options.term;
    this.clock = options.clock ?? systemClock;
    this.deadlineMs = options.deadlineMs ?? DEFAULT_WRITE_DEADLINE_MS;
    this.ackTimeoutMs = Math.min(options.ackTimeoutMs ?? ACK_TIMEOUT_MS, this.deadlineMs / 3);
    this.window = options.window ?? WINDOW;
    this.suspicion = new Suspicion(this.clock, options.suspicionMs);
  }

  /**
   * Marks the term's epoch in the stream and becomes its writer.
   * @throws HeddleError `fenced` when the term is over or another writer is ahead; `unavailable`, `deadline`
   */
  static async open(options: FencedStreamOptions): Promise<FencedStream> {
    const writer = new FencedStream(options);
    await writer.markEpoch();
    if (writer.term.signal.aborted) writer.onTermOver();
    else writer.term.signal.addEventListener('abort', writer.onTermOver, { once: true });
    // Also without a write under way: what is there afterwards may be an older copy.
    writer.unwatch = writer.stream.onInterrupted(() => writer.recover());
    return writer;
  }

  /** Sequence of the last record that is known to be in the stream. */
  get lastSequence(): number {
    return this.tail.sequence;
  }

  /** Bytes that the body of one record may have. */
  get maxRecord(): number {
    return this.stream.maxRecord;
  }

  /** Called once when nothing more can be written: the term is over, another writer has taken over, the stream went back. */
  onFailure(listener: (error: HeddleError) => void): void {
    this.failureListener = listener;
    if (this.failure) listener(this.failure);
  }

  /** Writes one record after all those written before, and resolves to its sequence when it is in the stream. */
  append(record: NewRecord): Promise<number> {
    return new Promise<number>((resolve, reject) => {
      const refusal = this.refusalOf(record);
      if (refusal) return reject(refusal);
      const write = new Write(record, resolve, reject);
      write.timer = this.clock.after(this.deadlineMs, () => this.giveUp());
      this.queue.push(write);
      this.pump();
    });
  }

  /**
   * Resolves when there is no write whose fate is unknown: what was reported as `deadline` before is now in for good, or
   * will never be.
   * @throws HeddleError `unavailable` when that takes longer than a write's deadline; why nothing can be written any more
   */
  async whenCertain(): Promise<void> {
    const late = new HeddleError('unavailable', `stream ${this.stream.name} cannot be asked what is in it`);
    const started = this.clock.monotonic();
    while (this.state === 'recovering') {
      const left = this.deadlineMs - (this.clock.monotonic() - started);
      if (left <= 0) throw late;
      await withDeadline(new Promise<void>((resolve) => this.certain.push(resolve)), left, this.clock, () => late);
    }
    if (this.failure) throw this.failure;
  }

  /** Stops writing. What is under way fails with `deadline` or `unavailable`. */
  close(): void {
    if (this.state === 'closed') return;
    this.term.signal.removeEventListener('abort', this.onTermOver);
    this.state = 'closed';
    this.unwatch?.();
    this.stopped.abort();
    this.rejectAll('the writer was closed');
    this.sent = [];
    this.recovered();
  }

  private refusalOf(record: NewRecord): HeddleError | undefined {
    const { name } = this.stream;
    if (this.failure) return this.failure;
    if (this.state === 'closed') {
      return new HeddleError('unavailable', `the writer of ${name} is closed`, { retryable: false });
    }
    if (record.data.length > this.maxRecord) {
      const size = `${record.data.length} bytes; at most ${this.maxRecord} are allowed`;
      return new HeddleError('limit', `a record for stream ${name} has ${size}`);
    }
    return undefined;
  }

  // ---- the beginning ---------------------------------------------------------------------------------------------------

  private async markEpoch(): Promise<void> {
    const started = this.clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      if (!this.term.isHeld()) throw this.termOver();
      try {
        await this.passEpoch();
        const { lastSequence } = await this.stream.state();
        const written = await this.writeEpoch(lastSequence);
        if (written !== undefined) {
          this.tail = written;
          return;
        }
      } catch (error) {
        const failure = causeOf(error);
        if (!failure.retryable || failure.code === 'fenced') throw failure;
        if (this.clock.monotonic() - started >= this.deadlineMs) throw failure;
      }
      await pause(this.clock, backoff(attempt, RETRY_FIRST_MS, RETRY_MOST_MS), this.term.signal);
    }
  }

  /** Makes this term's epoch the highest one in the stream; a term that cannot be raised is a stale one. */
  private async passEpoch(): Promise<void> {
    const record = await this.stream.last(this.options.epochSubject);
    if (record === undefined) return;
    const found = epochOf(record);
    if (found.epoch > this.term.epoch || (found.epoch === this.term.epoch && found.holder !== this.term.holder)) {
      await this.term.raise(found.epoch + 1);
    }
  }

  /** Writes an epoch record as the very next one; nothing when something else got there first. */
  private async writeEpoch(after: number): Promise<Tail | undefined> {
    const id = randomUUID();
    const body: EpochRecord = { epoch: this.term.epoch, holder: this.term.holder };
    const record = { subject: this.options.epochSubject, data: encodeBody(body), id };
    this.barriers.add(id);
    try {
      return { sequence: await this.stream.append(record, { lastSequence: after }, this.ackTimeoutMs), id };
    } catch (error) {
      if (error instanceof AppendError && error.outcome === 'expectation') return undefined;
      throw error;
    }
  }

  // ---- writing ---------------------------------------------------------------------------------------------------------

  private pump(): void {
    if (this.state !== 'open') return;
    if (this.queue.length > 0 && !this.term.isHeld()) return this.fail(this.termOver());
    while (this.queue.length > 0 && this.sent.length < this.window) {
      const write = this.queue.shift() as Write;
      const before = this.sent.at(-1) ?? this.tail;
      write.sequence = before.sequence + 1;
      this.sent.push(write);
      this.transmit(write, before.id);
    }
  }

  private transmit(write: Write, idBefore: string | undefined): void {
    const expected = { lastSequence: write.sequence - 1, ...(idBefore === undefined ? {} : { lastId: idBefore }) };
    write.doubts++;
    this.stream.append({ ...write.record, id: write.id }, expected, this.ackTimeoutMs).then(
      (sequence) => (sequence === write.sequence ? this.confirm(write) : this.recover()),
      (error: unknown) => this.failed(write, error),
    );
  }

  /** This write is in, and with it everything before it. */
  private confirm(write: Write): void {
    const index = this.sent.indexOf(write);
    if (index < 0) return;
    for (const done of this.sent.splice(0, index + 1)) settle(done, () => done.resolve(done.sequence));
    this.tail = { sequence: write.sequence, id: write.id };
    this.recoveries = 0;
    this.pump();
  }

  private failed(write: Write, error: unknown): void {
    const outcome = error instanceof AppendError ? error.outcome : 'unknown';
    if (outcome !== 'unknown') write.doubts--;
    if (!this.sent.includes(write)) return;
    const cause = causeOf(error);
    // What the server may take later is tried again; what it never will is passed on.
    if (outcome === 'rejected' && !cause.retryable) this.rejection ??= { write, error: cause };
    this.recover();
  }

  // ---- after a doubt ---------------------------------------------------------------------------------------------------

  private recover(): void {
    if (this.state !== 'open') return;
    this.state = 'recovering';
    void this.recovery();
  }

  private async recovery(): Promise<void> {
    const { signal } = this.stopped;
    if (this.recoveries > 0) await pause(this.clock, this.delay(), signal);
    while (this.state === 'recovering') {
      this.recoveries++;
      try {
        if (await this.reconcile()) {
          this.suspicion.clear();
          return this.resume();
        }
      } catch (error) {
        const failure = causeOf(error);
        if (failure.code === 'fenced') return this.fail(failure);
        const confirmed = this.suspicion.confirmed(failure);
        if (confirmed) return this.fail(confirmed);
      }
      await pause(this.clock, this.delay(), signal);
      await this.stream.whenReady(signal);
    }
  }

  private recovered(): void {
    for (const wake of this.certain.splice(0)) wake();
  }

  private delay(): number {
    return backoff(this.recoveries, RETRY_FIRST_MS, RETRY_MOST_MS);
  }

  /**
   * Learns from the stream which writes are in, and closes the place of those that were given up. True when what is left
   * may be sent again; false to look once more.
   */
  private async reconcile(): Promise<boolean> {
    const { tail } = this;
    const { lastSequence } = await this.stream.state();
    const last = await this.stream.get(lastSequence);
    // An acknowledgement that came while asking makes the answer an old one.
    if (this.state !== 'recovering' || this.tail !== tail) return false;
    if (lastSequence < tail.sequence) throw this.wentBack(`it ends at ${lastSequence}`);
    if (lastSequence === tail.sequence) {
      if (last?.id !== tail.id) throw this.wentBack('it has another record there');
      return this.closeGivenUp();
    }
    if (last !== undefined && this.barriers.has(last.id)) {
      this.closedBy({ sequence: last.sequence, id: last.id });
      return true;
    }
    const write = this.sent.find((candidate) => candidate.sequence === lastSequence);
    if (write === undefined || write.id !== last?.id) {
      await this.confirmBelow(lastSequence);
      throw this.overtaken(last);
    }
    this.confirm(write);
    return this.closeGivenUp();
  }

  /** Another writer has been here: what of ours lies before its records is in all the same. */
  private async confirmBelow(lastSequence: number): Promise<void> {
    for (const write of [...this.sent].reverse()) {
      if (write.sequence > lastSequence) continue;
      const record = await this.stream.get(write.sequence);
      if (record?.id === write.id) return this.confirm(write);
    }
  }

  /**
   * When the first write that is not in was given up, or refused by the server, an epoch record takes its place. After that
   * neither it nor any that was sent after it can get in.
   */
  private async closeGivenUp(): Promise<boolean> {
    const [first] = this.sent;
    if (first === undefined) return true;
    const refused = this.rejection?.write === first;
    if (!refused) this.rejection = undefined;
    if (!refused && !first.settled) return true;
    if (this.sent.every((write) => write.doubts === 0)) {
      this.closedBy(this.tail);
      return true;
    }
    if (!this.term.isHeld()) throw this.termOver();
    const barrier = await this.writeEpoch(this.tail.sequence);
    if (barrier === undefined) return false;
    this.closedBy(barrier);
    return true;
  }

  /** From this record on the stream is known again, and none of the writes that were under way is in. */
  private closedBy(tail: Tail): void {
    this.tail = tail;
    this.barriers.clear();
    const refused = this.rejection;
    this.rejection = undefined;
    // What was written after a write that fails was written in the belief that it would get in.
    const doomed = this.sent.splice(0);
    if (refused) doomed.push(...this.queue.splice(0));
    for (const write of doomed) {
      settle(write, () =>
        write.reject(write === refused?.write ? refused.error : this.notWritten('a write before it failed')),
      );
    }
  }

  private resume(): void {
    if (this.state !== 'recovering') return;
    this.state = 'open';
    this.recovered();
    // The first relies on the sequence alone, for the server may have forgotten the id of the record before it; that it is
    // ours has just been read.
    let before: string | undefined;
    for (const write of [...this.sent]) {
      this.transmit(write, before);
      before = write.id;
    }
    this.pump();
  }

  /** A deadline has passed: this write, and with it all that came after it, will not be waited for. */
  private giveUp(): void {
    this.rejectAll('no answer until the deadline');
    this.recover();
  }

  // ---- the end ---------------------------------------------------------------------------------------------------------

  private fail(error: HeddleError): void {
    if (this.failure || this.state === 'closed') return;
    this.failure = error;
    this.state = 'failed';
    this.unwatch?.();
    this.stopped.abort();
    this.term.signal.removeEventListener('abort', this.onTermOver);
    const unknown = `${error.message}; whether this record was written is unknown`;
    for (const write of [...this.sent.splice(0), ...this.queue.splice(0)]) {
      settle(write, () =>
        write.reject(write.doubts > 0 ? new HeddleError(error.code, unknown, { cause: error }) : error),
      );
    }
    this.recovered();
    this.failureListener?.(error);
  }

  /** Tells everybody who waits; what was sent stays known until the stream has been asked. */
  private rejectAll(why: string): void {
    const unknown = `${why}; whether this record was written to ${this.stream.name} is unknown`;
    for (const write of [...this.sent, ...this.queue.splice(0)]) {
      settle(write, () => write.reject(write.doubts > 0 ? new HeddleError('deadline', unknown) : this.notWritten(why)));
    }
  }

  private notWritten(why: string): HeddleError {
    return new HeddleError('unavailable', `not written to ${this.stream.name}: ${why}`);
  }

  private termOver(): HeddleError {
    return new HeddleError('fenced', `the term of ${this.term.holder} (epoch ${this.term.epoch}) is over`);
  }

  private wentBack(detail: string): HeddleError {
    return new HeddleError(
      'state',
      `stream ${this.stream.name} has lost records it had acknowledged (${this.tail.sequence} was written, ${detail}): ` +
        'it was restored from an older copy, or made anew',
    );
  }

  private overtaken(last: StreamRecord | undefined): HeddleError {
    const who =
      last?.subject === this.options.epochSubject
        ? `${epochOf(last).holder} with epoch ${epochOf(last).epoch}`
        : 'another writer';
    return new HeddleError('fenced', `${who} writes stream ${this.stream.name} now; epoch ${this.term.epoch} is over`);
  }
}

function settle(write: Write, action: () => void): void {
  write.timer?.cancel();
  if (write.settled) return;
  write.settled = true;
  action();
}

function causeOf(error: unknown): HeddleError {
  return error instanceof AppendError ? error.cause : HeddleError.from(error);
}

function epochOf(record: StreamRecord): EpochRecord {
  const body = decodeBody(record.data, 'an epoch record') as Partial<EpochRecord> | null;
  if (typeof body?.epoch !== 'number' || typeof body.holder !== 'string') {
    throw new HeddleError('state', `the epoch record at ${record.sequence} cannot be understood`);
  }
  return { epoch: body.epoch, holder: body.holder };
}
