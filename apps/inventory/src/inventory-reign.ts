import { adoptBlocks, blocksOfHost, EMPTY_BLOCK_TABLE, leaseBlock, releaseHost, type BlockTable } from '@heddle/ipam';
import { FencedBucket, Publisher } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type AllocationStatus,
  type DomainSpec,
  type EndpointView,
  type EventFact,
  type HeddleObject,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type HostView,
  type RegistrationResult,
} from '@heddle/model';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import { Registry, type RegisteredHost } from './registry';

/** How long a host may be silent. Heartbeats come every two seconds. */
const WINDOW_MS = 7_000;
/** More than this part of the hosts silent at once is taken for a fault on our side. */
const MASS_LOSS = 0.5;
const JUDGE_MS = 500;

/** What is kept of observed state, each under a key of its own. */
export type StatusRecord =
  | { readonly type: 'host'; readonly host: RegisteredHost }
  | { readonly type: 'report'; readonly report: HostReport }
  | { readonly type: 'blocks'; readonly blocks: BlockTable };

const BLOCKS = 'blocks';

/** What the holder of the inventory's lease does: hears the hosts, judges them, keeps and distributes what they say. */
export class InventoryReign implements Reign {
  private registry = new Registry();
  private blockTable: BlockTable = EMPTY_BLOCK_TABLE;
  private readonly publisher: Publisher;
  private readonly stops: (() => void)[] = [];
  private connectedSince: number | undefined;
  /** The objects have changed since they were looked at. */
  private behind = false;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly context: ServiceContext,
    private readonly ownership: Ownership,
    private readonly bucket: FencedBucket<StatusRecord>,
    private readonly emit: (fact: EventFact) => void,
  ) {
    const { bus, clock } = context;
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'inventory', identity, epoch: term.epoch });
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

  get blocks(): BlockTable {
    return this.blockTable;
  }

  private async start(): Promise<void> {
    const { bus, clock } = this.context;
    const { view } = this.ownership;
    const saved = [...(await this.bucket.readAll()).values()];
    this.registry = new Registry(
      saved.flatMap((record) => (record.type === 'host' ? [record.host] : [])),
      saved.flatMap((record) => (record.type === 'report' ? [record.report] : [])),
    );
    for (const record of saved) if (record.type === 'blocks') this.blockTable = record.blocks;
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
    });
    this.stops.push(() => timer.cancel());
    this.objectsChanged();
  }

  async stop(): Promise<void> {
    for (const stop of this.stops) stop();
    await this.publisher.stop();
    await this.turn;
    this.bucket.close();
  }

  // ---- what hosts say ------------------------------------------------------------------------------------------------

  async register(registration: HostRegistration): Promise<RegistrationResult> {
    const { identity, view } = this.ownership;
    await this.adopt(registration);
    const registered = this.registry.register(registration, this.context.clock.now());
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
    const known = this.registry.heartbeat(heartbeat, this.context.clock.now());
    if (known) {
      this.judge();
      this.publish();
    }
    return known;
  }

  async report(report: HostReport): Promise<boolean> {
    if (!this.registry.report(report, this.context.clock.now())) return false;
    this.judge();
    this.publish();
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
      const object = this.ownership.view.entries.get(`BridgeDomain/${bridgeDomain}`);
      if (object?.kind !== 'BridgeDomain')
        throw new HeddleError('not-found', `there is no bridge domain ${bridgeDomain}`);
      const { table, lease } = leaseBlock(this.blockTable, {
        vrf: `${object.metadata.tenant}/${object.spec.vrf}`,
        bridgeDomain,
        gateways: object.spec.subnets.map((subnet) => subnet.gateway),
        host,
        have,
      });
      await this.save(BLOCKS, { type: 'blocks', blocks: table });
      this.blockTable = table;
      return lease.block;
    });
  }

  // ---- what others ask -----------------------------------------------------------------------------------------------

  hosts(): HostView[] {
    return [...this.registry.derive(this.objects(), this.domains()).hosts.values()];
  }

  endpoints(tenant?: string): EndpointView[] {
    return this.registry
      .endpointViews(this.objects())
      .filter((e) => tenant === undefined || e.epg?.startsWith(`${tenant}/`));
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private objects(): Map<string, HeddleObject<'Host'>> {
    const hosts = new Map<string, HeddleObject<'Host'>>();
    for (const object of this.ownership.view.entries.values())
      if (object.kind === 'Host') hosts.set(object.metadata.name, object);
    return hosts;
  }

  private domains(): Map<string, DomainSpec> {
    const domains = new Map<string, DomainSpec>();
    for (const { kind, metadata, spec } of this.ownership.view.entries.values())
      if (kind === 'Domain') domains.set(metadata.name, spec as DomainSpec);
    return domains;
  }

  /** @returns whether some host's state changed */
  private judge(): boolean {
    const { clock, log } = this.context;
    const changes = this.registry.judge(this.objects(), clock.now(), {
      windowMs: WINDOW_MS,
      massLossFraction: MASS_LOSS,
      natsConnectedSince: this.connectedSince,
    });
    for (const { host, from, to, reason } of changes) {
      log[to === 'lost' ? 'warn' : 'info']({ host, from, to }, reason);
      if (from !== undefined) this.tell(host, to, reason);
    }
    return changes.length > 0;
  }

  private publish(): void {
    const { position } = this.ownership.view;
    const { hosts, endpoints, statuses } = this.registry.derive(this.objects(), this.domains());
    const told = [...hosts].map(([name, { drops: _drops, ...host }]) => [name, host] as const);
    this.publisher.publish(TOPICS.hosts, new Map(told), position);
    this.publisher.publish(TOPICS.endpoints, endpoints, position);
    this.publisher.publish(TOPICS.allocationStatus, statuses, position);
  }

  /** What a host gives addresses from is its own, unless another host has it: its containers have the addresses. */
  private adopt({ host, blocks }: HostRegistration): Promise<void> {
    return this.exclusively(async () => {
      const { entries } = this.ownership.view;
      const held = blocks.map(({ bridgeDomain, block }) => {
        const object = entries.get(`BridgeDomain/${bridgeDomain}`);
        const vrf = object?.kind === 'BridgeDomain' ? `${object.metadata.tenant}/${object.spec.vrf}` : '';
        return { vrf, bridgeDomain, block };
      });
      const { table, conflicts } = adoptBlocks(this.blockTable, host, held);
      for (const { block, heldBy } of conflicts) {
        const message = `host ${host} gave addresses from ${block}, which overlaps ${heldBy.block} of host ${heldBy.host}; it gives no more from it, but its containers may have addresses that others have, too: restart them`;
        this.context.log.error({ host, block, heldBy }, message);
        this.tell(host, 'conflict', message);
      }
      if (table === this.blockTable) return;
      await this.save(BLOCKS, { type: 'blocks', blocks: table });
      this.blockTable = table;
    });
  }

  private tell(host: string, what: string, message: string): void {
    const at = new Date(this.context.clock.now()).toISOString();
    this.emit({ at, kind: 'Host', tenant: '', name: host, what, message });
  }

  /** Hosts that an operator removed give back their blocks; nothing else does. */
  private objectsChanged(): void {
    // A view that is being read anew lacks hosts that come later in the log.
    this.behind = this.ownership.view.problem !== undefined;
    if (this.behind) return;
    const objects = this.objects();
    const gone = this.registry.hostNames().filter((host) => !objects.has(host));
    for (const host of gone) this.forget(host);
    this.judge();
    this.publish();
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
    }).catch((error: unknown) => this.ownership.restart(HeddleError.from(error)));
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
