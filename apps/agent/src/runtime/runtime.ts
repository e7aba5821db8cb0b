import type { ContainerInspection, ContainerSummary, Engine } from '@heddle/docker';
import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type AllocationStatus, type HeddleObject } from '@heddle/model';
import {
  healthState,
  NO_RESTARTS,
  notStarted,
  restartAfterExit,
  type HealthEvent,
  type HealthState,
  type RestartHistory,
} from '@heddle/rollout';
import { subnetOf } from '../attach/ipam-driver';
import { allocationOwner, OPTION } from '../attach/options';
import { containerOf } from './container';
import { KeyedQueue } from './keyed-queue';
import { allocationPath, epgPath, LABEL, networkName } from './labels';
import type { HealthProbe, Placement } from './ports';

type Allocation = HeddleObject<'Allocation'>;

/** Containers being started or stopped at one time. */
const WIDTH = 4;
const START_DEADLINE_MS = 60_000;
/** How soon something that waits for another part of the host is looked at again, if nothing tells of it earlier. */
const WAIT_MS = 1_000;

/** What is kept of an instance over restarts of the agent. */
export interface RememberedInstance {
  readonly healthy: boolean;
  readonly restarts: RestartHistory;
  /** The exit after which a restart was decided, by the time at which the container ended, and when it is due. */
  readonly exit?: { readonly finishedAt: string; readonly restartAt: number };
}

export interface RuntimeOptions {
  readonly host: string;
  /** Name of our plugin in the engine. */
  readonly plugin: string;
  readonly engine: Engine;
  readonly placement: Placement;
  readonly health: HealthProbe;
  /** Link index of the endpoint of an allocation, while it is attached. */
  readonly linkIndexOf: (allocation: string) => number | undefined;
  readonly clock: Clock;
  /**
   * By uid, as {@link Runtime.remember} gave it when the agent last ran: adopting a healthy instance does not make it
   * unhealthy, and a failing one does not begin with short pauses again.
   */
  readonly remembered: Readonly<Record<string, RememberedInstance>>;
  /** The status of some allocation changed. */
  readonly onStatus: () => void;
  readonly onEvent: (allocation: Allocation, what: string, message: string) => void;
}

/** What is remembered of one allocation between two looks at it. */
interface Run {
  allocation: Allocation;
  status: AllocationStatus;
  containerId?: string;
  /** The engine has said what there is of it, to this agent. */
  surveyed?: boolean;
  /** Seen running by this agent. */
  known?: boolean;
  restarts: RestartHistory;
  /** When the container is to be started again; undefined while it runs or was not started yet. */
  restartAt?: number;
  /** The exit that `restartAt` was decided for, by the time at which the container ended. */
  decidedExit?: string;
  health: HealthState;
  timer?: Timer;
  healthTimer?: Timer;
}

/**
 * Runs the allocations of this host: what is wanted is started, what ended is started again after a pause, what bears a
 * tombstone is stopped and removed. Level-triggered: each look compares what is wanted with what the engine has, so it may be
 * interrupted anywhere. A container of ours that nobody asks for is reported and left alone.
 */
export class Runtime {
  private readonly runs = new Map<string, Run>();
  private readonly queue = new KeyedQueue(WIDTH, (key) => this.look(key));
  private strays: readonly string[] = [];
  private engineAway: string | undefined;
  private complete = false;

  constructor(private readonly options: RuntimeOptions) {}

  /** Sentences: an engine that does not answer, containers that carry our labels but belong to no allocation of this host. */
  get problems(): readonly string[] {
    return [...(this.engineAway === undefined ? [] : [this.engineAway]), ...this.strays];
  }

  /**
   * Whether the engine has said what there is of every allocation, once since the start. Before that the statuses are
   * guesses, and a healthy instance must not be reported as missing because it was not looked at yet.
   */
  get surveyed(): boolean {
    this.complete ||= [...this.runs.values()].every((run) => run.surveyed);
    return this.complete;
  }

  /** What the next run of the agent needs to go on where this one ends. */
  remember(): Record<string, RememberedInstance> {
    return Object.fromEntries(
      [...this.runs.values()].map(({ status, restarts, decidedExit, restartAt }) => {
        const exit =
          decidedExit === undefined || restartAt === undefined ? {} : { exit: { finishedAt: decidedExit, restartAt } };
        return [status.uid, { healthy: status.healthy, restarts, ...exit }];
      }),
    );
  }

  statuses(): AllocationStatus[] {
    return [...this.runs.values()].map((run) => run.status);
  }

  /** The container of an allocation, once it was created. */
  containerOf(allocation: string): string | undefined {
    return this.runs.get(allocation)?.containerId;
  }

