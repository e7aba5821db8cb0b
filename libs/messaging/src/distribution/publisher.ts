import { randomUUID } from 'node:crypto';
import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type Watermark } from '@heddle/model';
import type { BusPort, BusRequest, BusSubscription } from '../bus/bus-port';
import { hostMayRead } from '../permissions';
import { subjects } from '../subjects';
import {
  SNAPSHOT_METHOD,
  snapshotMessages,
  type Beat,
  type Delta,
  type SnapshotRequest,
  type Standing,
} from './protocol';

const BEAT_MS = 2_000;

export interface PublisherOptions {
  readonly bus: BusPort;
  readonly clock: Clock;
  /** The service that readers ask for snapshots. */
  readonly service: string;
  readonly identity: Pick<Watermark, 'clusterUid' | 'incarnation'>;
  /** Epoch of the lease under which the sets are written. */
  readonly epoch: number;
}

interface Topic {
  readonly entries: Map<string, unknown>;
  position: number;
  sequence: number;
}

/**
 * The writer's end of the distribution of one or more topics. It exists as long as its service holds its lease: only the
 * holder may answer for the set. A topic is announced when it changes, and its version every two seconds.
 */
export class Publisher {
  private readonly writer = randomUUID();
  private readonly topics = new Map<string, Topic>();
  private readonly served: BusSubscription[] = [];
  private beats: Timer | undefined;

  constructor(private readonly options: PublisherOptions) {}

  /** Begins to answer and to announce. Set the topics first: what is not there yet would be an empty set. */
  start(): void {
    const { bus, clock, service } = this.options;
    const handler = (request: BusRequest): AsyncIterable<unknown> => this.snapshot(request);
    this.served.push(
      bus.serveStream(subjects.rpc(service, SNAPSHOT_METHOD), { queue: service }, handler),
      bus.serveStream(subjects.fromAnyHost(service, SNAPSHOT_METHOD), { queue: service }, handler),
    );
    for (const topic of this.topics.keys()) this.beat(topic);
    this.beats = clock.every(BEAT_MS, () => {
      for (const topic of this.topics.keys()) this.beat(topic);
    });
  }

  async stop(): Promise<void> {
    this.beats?.cancel();
    await Promise.all(this.served.map((subscription) => subscription.close()));
  }

  /** The set as it is published. */
  entries<T>(topic: string): ReadonlyMap<string, T> {
    return (this.topics.get(topic)?.entries ?? new Map()) as ReadonlyMap<string, T>;
  }

  /**
   * Brings a topic to this content, and announces what that changes. `position` is the log position that the content was
   * derived from; it never goes back.
   */
  publish<T>(topic: string, content: ReadonlyMap<string, T>, position: number): void {
    const found = this.topics.get(topic);
    if (!found) {
      this.topics.set(topic, { entries: new Map(content), position, sequence: 1 });
      if (this.beats) this.beat(topic);
      return;
    }
    const put: Record<string, T> = {};
    for (const [key, value] of content) {
      if (found.entries.get(key) !== value && JSON.stringify(found.entries.get(key)) !== JSON.stringify(value))
        put[key] = value;
    }
    const gone = [...found.entries.keys()].filter((key) => !content.has(key));
    if (Object.keys(put).length === 0 && gone.length === 0 && position <= found.position) return;
    for (const key of gone) found.entries.delete(key);
    for (const [key, value] of Object.entries(put)) found.entries.set(key, value);
    found.position = Math.max(found.position, position);
    found.sequence += 1;
    this.announce({ type: 'delta', ...this.standing(found), put, delete: gone }, topic);
  }

  private announce(delta: Delta<unknown>, topic: string): void {
    try {
      this.options.bus.publish(subjects.dist(topic), delta);
    } catch (error) {
      // Too large for a message: its readers notice by the version and fetch a snapshot. Not connected: they will anyway.
      if (HeddleError.from(error).code === 'limit') this.beat(topic);
    }
  }

  private beat(topic: string): void {
    const found = this.topics.get(topic);
    if (!found || this.options.bus.status().state !== 'connected') return;
    const beat: Beat = { type: 'beat', ...this.standing(found) };
    this.options.bus.publish(subjects.dist(topic), beat);
  }

  private standing({ position, sequence }: Topic): Standing {
    const { identity, epoch } = this.options;
    const { clusterUid, incarnation } = identity;
    return { clusterUid, incarnation, position, epoch, writer: this.writer, sequence };
  }

  private async *snapshot(request: BusRequest): AsyncIterable<unknown> {
    const topic = String((request.body as Partial<SnapshotRequest> | null)?.topic);
    if (request.host !== undefined && !hostMayRead(request.host, topic)) {
      throw new HeddleError('forbidden', `the topic ${topic} is not for the host ${request.host}`);
    }
    const found = this.topics.get(topic);
    if (!found) throw new HeddleError('unavailable', `${this.options.service} has nothing on the topic ${topic} yet`);
    yield* snapshotMessages({ ...this.standing(found), entries: new Map(found.entries) });
  }
}
