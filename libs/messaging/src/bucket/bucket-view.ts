import type { Clock } from '@heddle/host';
import { HeddleError, type Change, type LoggedChange } from '@heddle/model';
import { pause, withDeadline } from '../async';
import { IdentityRecord, type ClusterIdentity } from '../identity/cluster-identity';
import { bucketSpec } from '../lease/cas-bucket';
import { Listeners, type Unsubscribe } from '../listeners';
import type { LogMark, LogPort } from '../change-log';
import type { StorePort } from '../stream/stream-port';
import { readBucket, type FencedBucket } from './fenced-bucket';

const RETRY_MS = 1_000;
/** Key under which the position of a saved view stands, apart from every object key. */
const POSITION = '.position';

/** What is saved of a view: its entries under their keys, and up to which change they are complete. */
export type SavedEntry<T> = { readonly value: T } | { readonly mark: LogMark; readonly incarnation?: number };

export interface BucketViewOptions {
  readonly store: StorePort;
  readonly changes: LogPort<Change>;
  /** Where the view is saved. */
  readonly bucket: string;
  /** Which objects of a change belong to the view, by their keys. */
  readonly select: (key: string) => boolean;
  readonly clock: Clock;
}

/** A change as a view took it. */
export interface ViewChange<T> {
  readonly before: ReadonlyMap<string, T>;
  readonly after: ReadonlyMap<string, T>;
  readonly position: number;
  /** Absent when the view was read anew. */
  readonly change?: LoggedChange;
}

/**
 * A view of desired state: follows the log of changes and keeps the objects that it selects, rolling forward only. It starts
 * from what was saved in its bucket and the position saved with it; entries are saved before the position, and applying a
 * change again gives the same entries, so a crash anywhere between is made good by reading the log from that position.
 *
 * When the log turns out to be an older copy or another one, the view stays as it is and says so, until an operator has
 * accepted the store (a new incarnation); then it is read anew.
 */
export class BucketView<T> {
  private current: ReadonlyMap<string, T> = new Map();
  private at: LogMark = { position: 0, changeId: '' };
  private saver: FencedBucket<SavedEntry<T>> | undefined;
  /** What `saveWith` was called with last; differs from `saver` while a failure is being made good. */
  private wantedSaver: FencedBucket<SavedEntry<T>> | undefined;
  private fault: string | undefined = 'the view has not caught up with the log yet';
  private caughtUp = false;
  private incarnation: ClusterIdentity | undefined;
  private readonly listeners = new Listeners<[ViewChange<T>]>();
  private readonly moved = new Listeners<[]>();
  private readonly closing = new AbortController();
  private running: Promise<void> = Promise.resolve();

  private constructor(private readonly options: BucketViewOptions) {}

  /** Opens the view and begins to follow; `waitFor` tells when it has come far enough. */
  static async open<T>(options: BucketViewOptions): Promise<BucketView<T>> {
    const view = new BucketView<T>(options);
    view.running = view.run();
    return view;
  }

  get entries(): ReadonlyMap<string, T> {
    return this.current;
  }

  /** Position of the last change in the view. */
  get position(): number {
    return this.at.position;
  }

  /** What keeps the view from being what the log says, or undefined. */
  get problem(): string | undefined {
    return this.fault;
  }

  onChange(listener: (change: ViewChange<T>) => void): Unsubscribe {
    return this.listeners.add(listener);
  }

  /** Resolves when the view has come to a position. @throws HeddleError `deadline`, saying what keeps it */
  async waitFor(position: number, deadlineMs: number): Promise<void> {
    await this.until(
      () => this.at.position >= position,
      deadlineMs,
      () => `is at position ${this.at.position}, not at ${position}`,
    );
  }

  /** Resolves when the view has read everything that was in the log. */
  async whenCaughtUp(deadlineMs: number): Promise<void> {
    await this.until(
      () => this.caughtUp,
      deadlineMs,
      () => `has not caught up with the log; it is at ${this.at.position}`,
    );
  }

  /** Saves the view from now on, as the holder of the lease under which the bucket is open; undefined: no longer. */
  async saveWith(bucket: FencedBucket<SavedEntry<T>> | undefined): Promise<void> {
    this.wantedSaver = bucket;
    this.saver = undefined;
    if (bucket) await this.saveAll(bucket);
  }

  /** Saves what is not saved yet, and goes on saving from there. */
  private async saveAll(bucket: FencedBucket<SavedEntry<T>>): Promise<void> {
    const saved = await bucket.readAll();
    if (this.wantedSaver !== bucket) return;
    const put = new Map<string, SavedEntry<T>>();
    for (const [key, value] of this.current) {
      const known = saved.get(key);
      if (!known || !('value' in known) || JSON.stringify(known.value) !== JSON.stringify(value)) {
        put.set(key, { value });
      }
    }
    const gone = [...saved.keys()].filter((key) => key !== POSITION && !this.current.has(key));
    const entries = bucket.commit({ put, delete: gone });
    // From here on changes are saved as they come: after these entries, so that a position is never saved before them.
    this.saver = bucket;
    try {
      await entries;
      await bucket.commit({ put: new Map([[POSITION, this.place(this.at)]]) });
    } catch (error) {
      if (this.saver === bucket) this.saver = undefined;
      throw error;
    }
  }

