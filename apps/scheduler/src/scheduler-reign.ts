import type { Timer } from '@heddle/host';
import { FencedBucket, Publisher, Subscriber } from '@heddle/messaging';
import {
  HeddleError,
  pathOf,
  TOPICS,
  type AllocationStatus,
  type HeddleObject,
  type HostView,
  type ServiceView,
} from '@heddle/model';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import { decide, type ClusterSnapshot, type Identity } from './decide';
import { desiredOf } from './desired';

type Allocation = HeddleObject<'Allocation'>;

/** Changes that come together are decided together. */
const GATHER_MS = 20;
/** Time passes for some decisions; nothing announces it. */
const TICK_MS = 1_000;

/**
 * What the holder of the scheduler's lease does: decides whenever something changed, writes allocations, and only then
 * distributes them. Nothing is decided before the hosts and the statuses of their allocations are known: what was not heard
 * of yet is not missing.
 */
export class SchedulerReign implements Reign {
  private lastViews: readonly ServiceView[] = [];
  private lastPosition = 0;
  private readonly publisher: Publisher;
  private readonly hosts: Subscriber<HostView>;
  private readonly statuses: Subscriber<AllocationStatus>;
  private readonly stops: (() => void)[] = [];
  private readonly knownHosts = new Set<string>();
  private gathering: Timer | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = false;

  private constructor(
    private readonly context: ServiceContext,
    private readonly ownership: Ownership,
    private readonly bucket: FencedBucket<Allocation>,
    private readonly current: Map<string, Allocation>,
    private readonly names: Identity,
  ) {
    const { bus, clock } = context;
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'scheduler', identity, epoch: term.epoch });
    const follow = <T>(topic: string): Subscriber<T> =>
      new Subscriber<T>({
        bus,
        clock,
        service: 'inventory',
        topic,
        onAccepted: () => this.kick(),
        onRefused: () => undefined,
      });
    this.hosts = follow<HostView>(TOPICS.hosts);
    this.statuses = follow<AllocationStatus>(TOPICS.allocationStatus);
  }

  static async begin(context: ServiceContext, ownership: Ownership, names: Identity): Promise<SchedulerReign> {
    const { store, clock } = context;
    const bucket = await FencedBucket.open<Allocation>({ store, bucket: 'allocations', term: ownership.term, clock });
    try {
      // Before anything is listened to: what is decided without knowing what was allocated would allocate it again.
      const current = new Map(await bucket.readAll());
      const reign = new SchedulerReign(context, ownership, bucket, current, names);
      reign.start();
      return reign;
    } catch (error) {
      bucket.close();
      throw error;
    }
  }

  get views(): readonly ServiceView[] {
    return this.lastViews;
  }

  /** Position of the log that {@link views} follow from. */
  get position(): number {
    return this.lastPosition;
  }

  /**
   * What is reported of the allocations, by path, and each by the host that it is on: a host may report any path, and what it
   * says of another's allocation is nobody's status.
   */
  private statusesOfHosts(): Map<string, AllocationStatus> {
    const statuses = new Map<string, AllocationStatus>();
    for (const status of this.statuses.entries.values()) {
      if (this.current.get(status.allocation)?.spec.host === status.host) statuses.set(status.allocation, status);
    }
    return statuses;
  }

  /** The allocations, each with what its host last reported. */
  allocations(tenant?: string): Allocation[] {
    const statuses = this.statusesOfHosts();
    return [...this.current]
      .filter(([, allocation]) => tenant === undefined || allocation.metadata.tenant === tenant)
      .map(([path, allocation]) => {
        const status = statuses.get(path);
        return status?.uid === allocation.metadata.uid ? { ...allocation, status: { ...status } } : allocation;
      });
  }

  private start(): void {
    const { view } = this.ownership;
    this.publish();
    this.publisher.start();
    this.stops.push(view.onChange(() => this.kick()));
    const tick = this.context.clock.every(TICK_MS, () => this.kick());
    this.stops.push(() => tick.cancel());
    this.kick();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.gathering?.cancel();
    for (const stop of this.stops) stop();
    await Promise.all([this.hosts.close(), this.statuses.close(), this.publisher.stop(), this.running]);
    this.bucket.close();
  }

  snapshot(): ClusterSnapshot {
    const { services, epgs } = desiredOf(this.ownership.view.entries);
    return {
      services,
      epgs,
      allocations: this.current,
      statuses: this.statusesOfHosts(),
      hosts: this.hosts.entries,
      removedHosts: this.removedHosts(),
    };
  }

  private kick(): void {
    if (this.stopped || this.gathering) return;
    this.gathering = this.context.clock.after(GATHER_MS, () => {
      this.gathering = undefined;
      this.run();
    });
  }

  private run(): void {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = this.decideOnce()
      .catch((error: unknown) => {
        if (!this.stopped) this.ownership.restart(HeddleError.from(error));
      })
      .finally(() => {
        this.running = undefined;
        if (this.again) {
          this.again = false;
          this.kick();
        }
      });
  }

  private async decideOnce(): Promise<void> {
    const { bucket, names } = this;
    const { clock, log } = this.context;
    // A view that is being read anew lacks services and hosts that come later in the log.
    if (this.stopped || this.ownership.view.problem !== undefined) return;
    if (!this.hosts.following || !this.statuses.following) return;
    const { position } = this.ownership.view;
    const decision = decide(this.snapshot(), names, clock.now());
    this.lastViews = decision.views;
    this.lastPosition = position;
    const put = new Map(decision.put.map((a) => [pathOf('Allocation', a.metadata), a]));
    if (put.size + decision.remove.length > 0) {
      await bucket.commit({ put, delete: decision.remove });
      for (const [path, allocation] of put) this.current.set(path, allocation);
      for (const path of decision.remove) this.current.delete(path);
      for (const { service, host, reason } of decision.start) if (host) log.info({ service, host }, `start: ${reason}`);
      for (const { allocation, host, reason } of decision.stop) log.info({ allocation, host }, `stop: ${reason}`);
      // What was decided may make room for more.
      this.kick();
    }
    this.publish();
  }

  /** Each host hears of its own allocations only; a host without any hears that it has none. */
  private publish(): void {
    const { view } = this.ownership;
    const byHost = new Map<string, Map<string, Allocation>>();
    for (const host of this.hosts.entries.keys()) this.knownHosts.add(host);
    for (const host of this.knownHosts) byHost.set(host, new Map());
    for (const [path, allocation] of this.current) {
      const { host } = allocation.spec;
      this.knownHosts.add(host);
      const set = byHost.get(host) ?? new Map<string, Allocation>();
      byHost.set(host, set.set(path, allocation));
    }
    for (const [host, set] of byHost) this.publisher.publish(TOPICS.allocations(host), set, view.position);
  }

  /** Hosts that allocations name and that are no objects any more: an operator removed them. */
  private removedHosts(): Map<string, number> {
    const { view } = this.ownership;
    const removed = new Map<string, number>();
    for (const { spec } of this.current.values()) {
      if (!view.entries.has(`Host/${spec.host}`)) removed.set(spec.host, this.context.clock.now());
    }
    return removed;
  }
}
