import { FencedBucket, Publisher, Subscriber } from '@heddle/messaging';
import { HeddleError, TOPICS, type HostView } from '@heddle/model';
import { EMPTY_IDS, type IdTable, type ResolvedPolicy } from '@heddle/policy-engine';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import { resolve } from './policy-state';

/** Key under which the numbers that were given are kept. */
const IDS = 'ids';

/** What the holder of the lease does: numbers are on disk before anybody hears of them. */
export class PolicyReign implements Reign {
  ids: IdTable = EMPTY_IDS;
  private policy: ResolvedPolicy = new Map();
  private readonly publisher: Publisher;
  private readonly hosts: Subscriber<HostView>;
  private floor = 0;
  private turn: Promise<void> = Promise.resolve();
  private unwatch: (() => void) | undefined;
  private stopped = false;

  private constructor(
    { bus, clock }: ServiceContext,
    private readonly ownership: Ownership,
    private readonly bucket: FencedBucket<IdTable>,
  ) {
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'policy', identity, epoch: term.epoch });
    this.hosts = new Subscriber<HostView>({
      bus,
      clock,
      service: 'inventory',
      topic: TOPICS.hosts,
      onAccepted: ({ entries }) => this.raiseFloor(entries),
      onRefused: () => undefined,
    });
  }

  static async begin(context: ServiceContext, ownership: Ownership): Promise<PolicyReign> {
    const { store, clock } = context;
    const bucket = await FencedBucket.open<IdTable>({ store, bucket: 'resolved', term: ownership.term, clock });
    const reign = new PolicyReign(context, ownership, bucket);
    await reign.start();
    return reign;
  }

  private async start(): Promise<void> {
    const saved = await this.bucket.readAll();
    this.ids = saved.get(IDS) ?? EMPTY_IDS;
    await this.advance();
    this.publisher.start();
    this.unwatch = this.ownership.view.onChange(() => this.enqueue());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch?.();
    await this.hosts.close();
    await this.publisher.stop();
    await this.turn;
    this.bucket.close();
  }

  private raiseFloor(hosts: ReadonlyMap<string, HostView>): void {
    const highest = [...hosts.values()].reduce((max, host) => Math.max(max, host.highestClassId), 0);
    if (highest <= this.floor) return;
    this.floor = highest;
    this.enqueue();
  }

  private enqueue(): void {
    this.turn = this.turn
      .then(() => this.advance())
      .catch((error: unknown) => {
        if (!this.stopped) this.ownership.restart(HeddleError.from(error));
      });
  }

  private async advance(): Promise<void> {
    if (this.stopped) return;
    const { entries, position } = this.ownership.view;
    const next = resolve(entries, this.ids, this.floor);
    if (next.ids !== this.ids) await this.bucket.commit({ put: new Map([[IDS, next.ids]]) });
    this.ids = next.ids;
    this.policy = next.policy;
    this.publisher.publish(TOPICS.policy, this.policy, position);
  }
}
