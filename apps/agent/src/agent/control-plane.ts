import os from 'node:os';
import type { Clock, Timer } from '@heddle/host';
import { Subscriber, type Accepted as AcceptedSet, type BusPort, type Refusal } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type EventFact,
  type HeddleObject,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type Sighting,
  type ResolvedEntry,
} from '@heddle/model';
import type { RpcClient } from '@heddle/service';
import type { NodeConfig } from '../config';
import type { Accepted, AgentStore, EngineCapacity, HeldBlock } from '../store';
import type { Log } from './agent';

/** What the control plane side needs of the agent of a host or leaf. */
export interface AgentSide {
  /** Tells this run of the agent from an earlier one. */
  readonly epoch: string;
  acceptPolicy(accepted: Accepted<ResolvedEntry>): void;
  acceptEndpoints(accepted: Accepted<DistributedEndpoint>): void;
  acceptEncapsulations(accepted: Accepted<DistributedEncapsulation>): void;
  /** Absent where no containers run. */
  acceptAllocations?(accepted: Accepted<HeddleObject<'Allocation'>>): void;
  /** The blocks that the inventory says this host holds. */
  setBlocks(blocks: readonly HeldBlock[]): void;
  /** Whether everything was looked at once; what is reported before would take for missing what was not. */
  readonly surveyed: boolean;
  report(): HostReport;
  /** Position of the policy whose flows are on the switch; 0 while that is in doubt. */
  readonly policyPosition: number;
  /** Position of the last accepted set of allocations. */
  readonly workloadPosition: number;
  readonly problems: readonly string[];
  /** Why uplinks cannot be used, by their names; absent where there are none. */
  readonly uplinkProblems?: HostHeartbeat['uplinkProblems'];
  readonly usage: HostHeartbeat['usage'];
  readonly drops: HostHeartbeat['drops'];
  /** What endpoints have sent and received, if it was read since this was last asked for. */
  takeTraffic(): HostHeartbeat['traffic'];
  /** Addresses that were claimed where their endpoints are not, since this was last asked for. */
  takeSightings(): readonly Sighting[];
}

const HEARTBEAT_MS = 2_000;
/** Changes that come together are reported together. */
const REPORT_DELAY_MS = 30;
const RETRY_MS = 1_000;
const MAX_EVENTS = 1_000;

export interface ControlPlaneParts {
  readonly config: NodeConfig;
  readonly bus: BusPort;
  readonly rpc: RpcClient;
  readonly clock: Clock;
  readonly store: AgentStore;
  readonly log: Log;
  readonly version: string;
  /** What the host has to give, as its engine says. */
  readonly capacity: () => Promise<EngineCapacity>;
}

/**
 * The agent's side of the control plane: introduces the host, follows what is distributed to it, reports what is here. All of
 * it may be away for any time; what was accepted stays in force meanwhile.
 */
export class ControlPlane {
  private agent: AgentSide | undefined;
  private readonly subscribers: { close(): Promise<void> }[] = [];
  private readonly refusals = new Map<string, Refusal>();
  private readonly endings: (() => void)[] = [];
  private events: EventFact[] = [];
  private registered = false;
  private registering = false;
  private registerTimer: Timer | undefined;
  private reportTimer: Timer | undefined;
  private beating = false;
  private beatAgain = false;
  private reporting = false;
  private reportAgain = false;
  private closed = false;

  constructor(private readonly parts: ControlPlaneParts) {}

