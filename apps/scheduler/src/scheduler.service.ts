import { randomBytes, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { applyChange } from '@heddle/admission';
import type { Clock } from '@heddle/host';
import {
  BucketView,
  ChangeLog,
  FencedBucket,
  Lease,
  openLeases,
  type BusPort,
  type StorePort,
  type Term,
} from '@heddle/messaging';
import {
  HeddleError,
  type Change,
  type AnyObject,
  type CheckRequest,
  type HeddleObject,
  type SchedulePreview,
  type ServiceView,
} from '@heddle/model';
import { BUS, CLOCK, LEASE_MS, Leadership, LOG, Readiness, STORE, ownView, type Log } from '@heddle/service';
import { decide, type Identity } from './decide';
import { desiredOf } from './desired';
import { SchedulerReign } from './scheduler-reign';

const KINDS = new Set(['Service', 'Epg', 'Host']);
const CATCH_UP_MS = 4_000;

/** Names of containers show which service they belong to; the random part makes each one that ever was different. */
export const randomIdentity: Identity = {
  name: (service) => `${service.slice(0, 52)}-${randomBytes(4).toString('hex')}`,
  uid: () => randomUUID(),
};

/** Names that mean nothing, for a look ahead that writes nothing. */
function previewIdentity(): Identity {
  let next = 0;
  return { name: (service) => `${service}-new${next++}`, uid: () => `new${next++}` };
}

/** Owns services, allocations and rollouts. Every instance follows; the holder of the lease decides and writes. */
@Injectable()
export class SchedulerService implements OnApplicationBootstrap, OnModuleDestroy {
  private view!: BucketView<AnyObject>;
  private leadership!: Leadership<SchedulerReign>;
  private readonly stopping = new AbortController();

  constructor(
    @Inject(BUS) private readonly bus: BusPort,
    @Inject(STORE) private readonly store: StorePort,
    @Inject(LOG) private readonly log: Log,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LEASE_MS) private readonly leaseMs: number,
    private readonly readiness: Readiness,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { store, clock, log } = this;
    const changes = await ChangeLog.open<Change>({ store, clock });
    this.view = await BucketView.open<AnyObject>({
      store,
      changes,
      bucket: 'workload',
      select: (key) => KINDS.has(key.slice(0, key.indexOf('/'))),
      clock,
    });
    this.readiness.add('view', () => this.view.problem ?? true);
    const leases = await openLeases(store);
    const lease = new Lease({
      bucket: leases,
      name: 'scheduler',
      holder: `scheduler@${hostname()}/${process.pid}`,
      ttlMs: this.leaseMs,
      clock,
    });
    this.leadership = new Leadership(lease, { clock, log, begin: (term) => this.begin(term) });
    this.leadership.start();
    this.readiness.add(
      'lease',
      () => (this.leadership.current ? true : 'another instance holds the lease, or none does yet'),
      { advisory: true },
    );
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.leadership?.stop();
    await this.view?.close();
  }

  async check({ basePosition }: CheckRequest): Promise<void> {
    // Nothing is known here that admission does not check itself; that the view can be had is part of the promise.
    await this.view.waitFor(basePosition, CATCH_UP_MS);
  }

  async preview({ basePosition, change }: CheckRequest): Promise<SchedulePreview> {
    await this.view.waitFor(basePosition, CATCH_UP_MS);
    const snapshot = this.reign().snapshot();
    const after = applyChange(this.view.entries, change);
    const before = decide(snapshot, previewIdentity(), this.clock.now());
    const decision = decide({ ...snapshot, ...desiredOf(after) }, previewIdentity(), this.clock.now());
    // What is about to happen anyway is not the change's doing.
    const known = new Set(before.stop.map((stop) => stop.allocation));
    return { start: decision.start, stop: decision.stop.filter((stop) => !known.has(stop.allocation)) };
  }

  allocations(tenant?: string): HeddleObject<'Allocation'>[] {
    return this.reign().allocations(tenant);
  }

  services(tenant?: string): ServiceView[] {
    return this.reign().views.filter((view) => tenant === undefined || view.service.startsWith(`${tenant}/`));
  }

  status(): { position: number; pending: number } {
    const reign = this.leadership.current;
    return { position: this.view.position, pending: reign?.views.filter((view) => !view.settled).length ?? 0 };
  }

  private reign(): SchedulerReign {
    return this.leadership.require('the scheduler');
  }

  private async begin(term: Term): Promise<SchedulerReign> {
    const { bus, store, clock, log, view } = this;
    const restart = (error: HeddleError): void => this.leadership.restart(error);
    const owned = await ownView({
      store,
      clock,
      log,
      view,
      bucket: 'workload',
      term,
      signal: this.stopping.signal,
      onChanged: restart,
    });
    const { identity } = owned;
    const bucket = await FencedBucket.open<HeddleObject<'Allocation'>>({ store, bucket: 'allocations', term, clock });
    const reign = new SchedulerReign({
      bus,
      clock,
      log,
      view,
      bucket,
      identity,
      epoch: term.epoch,
      names: randomIdentity,
      onFailure: restart,
    });
    await reign.start();
    reign.onStop(owned.stop);
    return reign;
  }
}
