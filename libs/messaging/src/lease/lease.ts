import { randomUUID } from 'node:crypto';
import { systemClock, type Clock, type Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { abortError, pause, withDeadline } from '../async';
import { Listeners, type Unsubscribe } from '../listeners';
import type { CasBucketPort, CasEntry } from './cas-bucket';
import type { Term } from './term';

export const DEFAULT_TTL_MS = 5_000;

/** How far the clocks of two machines may drift apart during one lease time, as a part of it. */
const DRIFT = 0.05;

/** What the bucket holds for a lease. */
interface LeaseRecord {
  readonly holder: string;
  /** Made for one term; tells two terms of one holder apart. */
  readonly token: string;
  readonly epoch: number;
  readonly ttlMs: number;
  /** Given back: nobody has to wait. */
  readonly released?: boolean;
}

export interface LeaseOptions {
  readonly bucket: CasBucketPort;
  /** What is leased: `coordinator`, `scheduler`. */
  readonly name: string;
  /** Who wants it, for people: `scheduler@host/pid`. */
  readonly holder: string;
  readonly ttlMs?: number;
  readonly clock?: Clock;
}

/**
 * A lease that one of several processes holds at a time.
 *
 * The holder counts its time from before it sent the request that was acknowledged, shortened by the drift of clocks, and
 * renews after a third of it. A waiter takes the lease over when the record has not changed for the whole time, lengthened
 * by the drift, on its own clock and counted from when it saw the record: later than the holder sent it. So the holder
 * stops before a waiter starts, without any clock being compared with another. Expiry causes no event in a bucket;
 * waiters look again and again.
 *
 * A process that is paused may believe for an instant after it wakes up what was true before; whatever it then writes is
 * refused, because the next holder has marked a higher epoch in the streams (FencedStream).
 */
export class Lease {
  private readonly ttlMs: number;
  private readonly clock: Clock;
  private readonly acquired = new Listeners<[Term]>();
  private readonly lost = new Listeners<[Term, HeddleError]>();
  private readonly troubled = new Listeners<[HeddleError]>();
  private readonly closing = new AbortController();
  private running: Promise<void> | undefined;
  private current: HeldTerm | undefined;
  /** Tokens of this process whose terms are over: their records bar nobody from taking the lease again. */
  private ownTokens = new Set<string>();

  constructor(private readonly options: LeaseOptions) {
    this.ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
    this.clock = options.clock ?? systemClock;
  }

  /** The term, while the lease is held. */
  get term(): Term | undefined {
    return this.current?.isHeld() ? this.current : undefined;
  }

  onAcquired(listener: (term: Term) => void): Unsubscribe {
    return this.acquired.add(listener);
  }

  /** Called once for each term, at the latest when it runs out. */
  onLost(listener: (term: Term, why: HeddleError) => void): Unsubscribe {
    return this.lost.add(listener);
  }

  /** Failures of the bucket while waiting or renewing. */
  onTrouble(listener: (error: HeddleError) => void): Unsubscribe {
    return this.troubled.add(listener);
  }

  /** Wants the lease from now on: takes it when it is free, and again whenever it was lost. */
  start(): this {
    this.running ??= this.run();
    return this;
  }

  /** Resolves when the lease is held. @throws HeddleError `deadline`, or the reason of the signal */
  async whenHeld(deadlineMs: number, signal?: AbortSignal): Promise<Term> {
    if (this.term) return this.term;
    if (signal?.aborted) throw abortError(signal, `the wait for lease ${this.options.name}`);
    let stop: Unsubscribe | undefined;
    let onAbort: (() => void) | undefined;
    const held = new Promise<Term>((resolve, reject) => {
      stop = this.acquired.add(resolve);
      onAbort = () => reject(abortError(signal as AbortSignal, `the wait for lease ${this.options.name}`));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
    try {
      return await withDeadline(
        held,
        deadlineMs,
        this.clock,
        () => new HeddleError('deadline', `lease ${this.options.name} was not free within ${deadlineMs} ms`),
      );
    } finally {
      stop?.();
      if (onAbort) signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the term, gives the lease back so that nobody has to wait, and stops wanting it. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.closing;
    while (!signal.aborted) {
      const taken = await this.campaign(signal);
      if (taken === undefined) return;
      this.current = taken;
      this.ownTokens = new Set([taken.token]);
      this.acquired.emit(taken);
      const why = await taken.keep(signal);
      this.lost.emit(taken, why);
      if (signal.aborted) await this.release(taken);
    }
  }

  /** Looks until the lease is free, and takes it. */
  private async campaign(signal: AbortSignal): Promise<HeldTerm | undefined> {
    let seen: { revision: number; since: number } | undefined;
    while (!signal.aborted) {
      let wait = this.ttlMs / 3;
      try {
        const entry = await this.look();
        const now = this.clock.monotonic();
        const record = recordOf(entry);
        if (seen?.revision !== entry?.revision) seen = entry && { revision: entry.revision, since: now };
        const freeAt = entry === undefined ? now : this.freeAt(record, seen?.since ?? now);
        if (freeAt <= now) {
          const term = await this.take(entry?.revision ?? 0, record?.epoch ?? 0);
          if (term !== undefined) return term;
          wait = 0;
        } else {
          wait = Math.min(wait, freeAt - now);
        }
      } catch (error) {
        this.trouble(error);
      }
      await pause(this.clock, Math.max(wait, 10), signal);
    }
    return undefined;
  }

  /** When somebody else may take the lease, on this process's clock, if the record stays as it is. */
  private freeAt(record: LeaseRecord | undefined, since: number): number {
    if (record?.released || (record !== undefined && this.ownTokens.has(record.token))) return -Infinity;
    return since + (record?.ttlMs ?? this.ttlMs) * (1 + DRIFT);
  }

  private async take(revision: number, lastEpoch: number): Promise<HeldTerm | undefined> {
    const { bucket, name, holder } = this.options;
    const record: LeaseRecord = { holder, token: randomUUID(), epoch: lastEpoch + 1, ttlMs: this.ttlMs };
    this.ownTokens.add(record.token);
    const sent = this.clock.monotonic();
    try {
      const taken = await bucket.put(name, record, revision, this.ttlMs / 3);
      return new HeldTerm(this.options, record, taken, sent, (error) => this.trouble(error));
    } catch (error) {
      if (HeddleError.from(error).code === 'conflict') return undefined;
      // Whether it was written is seen at the next look: the token tells.
      throw error;
    }
  }

  private look(): Promise<CasEntry | undefined> {
    const { bucket, name } = this.options;
    const late = new HeddleError('deadline', `reading lease ${name} took longer than ${this.ttlMs / 3} ms`);
    return withDeadline(bucket.get(name), this.ttlMs / 3, this.clock, () => late);
  }

  private async release(term: HeldTerm): Promise<void> {
    try {
      await term.giveBack();
    } catch (error) {
      // The others then wait until it has run out.
      this.trouble(error);
    }
  }

  private trouble(error: unknown): void {
    this.troubled.emit(HeddleError.from(error));
  }
}

class HeldTerm implements Term {
  private readonly abort = new AbortController();
  private readonly clock: Clock;
  private readonly expiry: Timer[] = [];
  private record: LeaseRecord;
  private expires: number;
  /** Writes of the record follow one another. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly options: LeaseOptions,
    record: LeaseRecord,
    private revision: number,
    sent: number,
    private readonly onTrouble: (error: unknown) => void,
  ) {
    this.clock = options.clock ?? systemClock;
    this.record = record;
    this.expires = 0;
    this.extend(sent);
  }

  get holder(): string {
    return this.record.holder;
  }
  get token(): string {
    return this.record.token;
  }
  get epoch(): number {
    return this.record.epoch;
  }
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  isHeld(): boolean {
    return !this.abort.signal.aborted && this.clock.monotonic() < this.expires;
  }

  async raise(atLeast: number): Promise<number> {
    if (this.epoch < atLeast) await this.write((record) => ({ ...record, epoch: Math.max(record.epoch, atLeast) }));
    if (!this.isHeld()) throw this.over('it is no longer held');
    return this.epoch;
  }

  /** Renews until the lease is lost or its owner closes; resolves to the reason. */
  async keep(closing: AbortSignal): Promise<HeddleError> {
    const either = AbortSignal.any([closing, this.signal]);
    const { ttlMs } = this.record;
    let wait = ttlMs / 3;
    for (;;) {
      await pause(this.clock, wait, either);
      if (closing.aborted) this.end(this.over('it was given back'));
      if (this.signal.aborted) return this.signal.reason as HeddleError;
      try {
        await this.write((record) => record);
        wait = ttlMs / 3;
      } catch (error) {
        if (this.signal.aborted) return this.signal.reason as HeddleError;
        this.onTrouble(error);
        wait = ttlMs / 10;
      }
    }
  }

  /** Tells the others that they need not wait. */
  async giveBack(): Promise<void> {
    await this.turn;
    const { bucket, name } = this.options;
    await bucket.put(name, { ...this.record, released: true }, this.revision, this.record.ttlMs / 3);
  }

  private write(change: (record: LeaseRecord) => LeaseRecord): Promise<void> {
    const work = this.turn.then(() => this.writeNow(change(this.record)));
    this.turn = work.catch(() => undefined);
    return work;
  }

  private async writeNow(record: LeaseRecord): Promise<void> {
    const { bucket, name } = this.options;
    const sent = this.clock.monotonic();
    const timeoutMs = Math.min(record.ttlMs / 3, this.expires - sent);
    if (timeoutMs <= 0 || this.signal.aborted) throw this.over('it ran out');
    try {
      this.revision = await bucket.put(name, record, this.revision, timeoutMs);
    } catch (error) {
      if (HeddleError.from(error).code === 'conflict') await this.reread(record.ttlMs / 3);
      throw error;
    }
    this.record = record;
    this.extend(sent);
  }

  /** After a conflict: either an earlier write of ours had got in without our knowing, or somebody else has the lease. */
  private async reread(timeoutMs: number): Promise<void> {
    const { bucket, name } = this.options;
    const late = new HeddleError('deadline', `reading lease ${name} took longer than ${timeoutMs} ms`);
    const entry = await withDeadline(bucket.get(name), timeoutMs, this.clock, () => late);
    const record = recordOf(entry);
    if (entry !== undefined && record?.token === this.token) {
      this.revision = entry.revision;
      this.record = record;
    } else {
      this.end(this.over(record === undefined ? 'its record is gone' : `${record.holder} has taken it`));
    }
  }

  private extend(sent: number): void {
    this.expires = sent + this.record.ttlMs * (1 - DRIFT);
    for (const timer of this.expiry.splice(0)) timer.cancel();
    if (this.signal.aborted) return;
    const left = this.expires - this.clock.monotonic();
    this.expiry.push(this.clock.after(Math.max(0, left), () => this.end(this.over('it could not be renewed in time'))));
  }

  private end(why: HeddleError): void {
    for (const timer of this.expiry.splice(0)) timer.cancel();
    if (!this.signal.aborted) this.abort.abort(why);
  }

  private over(why: string): HeddleError {
    return new HeddleError('fenced', `lease ${this.options.name} of ${this.holder} (epoch ${this.epoch}): ${why}`);
  }
}

/** The record of an entry; nothing when it cannot be read, which waiters treat as held by somebody. */
function recordOf(entry: CasEntry | undefined): LeaseRecord | undefined {
  const value = entry?.value as Partial<LeaseRecord> | null | undefined;
  if (typeof value?.token !== 'string' || typeof value.epoch !== 'number' || typeof value.ttlMs !== 'number') {
    return undefined;
  }
  return value as LeaseRecord;
}