  /** Every allocation of this host. One that is missing here is no longer of interest: it was stopped and reported so before. */
  update(allocations: ReadonlyMap<string, Allocation>): void {
    for (const [path, allocation] of allocations) {
      const run = this.runs.get(path);
      if (!run) this.runs.set(path, this.newRun(allocation));
      else run.allocation = allocation;
      this.queue.request(path);
    }
    for (const [path, run] of this.runs) {
      if (allocations.has(path)) continue;
      this.forget(path, run);
    }
  }

  /** Something changed that starts may have waited for, or an event of the engine tells of a container. */
  lookAt(allocation?: string): void {
    if (allocation === undefined) for (const path of this.runs.keys()) this.queue.request(path);
    else if (this.runs.has(allocation)) this.queue.request(allocation);
  }

  /** Compares with everything the engine has: finds what ended unseen, and strays. */
  async resynchronise(): Promise<void> {
    let containers: readonly ContainerSummary[];
    try {
      containers = await this.options.engine.list({ all: true, labels: { [LABEL.allocation]: true } });
    } catch (error) {
      this.engineAway = silence(HeddleError.from(error));
      throw error;
    }
    this.engineAway = undefined;
    this.strays = containers
      .filter((c) => !this.runs.has(c.labels[LABEL.allocation] ?? ''))
      .map(
        (c) =>
          `container ${c.name} carries the label ${LABEL.allocation}=${c.labels[LABEL.allocation]}, which is no allocation of this host; it is left alone (remove it by hand if it is not wanted)`,
      );
    this.lookAt();
  }

  async stop(): Promise<void> {
    this.queue.stop();
    for (const run of this.runs.values()) {
      run.timer?.cancel();
      run.healthTimer?.cancel();
    }
    await this.queue.idle();
  }

  private newRun(allocation: Allocation): Run {
    const uid = allocation.metadata.uid ?? '';
    const remembered = this.options.remembered[uid];
    const restarts = remembered?.restarts ?? NO_RESTARTS;
    return {
      allocation,
      restarts,
      ...(remembered?.exit === undefined
        ? {}
        : { decidedExit: remembered.exit.finishedAt, restartAt: remembered.exit.restartAt }),
      health: notStarted(this.options.clock.now()),
      status: {
        allocation: allocationPath(allocation),
        uid,
        host: this.options.host,
        phase: 'pending',
        healthy: false,
        addresses: [],
        restarts: restarts.restarts,
      },
    };
  }

  private async look(path: string): Promise<void> {
    const run = this.runs.get(path);
    if (!run) return;
    run.timer?.cancel();
    let container: ContainerInspection | undefined;
    try {
      container = await this.find(run);
    } catch (error) {
      return this.engineSilent(run, HeddleError.from(error));
    }
    this.engineAway = undefined;
    try {
      const work = this.act(run, container);
      // What there is now is known by then; starting and stopping may take long.
      this.survey(run);
      await work;
    } catch (error) {
      this.failed(run, HeddleError.from(error));
    }
  }

  private async act(run: Run, container: ContainerInspection | undefined): Promise<void> {
    if (run.allocation.spec.desired === 'stop') await this.remove(run, container);
    else if (!container) await this.create(run);
    else await this.keep(run, container);
  }

  /** What becomes of a container while its engine is away is not known: its status stays as it was. */
  private engineSilent(run: Run, error: HeddleError): void {
    this.engineAway = silence(error);
    this.later(run, WAIT_MS);
  }

  private survey(run: Run): void {
    if (run.surveyed) return;
    run.surveyed = true;
    const before = this.complete;
    if (this.surveyed && !before) this.options.onStatus();
  }

  private async find(run: Run): Promise<ContainerInspection | undefined> {
    const path = allocationPath(run.allocation);
    const [found] = run.containerId
      ? [{ id: run.containerId }]
      : await this.options.engine.list({ all: true, labels: { [LABEL.allocation]: path } });
    if (!found) return undefined;
    try {
      const container = await this.options.engine.inspect(found.id);
      run.containerId = container.id;
      return container;
    } catch (error) {
      if (HeddleError.from(error).code !== 'not-found') throw error;
      run.containerId = undefined;
      return undefined;
    }
  }

