import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Clock } from '@heddle/host';
import {
  BucketView,
  ChangeLog,
  Events,
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
  type EventFact,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type Problem,
  type RegistrationResult,
} from '@heddle/model';
import { BUS, CLOCK, LEASE_MS, Leadership, LOG, Readiness, RpcClient, STORE, ownView, type Log } from '@heddle/service';
import { checkAfter } from './check';
import { InventoryReign, type StatusRecord } from './inventory-reign';

const KINDS = new Set(['Host', 'Domain', 'Epg', 'BridgeDomain']);
const CATCH_UP_MS = 4_000;

/** Owns hosts, endpoints and address blocks. The holder of the lease hears the hosts; every instance answers checks. */
@Injectable()
export class InventoryService implements OnApplicationBootstrap, OnModuleDestroy {
  private view!: BucketView<AnyObject>;
  private leadership!: Leadership<InventoryReign>;
  private events!: Events;
  private readonly stopping = new AbortController();

  constructor(
    @Inject(BUS) private readonly bus: BusPort,
    @Inject(STORE) private readonly store: StorePort,
    @Inject(LOG) private readonly log: Log,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LEASE_MS) private readonly leaseMs: number,
    private readonly rpc: RpcClient,
    private readonly readiness: Readiness,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { store, clock, log } = this;
    this.events = await Events.open(store);
    const changes = await ChangeLog.open<Change>({ store, clock });
    this.view = await BucketView.open<AnyObject>({
      store,
      changes,
      bucket: 'inventory',
      select: (key) => KINDS.has(key.slice(0, key.indexOf('/'))),
      clock,
    });
    this.readiness.add('view', () => this.view.problem ?? true);
    const leases = await openLeases(store);
    const lease = new Lease({
      bucket: leases,
      name: 'inventory',
      holder: `inventory@${hostname()}/${process.pid}`,
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

  get reign(): InventoryReign {
    return this.leadership.require('the inventory');
  }

  async check({ basePosition, change }: CheckRequest): Promise<Problem[]> {
    await this.view.waitFor(basePosition, CATCH_UP_MS);
    return checkAfter(this.view.entries, this.leadership.current?.blocks, change);
  }

  /** The host's object is made by a change like any other; what people wrote on it is kept. */
  async register(registration: HostRegistration): Promise<RegistrationResult> {
    const { reign } = this;
    const { host, spec, labels } = registration;
    const known = this.view.entries.get(`Host/${host}`);
    if (known?.kind !== 'Host') {
      const object = {
        apiVersion: 'heddle/v1' as const,
        kind: 'Host' as const,
        metadata: { name: host, labels: { ...labels }, annotations: {} },
        spec,
      };
      await this.admit(host, object, `host ${host} joined`);
    } else if (known.spec.underlay !== spec.underlay || !sameCapacity(known.spec.capacity, spec.capacity)) {
      // What the host itself knows best; zone, labels and whether it may be used are for people to change.
      await this.admit(
        host,
        { ...known, spec: { ...known.spec, underlay: spec.underlay, capacity: spec.capacity } },
        `host ${host} has changed`,
      );
    }
    return reign.register(registration);
  }

  heartbeat(heartbeat: HostHeartbeat): boolean {
    return this.reign.heartbeat(heartbeat);
  }

  report(report: HostReport): Promise<boolean> {
    return this.reign.report(report);
  }

  async emit(events: readonly EventFact[]): Promise<number> {
    let accepted = 0;
    for (const event of events) {
      await this.events.emit(event);
      accepted++;
    }
    return accepted;
  }

  status(): { position: number; hosts: number; lost: number } {
    const hosts = this.leadership.current?.hosts() ?? [];
    return { position: this.view.position, hosts: hosts.length, lost: hosts.filter((h) => h.state === 'lost').length };
  }

  private async admit(host: string, object: AnyObject, summary: string): Promise<void> {
    const context = { ...this.bus.newContext(), principal: `host:${host}` };
    const { position } = await this.rpc.call(
      'gateway.admit',
      { verb: 'register', summary, puts: [object], deletes: [] },
      { context },
    );
    await this.view.waitFor(position, CATCH_UP_MS);
  }

  private async begin(term: Term): Promise<InventoryReign> {
    const { bus, store, clock, log, view } = this;
    const restart = (error: HeddleError): void => this.leadership.restart(error);
    const owned = await ownView({
      store,
      clock,
      log,
      view,
      bucket: 'inventory',
      term,
      signal: this.stopping.signal,
      onChanged: restart,
    });
    const { identity } = owned;
    const bucket = await FencedBucket.open<StatusRecord>({ store, bucket: 'status', term, clock });
    const emit = (fact: EventFact): void => {
      this.events.emit(fact).catch((error: unknown) => log.debug({ err: error }, 'event'));
    };
    const reign = new InventoryReign({
      bus,
      clock,
      log,
      view,
      bucket,
      identity,
      epoch: term.epoch,
      emit,
      onFailure: restart,
    });
    await reign.start();
    reign.onStop(owned.stop);
    return reign;
  }
}

const sameCapacity = (a: { cpu: number; memory: number }, b: { cpu: number; memory: number }): boolean =>
  a.cpu === b.cpu && a.memory === b.memory;