  start(agent: AgentSide): void {
    this.agent = agent;
    const { bus, clock, store } = this.parts;
    const { host } = this.parts.config;
    this.subscribers.push(
      this.subscribe<ResolvedEntry>('policy', TOPICS.policy, store.policy.value.accepted, (accepted) =>
        agent.acceptPolicy(accepted),
      ),
      this.subscribe<DistributedEndpoint>('inventory', TOPICS.endpoints, store.endpoints.value.accepted, (accepted) =>
        agent.acceptEndpoints(accepted),
      ),
      this.subscribe<DistributedEncapsulation>(
        'inventory',
        TOPICS.encapsulations,
        store.encapsulations.value.accepted,
        (accepted) => agent.acceptEncapsulations(accepted),
      ),
    );
    const acceptAllocations = agent.acceptAllocations?.bind(agent);
    if (acceptAllocations) {
      this.subscribers.push(
        this.subscribe<HeddleObject<'Allocation'>>(
          'scheduler',
          TOPICS.allocations(host),
          store.allocations.value.accepted,
          acceptAllocations,
        ),
      );
    }
    const beat = clock.every(HEARTBEAT_MS, () => this.heartbeat());
    this.endings.push(
      () => beat.cancel(),
      bus.onStatus(({ state }) => {
        if (state === 'connected') this.register();
      }),
    );
    this.register();
  }

  async stop(): Promise<void> {
    this.closed = true;
    for (const end of this.endings) end();
    this.registerTimer?.cancel();
    this.reportTimer?.cancel();
    await Promise.all(this.subscribers.map((subscriber) => subscriber.close()));
  }

  /** Something to report: sent soon, together with what else changes until then. */
  reportSoon(): void {
    this.reportIn(REPORT_DELAY_MS);
  }

  event(fact: Omit<EventFact, 'at'>): void {
    this.keep({
      at: new Date(this.parts.clock.now()).toISOString(),
      by: `host:${this.parts.config.host}`,
      ...fact,
    });
    this.reportSoon();
  }

  async leaseBlock(bridgeDomain: string, have: readonly string[]): Promise<string> {
    const { block } = await this.parts.rpc.call('inventory.leaseBlock', {
      host: this.parts.config.host,
      bridgeDomain,
      have,
    });
    return block;
  }

  get problems(): string[] {
    const { state } = this.parts.bus.status();
    return [
      ...(state === 'connected' ? [] : ['NATS is away: the host goes on by what it last accepted']),
      // Several sets of one store are refused for one reason.
      ...new Set([...this.refusals.values()].map((refusal) => refusal.message)),
    ];
  }

  private subscribe<T>(
    service: string,
    topic: string,
    accepted: Accepted<T> | undefined,
    accept: (accepted: Accepted<T>) => void,
  ): Subscriber<T> {
    const { bus, clock, log } = this.parts;
    return new Subscriber<T>({
      bus,
      clock,
      service,
      topic,
      accepted: accepted && { ...accepted.watermark, epoch: accepted.epoch },
      onAccepted: ({ watermark, epoch, entries }: AcceptedSet<T>) => {
        accept({ watermark, epoch, entries: Object.fromEntries(entries) });
        this.reportSoon();
      },
      onRefused: (refusal) => {
        if (refusal && !this.refusals.has(topic)) log('error', `${topic}: ${refusal.message}`);
        if (refusal) this.refusals.set(topic, refusal);
        else this.refusals.delete(topic);
      },
      onTrouble: (error) => log('warn', `${topic}: ${error.message}`),
    });
  }

  private register(): void {
    const { agent } = this;
    const { bus, clock, log } = this.parts;
    if (!agent || this.registering || this.closed || bus.status().state !== 'connected') return;
    this.registerTimer?.cancel();
    this.registering = true;
    this.registerOnce(agent).then(
      () => {
        this.registering = false;
        this.registered = true;
        this.reportSoon();
      },
      (error: unknown) => {
        this.registering = false;
        if (this.closed) return;
        log('warn', `registration: ${HeddleError.from(error).message}`);
        this.registerTimer = clock.after(RETRY_MS, () => this.register());
      },
    );
  }