  private async create(run: Run): Promise<void> {
    const { engine, placement, host } = this.options;
    const { allocation } = run;
    const now = this.options.clock.now();
    if (run.restartAt !== undefined && run.restartAt > now) return this.later(run, run.restartAt - now);
    if (this.waits(run)) return;
    const path = allocationPath(allocation);
    const domain = placement.bridgeDomainOf(epgPath(allocation));
    if (!domain)
      return this.report(run, {
        phase: 'pending',
        healthy: false,
        reason: `the EPG ${epgPath(allocation)} is not resolved on this host yet`,
      });
    if (!(await engine.imageExists(allocation.spec.template.image))) {
      throw new HeddleError(
        'not-found',
        `the image ${allocation.spec.template.image} is not on this host; load it there (docker load) or correct the name`,
      );
    }
    this.report(run, { phase: 'starting', healthy: false, reason: undefined });
    const reserved = await this.reserve(run, domain.path, allocationOwner(path));
    if (!reserved) return;
    const { address, mac } = reserved;
    await this.ensureNetwork(domain);
    const resolvConf = await placement.resolvConf(
      allocation.metadata.tenant as string,
      allocation.metadata.application as string,
    );
    run.containerId = await engine.createContainer(
      containerOf(allocation, { host, bridgeDomain: domain.path, address, resolvConf }),
    );
    this.report(run, { phase: 'starting', healthy: false, addresses: [address], mac });
    await this.start(run);
  }

  private async ensureNetwork({ path, gateways }: { path: string; gateways: readonly string[] }): Promise<void> {
    const [gateway] = gateways;
    if (gateway === undefined) throw new HeddleError('conflict', `the bridge domain ${path} has no subnet`);
    const { engine, plugin } = this.options;
    await engine.ensureNetwork({
      name: networkName(path),
      driver: plugin,
      ipamDriver: plugin,
      ipamOptions: { [OPTION.bridgeDomain]: path },
      subnet: subnetOf(gateway),
      gateway: gateway.split('/')[0],
      options: { [OPTION.bridgeDomain]: path },
      labels: { [OPTION.bridgeDomain]: path },
    });
  }

  /** An address, or nothing while none can be had because somebody who is asked for it is away. */
  private async reserve(
    run: Run,
    bridgeDomain: string,
    owner: string,
  ): Promise<Awaited<ReturnType<Placement['reserve']>> | undefined> {
    try {
      return await this.options.placement.reserve(bridgeDomain, owner);
    } catch (error) {
      const failure = HeddleError.from(error);
      if (failure.code !== 'unavailable') throw failure;
      return this.wait(run, failure.message);
    }
  }

  /** While the host cannot attach containers a start would only fail; that says nothing against the container. */
  private waits(run: Run): boolean {
    const why = this.options.placement.unavailable();
    if (why !== undefined) this.wait(run, why);
    return why !== undefined;
  }

  private wait(run: Run, why: string): undefined {
    this.report(run, { phase: 'pending', healthy: false, reason: `waits to be started: ${why}` });
    this.later(run, WAIT_MS);
  }

  private async start(run: Run): Promise<void> {
    if (this.waits(run)) return;
    const id = run.containerId as string;
    run.restartAt = undefined;
    await this.options.engine.start(id, { deadlineMs: START_DEADLINE_MS });
    this.options.onEvent(run.allocation, 'started', `container ${id.slice(0, 12)} started on ${this.options.host}`);
    const container = await this.find(run);
    if (container) await this.keep(run, container);
  }

  /** The container exists and is wanted. */
  private async keep(run: Run, container: ContainerInspection): Promise<void> {
    switch (container.status) {
      case 'running':
        return this.running(run, container);
      case 'created':
        return run.restartAt !== undefined && run.restartAt > this.options.clock.now()
          ? this.later(run, run.restartAt - this.options.clock.now())
          : this.start(run);
      case 'exited':
      case 'dead':
        return this.ended(run, container);
      case 'paused':
      case 'restarting':
      case 'removing':
        // Somebody else is at work on it; look again soon.
        this.report(run, { phase: 'starting', healthy: false, reason: `the container is ${container.status}` });
        this.later(run, 1_000);
    }
  }

  private running(run: Run, container: ContainerInspection): void {
    run.restartAt = undefined;
    if (!run.health.running) {
      this.judge(run, { type: 'started' });
      if (!run.known && this.options.remembered[run.status.uid]?.healthy) this.judge(run, { type: 'probe', ok: true });
    }
    run.known = true;
    const network = Object.values(container.networks)[0];
    this.report(run, {
      phase: 'running',
      healthy: run.health.healthy,
      addresses: network?.ipv4Address ? [network.ipv4Address] : run.status.addresses,
      mac: network?.macAddress ?? run.status.mac,
      startedAt: container.startedAt,
      reason: run.health.healthy ? undefined : run.health.reason,
    });
    this.scheduleHealth(run);
  }

  /** Starts the container again after a pause that grows with every failure. */
  private async ended(run: Run, container: ContainerInspection): Promise<void> {
    const now = this.options.clock.now();
    if (run.health.running) this.judge(run, { type: 'stopped' });
    if (run.decidedExit !== container.finishedAt || run.restartAt === undefined) {
      const detail = container.error || (container.oomKilled ? 'out of memory' : undefined);
      const decision = restartAfterExit(
        run.restarts,
        {
          startedAt: container.startedAt ? Date.parse(container.startedAt) : undefined,
          exitCode: container.exitCode,
          detail,
        },
        now,
      );
      run.restarts = decision.history;
      run.restartAt = decision.restartAt;
      run.decidedExit = container.finishedAt;
      this.report(run, { phase: 'backoff', healthy: false, exitCode: container.exitCode, reason: decision.reason });
      this.options.onEvent(run.allocation, 'exited', decision.reason);
    }
    if (run.restartAt <= now) await this.start(run);
    else this.later(run, run.restartAt - now);
  }