  private place(mark: LogMark): SavedEntry<T> {
    return { mark, ...(this.incarnation === undefined ? {} : { incarnation: this.incarnation.incarnation }) };
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.closing;
    while (!signal.aborted) {
      try {
        await this.openOnce();
        await this.followOnce();
      } catch (error) {
        if (signal.aborted) return;
        this.caughtUp = false;
        this.fault = HeddleError.from(error).message;
      }
      await pause(clock, RETRY_MS, signal);
    }
  }

  /** Reads what was saved: at the start, and again when the store has a new incarnation. */
  private async openOnce(): Promise<void> {
    const { store, bucket } = this.options;
    const identity = await (await IdentityRecord.open(store)).read();
    const known = this.incarnation;
    if (this.at.position > 0 && (!identity || (known && sameIdentity(identity, known)))) return;
    const saved = await readBucket<SavedEntry<T>>(
      await store.stream(bucketSpec(bucket, `A view of the log: ${bucket}.`)),
    );
    const mark = saved.get(POSITION);
    const entries = new Map<string, T>();
    for (const [key, entry] of saved) if ('value' in entry) entries.set(key, entry.value);
    this.incarnation = identity;
    if (mark && 'mark' in mark && (await this.isInLog(mark, identity))) this.replace(entries, mark.mark);
    else this.replace(new Map(), { position: 0, changeId: '' });
  }

  /**
   * Whether what was saved belongs to this log. Within one incarnation it does, or following says what is wrong. Of a store
   * that an operator has accepted since, the view may have been copied later than the log; then the log is read from the
   * beginning.
   */
  private async isInLog(
    { mark, incarnation }: { mark: LogMark; incarnation?: number },
    identity: ClusterIdentity | undefined,
  ): Promise<boolean> {
    if (mark.position === 0 || incarnation === identity?.incarnation) return true;
    return (await this.options.changes.find(mark.changeId))?.position === mark.position;
  }

  private async followOnce(): Promise<void> {
    await this.options.changes.follow({
      after: this.at,
      signal: this.closing.signal,
      onChange: ({ change, position }) => this.take({ ...change, position }),
      onCaughtUp: () => {
        this.caughtUp = true;
        this.fault = undefined;
        this.moved.emit();
      },
      onInterrupted: (error) => (this.fault = `the log cannot be read: ${error.message}`),
    });
  }

  private take(change: LoggedChange): void {
    const mark = { position: change.position, changeId: change.changeId };
    const mine = change.objects.filter((object) => this.options.select(object.key));
    const before = this.current;
    if (mine.length > 0) {
      const after = new Map(before);
      for (const { key, after: object } of mine) {
        if (object === null) after.delete(key);
        else after.set(key, object as T);
      }
      this.current = after;
    }
    this.moveTo(mark);
    this.listeners.emit({ before, after: this.current, position: mark.position, change });
    this.save(
      mine.map((object) => object.key),
      mark,
    );
  }

  /**
   * Not waited for: what is in force must not depend on how fast it is saved. The position is written after the entries,
   * and is not in unless they are.
   */
  private save(keys: readonly string[], mark: LogMark): void {
    const { saver } = this;
    if (!saver) return;
    const put = new Map<string, SavedEntry<T>>();
    const gone: string[] = [];
    for (const key of keys) {
      const value = this.current.get(key);
      if (value === undefined) gone.push(key);
      else put.set(key, { value });
    }
    const entries = saver.commit({ put, delete: gone });
    const position = saver.commit({ put: new Map([[POSITION, this.place(mark)]]) });
    Promise.all([entries, position]).catch((error: unknown) => {
      if (this.saver !== saver) return;
      this.saver = undefined;
      void this.makeGood(saver, HeddleError.from(error));
    });
  }

  /** The log has everything: what could not be saved is saved later, by this holder of the lease or the next. */
  private async makeGood(saver: FencedBucket<SavedEntry<T>>, error: HeddleError): Promise<void> {
    const { signal } = this.closing;
    for (let failure = error; failure.code !== 'fenced' && failure.code !== 'state';) {
      await pause(this.options.clock, RETRY_MS, signal);
      if (signal.aborted || this.saver !== undefined || this.wantedSaver !== saver) return;
      try {
        return await this.saveAll(saver);
      } catch (again) {
        failure = HeddleError.from(again);
      }
    }
  }

  private replace(entries: ReadonlyMap<string, T>, mark: LogMark): void {
    const before = this.current;
    this.current = entries;
    this.moveTo(mark);
    if (before.size > 0 || entries.size > 0) this.listeners.emit({ before, after: entries, position: mark.position });
  }

  private moveTo(mark: LogMark): void {
    this.at = mark;
    this.moved.emit();
  }

  private async until(met: () => boolean, deadlineMs: number, describe: () => string): Promise<void> {
    if (met()) return;
    let stop: Unsubscribe | undefined;
    const reached = new Promise<void>((resolve) => {
      stop = this.moved.add(() => {
        if (met()) resolve();
      });
    });
    try {
      await withDeadline(reached, deadlineMs, this.options.clock, () => {
        const why = this.fault === undefined ? '' : `: ${this.fault}`;
        return new HeddleError(
          'deadline',
          `the view ${this.options.bucket} ${describe()} after ${deadlineMs} ms${why}`,
        );
      });
    } finally {
      stop?.();
    }
  }
}

const sameIdentity = (a: ClusterIdentity, b: ClusterIdentity): boolean =>
  a.clusterUid === b.clusterUid && a.incarnation === b.incarnation;