  private async registerOnce(agent: AgentSide): Promise<void> {
    const { rpc, config, store, version } = this.parts;
    const { cpu, memory, engineVersion } = await this.capacity();
    const resources = config.role === 'host' ? config.resources : undefined;
    const { accepted, highestClassId } = store.policy.value;
    const registration: HostRegistration = {
      host: config.host,
      agentEpoch: agent.epoch,
      spec: {
        role: config.role,
        zone: config.zone,
        underlay: config.underlay.address,
        tunnels: config.tunnels,
        capacity: { cpu: resources?.cpu ?? cpu, memory: resources?.memoryBytes ?? memory },
        uplinks: config.role === 'host' ? config.uplinks : {},
        schedulable: config.role === 'host',
      },
      labels: { hostname: os.hostname(), ...config.labels },
      ...(accepted ? { seen: accepted.watermark } : {}),
      highestClassId,
      blocks: store.host.value.blocks,
      engineVersion,
      agentVersion: version,
    };
    // Those that were sent are among them, unless another host has them by now.
    const { blocks } = await rpc.call('inventory.register', registration);
    if (!this.closed) agent.setBlocks(blocks);
  }

  /** What the engine says; what it last said while it is away, because that does not make the host unknown. */
  private async capacity(): Promise<EngineCapacity> {
    const { store, capacity } = this.parts;
    const { host } = store;
    try {
      const now = await capacity();
      if (JSON.stringify(now) !== JSON.stringify(host.value.capacity)) host.set({ ...host.value, capacity: now });
      return now;
    } catch (error) {
      if (host.value.capacity) return host.value.capacity;
      throw error;
    }
  }

  /** One at a time: what a slow one would say is said by the next. */
  private heartbeat(): void {
    const { agent, parts } = this;
    if (!agent || !this.registered || parts.bus.status().state !== 'connected') return;
    if (this.beating) {
      this.beatAgain = true;
      return;
    }
    this.beating = true;
    this.beatAgain = false;
    const { drops, uplinkProblems = {} } = agent;
    const traffic = agent.takeTraffic();
    const sightings = agent.takeSightings();
    parts.rpc
      .call('inventory.heartbeat', {
        host: parts.config.host,
        agentEpoch: agent.epoch,
        policyPosition: agent.policyPosition,
        // One position for both: flows are made from policy and encapsulations together.
        encapsulationPosition: agent.policyPosition,
        workloadPosition: agent.workloadPosition,
        highestClassId: parts.store.policy.value.highestClassId,
        problems: [...agent.problems, ...this.problems],
        ...(Object.keys(uplinkProblems).length === 0 ? {} : { uplinkProblems }),
        usage: agent.usage,
        ...(drops === undefined ? {} : { drops }),
        ...(traffic === undefined ? {} : { traffic }),
        ...(sightings.length === 0 ? {} : { sightings }),
      })
      .then(
        ({ known }) => {
          if (!known) this.register();
        },
        (error: unknown) => {
          if (!this.closed) parts.log('warn', `heartbeat: ${HeddleError.from(error).message}`);
        },
      )
      .finally(() => {
        this.beating = false;
        if (this.beatAgain && !this.closed) this.heartbeat();
      });
  }

  private reportIn(ms: number): void {
    if (this.closed || this.reportTimer) return;
    this.reportTimer = this.parts.clock.after(ms, () => {
      this.reportTimer = undefined;
      void this.sendReport();
    });
  }

  /** One report at a time: a later one says everything that an earlier one did. */
  private async sendReport(): Promise<void> {
    const { agent, parts } = this;
    if (!agent?.surveyed || !this.registered || this.closed) return;
    if (this.reporting) {
      this.reportAgain = true;
      return;
    }
    this.reporting = true;
    const events = this.events;
    this.events = [];
    try {
      await parts.rpc.call('inventory.report', agent.report());
      if (events.length > 0) await parts.rpc.call('inventory.events', { host: parts.config.host, events });
      this.heartbeat();
    } catch (error) {
      const since = this.events;
      this.events = events;
      this.keep(...since);
      if (this.closed) return;
      parts.log('warn', `report: ${HeddleError.from(error).message}`);
      this.reportIn(RETRY_MS);
    } finally {
      this.reporting = false;
      if (this.reportAgain) {
        this.reportAgain = false;
        this.reportSoon();
      }
    }
  }

  /** Facts are for people; when nobody takes them for long the oldest go. */
  private keep(...facts: EventFact[]): void {
    this.events.push(...facts);
    if (this.events.length > MAX_EVENTS) this.events = this.events.slice(-MAX_EVENTS);
  }
}
