import {
  adoptBlocks,
  blocksOfHost,
  EMPTY_BLOCK_TABLE,
  EMPTY_VLAN_TABLE,
  leaseBlock,
  releaseHost,
  type BlockTable,
  type VlanTable,
} from '@heddle/ipam';
import { FencedBucket, Publisher, Subscriber } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type AllocationStatus,
  type DistributedFabric,
  type DomainView,
  type EndpointView,
  type EventFact,
  type FabricView,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type HostView,
  type RegistrationResult,
} from '@heddle/model';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import type { Given } from './check';
import type { Duplicate } from './endpoints/duplicates';
import { EndpointTracker, type ServerRecords } from './endpoints/endpoint-tracker';
import { inventoryObjects, type InventoryObjects } from './objects';
import { Registry, type RegisteredHost } from './registry';
import { VlanKeeper } from './vlan-keeper';
import { domainViews, fabricViews } from './vlans';

/** How long a host may be silent. Heartbeats come every two seconds. */
const WINDOW_MS = 7_000;
/** More than this part of the hosts silent at once is taken for a fault on our side. */
const MASS_LOSS = 0.5;
const JUDGE_MS = 500;

/** What is kept of observed state, each under a key of its own. */
export type StatusRecord =
  | { readonly type: 'host'; readonly host: RegisteredHost }
  | { readonly type: 'report'; readonly report: HostReport }
  | { readonly type: 'blocks'; readonly blocks: BlockTable }
  | { readonly type: 'vlans'; readonly vlans: VlanTable }
  | { readonly type: 'duplicates'; readonly duplicates: readonly Duplicate[] }
  | { readonly type: 'servers'; readonly servers: ServerRecords };

const BLOCKS = 'blocks';
const VLANS = 'vlans';
const DUPLICATES = 'duplicates';
const SERVERS = 'servers';

/** What the holder of the inventory's lease does: hears the hosts, judges them, keeps and distributes what they say. */
export class InventoryReign implements Reign {
  private registry = new Registry();
  private blockTable: BlockTable = EMPTY_BLOCK_TABLE;
  private readonly vlanKeeper: VlanKeeper;
  private tracker!: EndpointTracker;
  private readonly publisher: Publisher;
  /** What the fabric service says of Fabrics with controllers. */
  private readonly fabricsInForce: Subscriber<DistributedFabric>;
  private readonly stops: (() => void)[] = [];
  private connectedSince: number | undefined;
  /** The objects have changed since they were looked at. */
  private behind = false;
  private known: { readonly entries: unknown; readonly objects: InventoryObjects } | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private settling = false;
  private stopped = false;

