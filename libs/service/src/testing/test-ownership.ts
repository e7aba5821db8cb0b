import { FakeClock } from '@heddle/host';
import {
  BucketView,
  ChangeLog,
  ChangeLogWriter,
  ManualTerm,
  MemoryBus,
  MemoryHub,
  MemoryStore,
  Publisher,
  Subscriber,
} from '@heddle/messaging';
import { keyOf, parseObject, type AnyObject, type Change, type HeddleError, type Kind } from '@heddle/model';
import { silentLog } from '../logging/log';
import type { Ownership } from '../run/owner';
import { serviceContext, type ServiceContext } from '../run/service';

const LOG_TERM = new ManualTerm(1, 'test');

/** What an owner of objects stands on, in memory and on a clock that a test moves: a log, a view of it, a bus, a lease. */
export class TestOwnership {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore(this.clock);
  readonly hub = new MemoryHub(this.clock);
  readonly context: ServiceContext;
  /** Why the owner asked to begin anew. */
  readonly restarts: HeddleError[] = [];
  private readonly closing: (() => unknown)[] = [];
  private terms = 0;
  private changes = 0;

  constructor(
    name: string,
    private readonly kinds: readonly Kind[],
  ) {
    const bus = this.bus(name);
    this.context = serviceContext(name, { bus, store: this.store, log: silentLog(), clock: this.clock });
  }

  /** What the next holder of the lease begins with. */
  async next(over: Partial<Ownership> = {}): Promise<Ownership> {
    const { store, clock, kinds } = this;
    const selected = new Set<string>(kinds);
    const view = await BucketView.open<AnyObject>({
      store,
      changes: await ChangeLog.open<Change>({ store, clock }),
      bucket: this.context.name,
      select: (key) => selected.has(key.slice(0, key.indexOf('/'))),
      clock,
    });
    this.closing.push(() => view.close());
    await this.settle();
    return {
      term: new ManualTerm(++this.terms, this.context.name),
      view,
      identity: { clusterUid: 'cluster', incarnation: 1 },
      settled: () => true,
      restart: (error) => this.restarts.push(error),
      ...over,
    };
  }

  /** Puts a change into the log. Objects are as people write them; each gets its key for a uid. */
  async change(puts: readonly object[], deletes: readonly string[] = []): Promise<number> {
    const { store, clock } = this;
    const writer = await ChangeLogWriter.openWriter<Change>({ store, term: LOG_TERM, clock });
    const objects = puts.map((value) => {
      const object = parseObject(value);
      const key = keyOf(object);
      return { key, before: null, after: { ...object, metadata: { ...object.metadata, uid: key } } };
    });
    const { position } = await writer.append({
      changeId: `change-${++this.changes}`,
      by: { principal: 'test' },
      at: new Date(clock.now()).toISOString(),
      verb: 'apply',
      summary: '',
      objects: [...objects, ...deletes.map((key) => ({ key, before: null, after: null }))],
    });
    writer.close();
    await this.settle();
    return position;
  }

  /** Lets everything that is under way happen, without time passing that anybody would notice. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await this.clock.advance(1);
  }

  /** Distributes sets in the name of another service. */
  publisher(service: string): Publisher {
    const publisher = new Publisher({
      bus: this.bus(service),
      clock: this.clock,
      service,
      identity: { clusterUid: 'cluster', incarnation: 1 },
      epoch: 1,
    });
    this.closing.push(() => publisher.stop());
    return publisher;
  }

  /** Follows a set, as an agent does. */
  subscriber<T>(service: string, topic: string): Subscriber<T> {
    const subscriber = new Subscriber<T>({
      bus: this.bus('reader'),
      clock: this.clock,
      service,
      topic,
      onAccepted: () => undefined,
      onRefused: () => undefined,
    });
    this.closing.push(() => subscriber.close());
    return subscriber;
  }

  /** Ends when `stop` is called. */
  atEnd(stop: () => unknown): void {
    this.closing.push(stop);
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
  }

  private bus(name: string): MemoryBus {
    const bus = new MemoryBus({ hub: this.hub, name, clock: this.clock });
    this.closing.push(() => bus.close());
    return bus;
  }
}
