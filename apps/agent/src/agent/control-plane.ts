import os from 'node:os';
import type { Clock, Timer } from '@heddle/host';
import { Subscriber, type Accepted as AcceptedSet, type BusPort, type Refusal } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type DistributedEndpoint,
  type EventFact,
  type HeddleObject,
  type HostRegistration,
  type ResolvedEntry,
} from '@heddle/model';
import type { RpcClient } from '@heddle/service';
import type { HostConfig } from '../config';
import type { Accepted, AgentStore, EngineCapacity } from '../store';
import type { Agent, Log } from './agent';

const HEARTBEAT_MS = 2_000;
/** Changes that come together are reported together. */
const REPORT_DELAY_MS = 30;
const RETRY_MS = 1_000;
const MAX_EVENTS = 1_000;

export interface ControlPlaneParts {
  readonly config: HostConfig;
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
  private agent: Agent | undefined;
  private readonly subscribers: { close(): Promise<void> }[] = [];
  private readonly refusals = new Map<string, Refusal>();
  private readonly timers: Timer[] = [];
  private events: EventFact[] = [];
  private registered = false;
  private registering = false;
  private reportTimer: Timer | undefined;
  private reporting = false;
  private reportAgain = false;
  private closed = false;

  constructor(private readonly parts: ControlPlaneParts) {}

  start(agent: Agent): void {
    this.agent = agent;
    const { bus, clock, store } = this.parts;
    const { host } = this.parts.config;
    this.subscribers.push(
      this.subscribe<ResolvedEntry>('policy', TOPICS.policy, store.state.policy, (accepted) =>
        agent.acceptPolicy(accepted),
      ),
      this.subscribe<DistributedEndpoint>('inventory', TOPICS.endpoints, store.state.endpoints, (accepted) =>
        agent.acceptEndpoints(accepted),
      ),
      this.subscribe<HeddleObject<'Allocation'>>(
        'scheduler',
        TOPICS.allocations(host),
        store.state.allocations,
        (accepted) => agent.acceptAllocations(accepted),
      ),
    );
    bus.onStatus(({ state }) => {
      if (state === 'connected') this.register();
    });
    this.register();
    this.timers.push(clock.every(HEARTBEAT_MS, () => this.heartbeat()));
  }

  async stop(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) timer.cancel();
    this.reportTimer?.cancel();
    await Promise.all(this.subscribers.map((subscriber) => subscriber.close()));
  }

  /** Something to report: sent soon, together with what else changes until then. */
  reportSoon(): void {
    if (this.closed || this.reportTimer) return;
    this.reportTimer = this.parts.clock.after(REPORT_DELAY_MS, () => {
      this.reportTimer = undefined;
      void this.sendReport();
    });
  }

  event(fact: Omit<EventFact, 'at'>): void {
    this.events.push({
      at: new Date(this.parts.clock.now()).toISOString(),
      by: `host:${this.parts.config.host}`,
      ...fact,
    });
    // Facts are for people; when nobody takes them for long the oldest go.
    if (this.events.length > MAX_EVENTS) this.events = this.events.slice(-MAX_EVENTS);
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
    const { bus, clock, log } = this.parts;
    if (this.registering || this.closed || bus.status().state !== 'connected') return;
    this.registering = true;
    this.registerOnce().then(
      () => {
        this.registering = false;
        this.registered = true;
        this.reportSoon();
      },
      (error: unknown) => {
        this.registering = false;
        log('warn', `registration: ${HeddleError.from(error).message}`);
        this.timers.push(clock.after(RETRY_MS, () => this.register()));
      },
    );
  }

  private async registerOnce(): Promise<void> {
    const { rpc, config, store, version } = this.parts;
    const { cpu, memory, engineVersion } = await this.capacity();
    const registration: HostRegistration = {
      host: config.host,
      spec: {
        zone: config.zone,
        underlay: config.underlay.address,
        capacity: { cpu: config.resources?.cpu ?? cpu, memory: config.resources?.memoryBytes ?? memory },
        domains: ['default'],
        uplinks: {},
        schedulable: true,
      },
      labels: { hostname: os.hostname(), ...config.labels },
      ...(store.state.policy ? { seen: store.state.policy.watermark } : {}),
      highestClassId: store.state.highestClassId,
      blocks: store.state.blocks,
      engineVersion,
      agentVersion: version,
    };
    // Those that were sent are among them, unless another host has them by now.
    const { blocks } = await rpc.call('inventory.register', registration);
    this.agent?.setBlocks(blocks);
  }

  private async capacity(): Promise<EngineCapacity> {
    const { store, capacity } = this.parts;
    try {
      const now = await capacity();
      store.update({ capacity: now });
      return now;
    } catch (error) {
      if (store.state.capacity) return store.state.capacity;
      throw error;
    }
  }

  private heartbeat(): void {
    const { agent, parts } = this;
    if (!agent || !this.registered || parts.bus.status().state !== 'connected') return;
    parts.rpc
      .call('inventory.heartbeat', {
        host: parts.config.host,
        agentEpoch: agent.epoch,
        policyPosition: agent.policyPosition,
        workloadPosition: agent.workloadPosition,
        highestClassId: parts.store.state.highestClassId,
        problems: [...agent.problems, ...this.problems],
        usage: agent.usage,
      })
      .then(
        ({ known }) => {
          if (!known) this.register();
        },
        (error: unknown) => parts.log('warn', `heartbeat: ${HeddleError.from(error).message}`),
      );
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
      this.events = [...events, ...this.events];
      parts.log('warn', `report: ${HeddleError.from(error).message}`);
      if (!this.closed) this.timers.push(parts.clock.after(RETRY_MS, () => this.reportSoon()));
    } finally {
      this.reporting = false;
      if (this.reportAgain) {
        this.reportAgain = false;
        this.reportSoon();
      }
    }
  }
}
