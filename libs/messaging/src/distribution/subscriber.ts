import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type Watermark } from '@heddle/model';
import type { BusPort, BusSubscription } from '../bus/bus-port';
import type { Unsubscribe } from '../listeners';
import { subjects } from '../subjects';
import { readSnapshot, SNAPSHOT_METHOD, type Announcement, type SnapshotMessage } from './protocol';
import { Replica, type Outcome, type Refusal } from './replica';

const SNAPSHOT_DEADLINE_MS = 5_000;
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 2_000;

/** A copy of the set as it was accepted. */
export interface Accepted<T> {
  readonly watermark: Watermark;
  readonly epoch: number;
  readonly entries: ReadonlyMap<string, T>;
}

export interface SubscriberOptions<T> {
  readonly bus: BusPort;
  readonly clock: Clock;
  /** The service that writes the set. */
  readonly service: string;
  readonly topic: string;
  /** What was accepted by an earlier run. */
  readonly accepted?: (Watermark & { readonly epoch: number }) | undefined;
  /** The set changed, or was derived up to a later position (then `put` and `delete` are empty). */
  readonly onAccepted: (
    accepted: Accepted<T>,
    change: { put: ReadonlyMap<string, T>; delete: readonly string[] },
  ) => void;
  /** Something was refused; undefined when it is in order again. */
  readonly onRefused: (refusal: Refusal | undefined) => void;
  readonly onTrouble?: (error: HeddleError) => void;
}

/**
 * The reader's end: follows the announcements of a topic and fetches a snapshot at the start, after every reconnect, and
 * whenever something was missed. Never gives up.
 */
export class Subscriber<T> {
  private readonly replica: Replica<T>;
  private readonly subscription: BusSubscription;
  private readonly unwatch: Unsubscribe;
  private readonly closing = new AbortController();
  private fetching = false;
  private retry: Timer | undefined;
  private failures = 0;
  private refused = false;

  constructor(private readonly options: SubscriberOptions<T>) {
    this.replica = new Replica(options.accepted);
    const { bus, topic } = options;
    this.subscription = bus.subscribe(subjects.dist(topic), {}, (message) =>
      this.take(this.replica.announcement(message.body as Announcement<T>)),
    );
    this.unwatch = bus.onStatus(({ state }) => {
      if (state === 'connected') this.fetch();
      else this.replica.interrupted();
    });
    this.fetch();
  }

  get entries(): ReadonlyMap<string, T> {
    return this.replica.entries;
  }

  /** Whether the copy follows the writer now. */
  get following(): boolean {
    return this.replica.current !== undefined;
  }

  async close(): Promise<void> {
    this.closing.abort();
    this.retry?.cancel();
    this.unwatch();
    await this.subscription.close();
  }

  private take(outcome: Outcome<T>): void {
    switch (outcome.type) {
      case 'changed':
        return this.accept(outcome.put, outcome.delete);
      case 'advanced':
        return this.accept(new Map(), []);
      case 'behind':
        return this.fetch();
      case 'refused':
        this.refused = true;
        return this.options.onRefused(outcome.refusal);
      case 'ignored':
        return;
    }
  }

  private accept(put: ReadonlyMap<string, T>, gone: readonly string[]): void {
    const standing = this.replica.current;
    if (!standing) return;
    if (this.refused) {
      this.refused = false;
      this.options.onRefused(undefined);
    }
    const { clusterUid, incarnation, position, epoch } = standing;
    this.options.onAccepted(
      { watermark: { clusterUid, incarnation, position }, epoch, entries: this.replica.entries },
      { put, delete: gone },
    );
  }

  private fetch(): void {
    const { bus } = this.options;
    if (this.fetching || this.closing.signal.aborted || bus.status().state !== 'connected') return;
    this.retry?.cancel();
    this.fetching = true;
    this.fetchOnce().then(
      (outcome) => {
        this.fetching = false;
        this.failures = 0;
        this.take(outcome);
        // Announced while it was under way, and not in it.
        if (outcome.type === 'ignored' && !this.following) this.later();
      },
      (error: unknown) => {
        this.fetching = false;
        if (this.closing.signal.aborted) return;
        this.options.onTrouble?.(HeddleError.from(error));
        this.later();
      },
    );
  }

  private async fetchOnce(): Promise<Outcome<T>> {
    const { bus, service, topic } = this.options;
    const messages = bus.callStream<SnapshotMessage<T>>(
      service,
      SNAPSHOT_METHOD,
      { topic },
      { deadlineMs: SNAPSHOT_DEADLINE_MS, signal: this.closing.signal },
    );
    return this.replica.snapshot(await readSnapshot(messages));
  }

  private later(): void {
    const wait = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.failures++);
    this.retry = this.options.clock.after(wait, () => this.fetch());
  }
}