  private constructor(
    private readonly context: ServiceContext,
    private readonly ownership: Ownership,
    private readonly bucket: FencedBucket<StatusRecord>,
    private readonly emit: (fact: EventFact) => void,
  ) {
    const { bus, clock } = context;
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'inventory', identity, epoch: term.epoch });
    this.fabricsInForce = new Subscriber<DistributedFabric>({
      bus,
      clock,
      service: 'fabric',
      topic: TOPICS.fabrics,
      // Controllers that have let go of a VLAN make it free.
      onAccepted: (_accepted, { put }) => {
        if (put.size > 0) this.settleSoon();
      },
      onRefused: () => undefined,
    });
    this.vlanKeeper = new VlanKeeper({
      clock,
      settled: ownership.settled,
      save: (vlans) => this.save(VLANS, { type: 'vlans', vlans }),
      tell: (fact) => this.tell(fact),
    });
    this.connectedSince = clock.now();
  }

  static async begin(
    context: ServiceContext,
    ownership: Ownership,
    emit: (fact: EventFact) => void,
  ): Promise<InventoryReign> {
    const { store, clock } = context;
    const bucket = await FencedBucket.open<StatusRecord>({ store, bucket: 'status', term: ownership.term, clock });
    const reign = new InventoryReign(context, ownership, bucket, emit);
    await reign.start();
    return reign;
  }

  private async start(): Promise<void> {
    const { bus, clock } = this.context;
    const { view } = this.ownership;
    const saved = [...(await this.bucket.readAll()).values()];
    this.registry = new Registry(
      saved.flatMap((record) => (record.type === 'host' ? [record.host] : [])),
      saved.flatMap((record) => (record.type === 'report' ? [record.report] : [])),
    );
    let duplicates: readonly Duplicate[] = [];
    let servers: ServerRecords = {};
    let vlans = EMPTY_VLAN_TABLE;
    for (const record of saved) {
      if (record.type === 'blocks') this.blockTable = record.blocks;
      else if (record.type === 'vlans') vlans = record.vlans;
      else if (record.type === 'duplicates') ({ duplicates } = record);
      else if (record.type === 'servers') ({ servers } = record);
    }
    this.vlanKeeper.begin(vlans);
    this.tracker = new EndpointTracker({
      duplicates,
      servers,
      save: (changed) => this.keep(changed),
      tell: (fact) => this.tell(fact),
    });
    this.judge();
    this.publish();
    this.publisher.start();
    this.stops.push(
      bus.onStatus(({ state }) => (this.connectedSince = state === 'connected' ? clock.now() : undefined)),
      view.onChange(() => this.objectsChanged()),
    );
    const timer = clock.every(JUDGE_MS, () => {
      if (this.behind) this.objectsChanged();
      else if (this.judge()) this.publish();
      if (!this.vlanKeeper.ready) this.settleSoon();
    });
    this.stops.push(() => timer.cancel());
    this.objectsChanged();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const stop of this.stops) stop();
    await Promise.all([this.publisher.stop(), this.fabricsInForce.close()]);
    await this.turn;
    this.bucket.close();
  }

  // ---- what hosts say ------------------------------------------------------------------------------------------------

  /** @param refusal why what the host says of itself was not taken, when it is a known one and goes on as it was */
  async register(registration: HostRegistration, refusal?: string): Promise<RegistrationResult> {
    const { identity, view } = this.ownership;
    await this.adopt(registration);
    const registered = this.registry.register(registration, this.context.clock.now());
    this.registry.refused(registration.host, refusal);
    await this.save(`host/${registration.host}`, { type: 'host', host: registered });
    this.judge();
    this.publish();
    return {
      cluster: { ...identity, position: view.position },
      blocks: blocksOfHost(this.blockTable, registration.host).map(({ bridgeDomain, block }) => ({
        bridgeDomain,
        block,
      })),
    };
  }

  heartbeat(heartbeat: HostHeartbeat): boolean {
    const { host, encapsulationPosition, sightings = [] } = heartbeat;
    const { clock } = this.context;
    const before = this.registry.encapsulationPosition(host);
    const known = this.registry.heartbeat(heartbeat, clock.now());
    if (!known) return false;
    this.judge();
    this.publish();
    this.tracker.see(host, sightings, clock.now());
    // Hosts that have let go of a VLAN make it free.
    if (before !== encapsulationPosition) this.settleSoon();
    return true;
  }

  async report(report: HostReport): Promise<boolean> {
    if (!this.registry.report(report, this.context.clock.now())) return false;
    this.tracker.stale();
    this.judge();
    this.publish();
    this.settleSoon();
    await this.save(`report/${report.host}`, { type: 'report', report });
    return true;
  }

  /**
   * Those facts that a host may tell: all but those about allocations that other hosts report and this one does not. Its own
   * reports alone do not decide, because what it tells last of an allocation may come when it reports it no more; nor do those
   * of others, or a host could silence another by reporting its allocations.
   */
  factsOf(host: string, facts: readonly EventFact[]): EventFact[] {
    const reporters = new Map<string, Set<string>>();
    for (const { allocation, host } of this.publisher.entries<AllocationStatus>(TOPICS.allocationStatus).values()) {
      const known = reporters.get(allocation);
      if (known) known.add(host);
      else reporters.set(allocation, new Set([host]));
    }
    return facts.filter(({ kind, tenant, name }) => {
      const hosts = kind === 'Allocation' ? reporters.get(`${tenant}/${name}`) : undefined;
      return hosts === undefined || hosts.has(host);
    });
  }

  /** Leases another block. It is on disk before the host hears of it. */
  async leaseBlock(host: string, bridgeDomain: string, have: readonly string[]): Promise<string> {
    if (!this.ownership.settled()) {
      throw new HeddleError(
        'unavailable',
        'the store was accepted a moment ago, and hosts are still saying which address blocks they hold; try again in a few seconds',
      );
    }
    return this.exclusively(async () => {
      const { bridgeDomains, endpoints } = this.objects();
      const object = bridgeDomains.get(bridgeDomain);
      if (!object) throw new HeddleError('not-found', `there is no bridge domain ${bridgeDomain}`);
      const { tenant } = object.metadata;
      const written = [...endpoints.values()].filter(({ metadata }) => metadata.tenant === tenant);
      const { table, lease } = leaseBlock(this.blockTable, {
        vrf: `${tenant}/${object.spec.vrf}`,
        bridgeDomain,
        gateways: object.spec.subnets.map((subnet) => subnet.gateway),
        host,
        have,
        // Also of those that are bound to no EPG yet: what they are bound to later must not have given them away.
        reserved: written.flatMap(({ spec }) => spec.addresses),
      });
      await this.save(BLOCKS, { type: 'blocks', blocks: table });
      this.blockTable = table;
      return lease.block;
    });
  }

  // ---- what others ask -----------------------------------------------------------------------------------------------

  hosts(): HostView[] {
    return [...this.hostViews().values()];
  }

  endpoints(tenant?: string): EndpointView[] {
    this.refresh();
    const now = this.context.clock.now();
    return this.tracker
      .views(now)
      .filter(({ path }) => tenant === undefined || path.startsWith(`${tenant}/`))
      .map(({ view }) => {
        const traffic = this.registry.trafficOf(view);
        return traffic === undefined ? view : { ...view, traffic };
      });
  }

  domains(): DomainView[] {
    const { table, shortages } = this.vlanKeeper;
    const { domainSpecs } = this.objects();
    return domainViews(domainSpecs, this.hosts(), {
      table,
      use: this.vlanKeeper.use(this.vlanFacts()),
      shortages,
    });
  }

  fabrics(): FabricView[] {
    return fabricViews(this.objects(), this.domains());
  }

  /** What decides whether a change can be had; see `checkAfter`. */
  get given(): Given {
    return {
      blocks: this.blockTable,
      registered: new Set(this.registry.hostNames()),
      vlans: { table: this.vlanKeeper.table, heard: this.vlanFacts() },
    };
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private objects(): InventoryObjects {
    const { entries } = this.ownership.view;
    if (this.known?.entries !== entries) this.known = { entries, objects: inventoryObjects(entries) };
    return this.known.objects;
  }

  private vlanFacts() {
    return {
      objects: this.objects(),
      reports: this.registry.reports(),
      positions: this.registry.encapsulationPositions(),
      fabrics: new Map([...this.fabricsInForce.entries].map(([name, { inForce }]) => [name, inForce])),
      position: this.ownership.view.position,
    };
  }

  /** @returns whether some host's state changed */
  private judge(): boolean {
    const { clock, log } = this.context;
    const changes = this.registry.judge(this.objects().hosts, clock.now(), {
      windowMs: WINDOW_MS,
      massLossFraction: MASS_LOSS,
      natsConnectedSince: this.connectedSince,
    });
    for (const { host, from, to, reason } of changes) {
      log[to === 'lost' ? 'warn' : 'info']({ host, from, to }, reason);
      if (from !== undefined) this.tellOfHost(host, to, reason);
    }
    // Names do not lead to lost hosts.
    if (changes.length > 0) this.tracker.stale();
    return changes.length > 0;
  }

  /** Brings what is known of endpoints up to date, if something changed that it depends on. */
  private refresh(): void {
    this.tracker.refresh(
      () => ({
        objects: this.objects(),
        vlans: this.vlanKeeper.table,
        reports: this.registry.reports(),
        states: this.registry.states(),
      }),
      this.context.clock.now(),
    );
  }

  private hostViews(): Map<string, HostView> {
    this.refresh();
    return this.registry.views(this.objects(), [this.tracker.hostProblems, this.vlanKeeper.hostProblems]);
  }

  private publish(): void {
    const { position } = this.ownership.view;
    const told = [...this.hostViews()].map(([name, { drops: _drops, ...host }]) => [name, host] as const);
    this.publisher.publish(TOPICS.hosts, new Map(told), position);
    this.publisher.publish(TOPICS.endpoints, this.tracker.distributed, position);
    this.publisher.publish(TOPICS.allocationStatus, this.registry.statuses(this.objects().hosts), position);
    const { inForce } = this.vlanKeeper;
    if (inForce) this.publisher.publish(TOPICS.encapsulations, inForce.encapsulations, inForce.position);
  }

  /** Gives VLANs, soon, and what they are distributed by. */
  private settleSoon(): void {
    if (this.settling || this.stopped) return;
    this.settling = true;
    this.exclusively(async () => {
      this.settling = false;
      if (this.stopped || this.behind) return;
      if (!(await this.vlanKeeper.settle(this.vlanFacts()))) return;
      this.tracker.stale();
      this.publish();
    }).catch((error: unknown) => this.failed(error));
  }

  /** What a host gives addresses from is its own, unless another host has it: its containers have the addresses. */
  private adopt({ host, blocks }: HostRegistration): Promise<void> {
    return this.exclusively(async () => {
      const { bridgeDomains } = this.objects();
      const held = blocks.map(({ bridgeDomain, block }) => {
        const object = bridgeDomains.get(bridgeDomain);
        return { vrf: object ? `${object.metadata.tenant}/${object.spec.vrf}` : '', bridgeDomain, block };
      });
      const { table, conflicts } = adoptBlocks(this.blockTable, host, held);
      for (const { block, heldBy } of conflicts) {
        const message = `host ${host} gave addresses from ${block}, which overlaps ${heldBy.block} of host ${heldBy.host}; it gives no more from it, but its containers may have addresses that others have, too: restart them`;
        this.context.log.error({ host, block, heldBy }, message);
        this.tellOfHost(host, 'conflict', message);
      }
      if (table === this.blockTable) return;
      await this.save(BLOCKS, { type: 'blocks', blocks: table });
      this.blockTable = table;
    });
  }

  private tell(fact: Omit<EventFact, 'at'>): void {
    this.emit({ at: new Date(this.context.clock.now()).toISOString(), ...fact });
  }

  private tellOfHost(host: string, what: string, message: string): void {
    this.tell({ kind: 'Host', tenant: '', name: host, what, message });
  }

  /** Hosts that an operator removed give back their blocks; nothing else does. */
  private objectsChanged(): void {
    // A view that is being read anew lacks hosts that come later in the log.
    this.behind = this.ownership.view.problem !== undefined;
    if (this.behind) return;
    const { hosts } = this.objects();
    const gone = this.registry.hostNames().filter((host) => !hosts.has(host));
    for (const host of gone) this.forget(host);
    this.tracker.stale();
    this.judge();
    this.publish();
    this.settleSoon();
  }

  private forget(host: string): void {
    this.registry.forget(host);
    this.exclusively(async () => {
      const { table } = releaseHost(this.blockTable, host);
      await this.bucket.commit({
        put: new Map([[BLOCKS, { type: 'blocks', blocks: table }]]),
        delete: [`host/${host}`, `report/${host}`],
      });
      this.blockTable = table;
    }).catch((error: unknown) => this.failed(error));
  }

  /** Keeps what was found of endpoints. Nothing waits for it: whoever begins without it finds the same, or nearly so. */
  private keep({ duplicates, servers }: { duplicates?: readonly Duplicate[]; servers?: ServerRecords }): void {
    const put = new Map<string, StatusRecord>();
    if (duplicates) put.set(DUPLICATES, { type: 'duplicates', duplicates });
    if (servers) put.set(SERVERS, { type: 'servers', servers });
    this.exclusively(() => this.bucket.commit({ put })).catch((error: unknown) => this.failed(error));
  }

  private failed(error: unknown): void {
    if (!this.stopped) this.ownership.restart(HeddleError.from(error));
  }

  private async save(key: string, record: StatusRecord): Promise<void> {
    try {
      await this.bucket.commit({ put: new Map([[key, record]]) });
    } catch (error) {
      const failure = HeddleError.from(error);
      if (failure.code === 'fenced' || failure.code === 'state') this.ownership.restart(failure);
      throw failure;
    }
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}
