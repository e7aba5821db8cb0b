import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock, Timer } from '@heddle/host';
import {
  BucketView,
  ChangeLog,
  FencedBucket,
  Lease,
  openLeases,
  Publisher,
  Subscriber,
  type BusPort,
  type StorePort,
  type Term,
} from '@heddle/messaging';
import {
  HeddleError,
  type Change,
  TOPICS,
  type AnyObject,
  type CheckRequest,
  type HostView,
  type PolicyPreview,
  type PolicyStatus,
  type Problem,
  type VerdictRequest,
  type VerdictResult,
} from '@heddle/model';
import { EMPTY_IDS, indexPolicy, type IdTable, type PolicyIndex, type ResolvedPolicy } from '@heddle/policy-engine';
import {
  BUS,
  CLOCK,
  LEASE_MS,
  Leadership,
  LOG,
  Readiness,
  STORE,
  ownView,
  type Log,
  type Reign,
} from '@heddle/service';
import { answer, checkAfter, preview, resolve, type Resolution } from './policy-state';

const KINDS = new Set(['Tenant', 'Vrf', 'BridgeDomain', 'Epg', 'Contract', 'Filter']);
const CATCH_UP_MS = 4_000;

/** Key under which the numbers that were given are kept. */
const IDS = 'ids';

/**
 * Owns the policy objects: follows the log, gives numbers, compiles, and distributes what agents enforce. Every instance
 * follows and answers questions; the holder of the lease alone gives numbers and distributes.
 */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, OnModuleDestroy {
  private view!: BucketView<AnyObject>;
  private leadership!: Leadership<PolicyReign>;
  private readonly stopping = new AbortController();
  private cached:
    { readonly position: number; readonly resolution: Resolution; readonly index: PolicyIndex } | undefined;

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
      bucket: 'policy',
      select: (key) => KINDS.has(key.slice(0, key.indexOf('/'))),
      clock,
    });
    this.readiness.add('view', () => this.view.problem ?? true);
    const leases = await openLeases(store);
    const lease = new Lease({
      bucket: leases,
      name: 'policy',
      holder: `policy@${hostname()}/${process.pid}`,
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

  // ---- questions -----------------------------------------------------------------------------------------------------

  async check({ basePosition, change }: CheckRequest): Promise<Problem[]> {
    await this.view.waitFor(basePosition, CATCH_UP_MS);
    return checkAfter(this.view.entries, this.leadership.current?.ids ?? EMPTY_IDS, change);
  }

  async preview({ basePosition, change }: CheckRequest): Promise<PolicyPreview> {
    await this.view.waitFor(basePosition, CATCH_UP_MS);
    return preview(this.view.entries, this.resolution().resolution, change);
  }

  verdict(requests: readonly VerdictRequest[]): VerdictResult[] {
    const { index } = this.resolution();
    return requests.map((request) => answer(index, request));
  }

  status(): PolicyStatus {
    const entries = [...this.resolution().resolution.policy.values()];
    return {
      position: this.view.position,
      rules: entries.filter((e) => e.type === 'rule').length,
      classes: entries.filter((e) => e.type === 'class').length,
    };
  }

  /** What the objects resolve to now. Numbers matter to the holder of the lease alone; verdicts do not depend on them. */
  private resolution(): NonNullable<typeof this.cached> {
    const { position, entries } = this.view;
    if (this.cached?.position !== position) {
      const resolution = resolve(entries, this.leadership.current?.ids ?? EMPTY_IDS, 0);
      this.cached = { position, resolution, index: indexPolicy(resolution.policy) };
    }
    return this.cached as NonNullable<typeof this.cached>;
  }

  // ---- the lease -----------------------------------------------------------------------------------------------------

  private async begin(term: Term): Promise<PolicyReign> {
    const { bus, store, clock, log, view } = this;
    const restart = (error: HeddleError): void => this.leadership.restart(error);
    const owned = await ownView({
      store,
      clock,
      log,
      view,
      bucket: 'policy',
      term,
      signal: this.stopping.signal,
      onChanged: restart,
    });
    const { identity } = owned;
    const bucket = await FencedBucket.open<IdTable>({ store, bucket: 'resolved', term, clock });
    const reign = new PolicyReign({
      bus,
      clock,
      log,
      view,
      bucket,
      identity,
      epoch: term.epoch,
      onFailure: restart,
    });
    await reign.start();
    reign.onStop(owned.stop);
    return reign;
  }
}

interface ReignParts {
  readonly bus: BusPort;
  readonly clock: Clock;
  readonly log: Log;
  readonly view: BucketView<AnyObject>;
  readonly bucket: FencedBucket<IdTable>;
  readonly identity: { readonly clusterUid: string; readonly incarnation: number };
  readonly epoch: number;
  readonly onFailure: (error: HeddleError) => void;
}

/** What the holder of the lease does: numbers are on disk before anybody hears of them. */
class PolicyReign implements Reign {
  ids: IdTable = EMPTY_IDS;
  private policy: ResolvedPolicy = new Map();
  private readonly publisher: Publisher;
  private readonly hosts: Subscriber<HostView>;
  private floor = 0;
  private turn: Promise<void> = Promise.resolve();
  private unwatch: (() => void) | undefined;
  private stops: (() => void)[] = [];
  private stopped = false;
  private retry: Timer | undefined;

  constructor(private readonly parts: ReignParts) {
    const { bus, clock, identity, epoch } = parts;
    this.publisher = new Publisher({ bus, clock, service: 'policy', identity, epoch });
    this.hosts = new Subscriber<HostView>({
      bus,
      clock,
      service: 'inventory',
      topic: TOPICS.hosts,
      onAccepted: ({ entries }) => this.raiseFloor(entries),
      onRefused: () => undefined,
    });
  }

  onStop(stop: () => void): void {
    this.stops.push(stop);
  }

  async start(): Promise<void> {
    const { bucket, view } = this.parts;
    const saved = await bucket.readAll();
    this.ids = saved.get(IDS) ?? EMPTY_IDS;
    await this.advance();
    this.publisher.start();
    this.unwatch = view.onChange(() => this.enqueue());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch?.();
    this.retry?.cancel();
    for (const stop of this.stops) stop();
    await this.hosts.close();
    await this.publisher.stop();
    await this.turn;
    this.parts.bucket.close();
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
        if (!this.stopped) this.parts.onFailure(HeddleError.from(error));
      });
  }

  private async advance(): Promise<void> {
    if (this.stopped) return;
    const { view, bucket } = this.parts;
    const { entries, position } = view;
    const next = resolve(entries, this.ids, this.floor);
    if (next.ids !== this.ids) await bucket.commit({ put: new Map([[IDS, next.ids]]) });
    this.ids = next.ids;
    this.policy = next.policy;
    this.publisher.publish(TOPICS.policy, this.policy, position);
  }
}