  /** The tombstone: stopped with its grace, removed, its address given back. Only then is it reported as stopped. */
  private async remove(run: Run, container: ContainerInspection | undefined): Promise<void> {
    run.healthTimer?.cancel();
    if (run.status.phase === 'stopped') return;
    const path = allocationPath(run.allocation);
    if (run.health.running) this.judge(run, { type: 'stopped' });
    if (container) {
      this.report(run, { phase: 'stopping', healthy: false, reason: undefined });
      const { engine } = this.options;
      if (container.status === 'running')
        await engine.stop(container.id, run.allocation.spec.template.stopGraceSeconds);
      await engine.remove(container.id, { force: true });
    }
    await this.options.placement.release(allocationOwner(path));
    run.containerId = undefined;
    this.report(run, { phase: 'stopped', healthy: false, addresses: [], reason: undefined });
    this.options.onEvent(run.allocation, 'stopped', `stopped on ${this.options.host}`);
  }

  /** Something could not be done: tried again after a pause, and the reason is shown until it works. */
  private failed(run: Run, error: HeddleError): void {
    const stopping = run.allocation.spec.desired === 'stop';
    const decision = restartAfterExit(run.restarts, { detail: error.message }, this.options.clock.now());
    // A start that failed counts like an exit, so that a hopeless one does not keep the engine busy.
    run.restarts = decision.history;
    run.restartAt = decision.restartAt;
    const reason = stopping ? `could not be stopped: ${error.message}` : decision.reason;
    if (run.status.reason !== reason) this.options.onEvent(run.allocation, 'failed', reason);
    this.report(run, { phase: stopping ? 'stopping' : 'backoff', healthy: false, reason });
    this.later(run, Math.max(0, decision.restartAt - this.options.clock.now()));
  }

  private judge(run: Run, event: HealthEvent): void {
    run.health = healthState(run.allocation.spec.template.health, run.health, event, this.options.clock.now());
  }

  private scheduleHealth(run: Run): void {
    const { health, ports } = run.allocation.spec.template;
    if (!health || run.healthTimer) return;
    const port = ports[health.port]?.port;
    if (port === undefined) return;
    // Until the first success checks come quickly, so that a rollout does not wait for a whole interval.
    const interval = run.health.healthy
      ? health.intervalSeconds * 1_000
      : Math.min(500, health.intervalSeconds * 1_000);
    run.healthTimer = this.options.clock.after(interval, () => {
      void this.check(run, port, health).finally(() => {
        run.healthTimer = undefined;
        if (run.health.running) this.scheduleHealth(run);
      });
    });
  }

  private async check(
    run: Run,
    port: number,
    health: NonNullable<Allocation['spec']['template']['health']>,
  ): Promise<void> {
    const link = this.options.linkIndexOf(allocationPath(run.allocation));
    const http = health.type === 'http' ? { path: health.path } : undefined;
    const result =
      link === undefined
        ? { ok: false, detail: 'the container is not attached' }
        : await this.options.health.check(link, port, http, health.timeoutSeconds * 1_000);
    if (!run.health.running) return;
    const before = run.health.healthy;
    this.judge(run, { type: 'probe', ...result });
    if (run.health.healthy !== before) {
      this.options.onEvent(
        run.allocation,
        run.health.healthy ? 'healthy' : 'unhealthy',
        run.health.reason ?? result.detail,
      );
    }
    this.report(run, { healthy: run.health.healthy, reason: run.health.healthy ? undefined : run.health.reason });
  }

  private later(run: Run, ms: number): void {
    run.timer?.cancel();
    const path = allocationPath(run.allocation);
    run.timer = this.options.clock.after(Math.max(10, ms), () => this.queue.request(path));
  }

  private forget(path: string, run: Run): void {
    run.timer?.cancel();
    run.healthTimer?.cancel();
    this.runs.delete(path);
  }

  private report(run: Run, change: Partial<AllocationStatus>): void {
    const next = { ...run.status, ...change, restarts: run.restarts.restarts };
    if (JSON.stringify(next) === JSON.stringify(run.status)) return;
    run.status = next;
    this.options.onStatus();
  }
}

const silence = (error: HeddleError): string =>
  `the engine does not answer (${error.message}): containers that run are not affected, none can be started or stopped`;
