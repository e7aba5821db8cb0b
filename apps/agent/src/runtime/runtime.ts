import type { ContainerInspection, Engine } from '@heddle/docker';
import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type AllocationStatus, type HeddleObject } from '@heddle/model';
import { NO_RESTARTS, restartAfterExit, type RestartHistory } from '@heddle/rollout';
import { subnetOf } from '../attach/ipam-driver';
import { allocationOwner, OPTION } from '../attach/options';
import type { AttachedEndpoint } from '../link/protocol';
import { containerOf } from './container';
import { HealthCheck } from './health-check';
import { KeyedQueue } from './keyed-queue';
import { allocationPath, epgPath, LABEL, networkName } from './labels';
import type { CheckResult, HealthProbe, PlaceOf, Placement } from './ports';
import { Slots } from './slots';

type Allocation = HeddleObject<'Allocation'>;

/** Allocations being worked on at one time. A stop may take its whole grace, so it is more than the engine does at once. */
const WIDTH = 64;
/** Containers being created and started at one time: the engine gains little from more. */
const STARTS = 4;
const START_DEADLINE_MS = 60_000;
/** Until the next look when somebody else is at work on a container. */
const SOON_MS = 1_000;

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
  /** The endpoint of an allocation, while it is attached. */
  readonly endpointOf: (allocation: string) => AttachedEndpoint | undefined;
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
  readonly health: HealthCheck;
  containerId?: string;
  /** It was started, or seen ended, by this agent: what an earlier one knew of its health is out of date. */
  known: boolean;
  /** The engine did not answer when it was last looked at. */
  unseen: boolean;
  /** The engine has said what there is of it, to this agent. */
  surveyed: boolean;
  restarts: RestartHistory;
  /** Attempts to stop it that failed. */
  stops: RestartHistory;
  /** When the container is to be started again; undefined while it runs or was not started yet. */
  restartAt?: number;
  /** The exit that `restartAt` was decided for, by the time at which the container ended. */
  decidedExit?: string;
  timer?: Timer;
}

/**
 * Runs the allocations of this host: what is wanted is started, what ended is started again after a pause, what bears a
 * tombstone is stopped and removed. Level-triggered: each look compares what is wanted with what the engine has, so it may be
 * interrupted anywhere. A container of ours that nobody asks for is reported and left alone.
 */
export class Runtime {
  private readonly runs = new Map<string, Run>();
  private readonly queue = new KeyedQueue(WIDTH, (key) => this.look(key));
  private readonly starts = new Slots(STARTS);
  private readonly stopping = new AbortController();
  private strays: readonly string[] = [];
  private engineProblem: string | undefined;
  private complete = false;

  constructor(private readonly options: RuntimeOptions) {}

  /** Sentences about the engine, and about containers that carry our labels but belong to no allocation of this host. */
  get problems(): readonly string[] {
    return this.engineProblem === undefined ? this.strays : [this.engineProblem, ...this.strays];
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
        const due = decidedExit !== undefined && restartAt !== undefined;
        const exit = due ? { exit: { finishedAt: decidedExit, restartAt } } : {};
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
    for (const [path, run] of this.runs) if (!allocations.has(path)) this.forget(path, run);
  }

  /** Something changed that starts may have waited for, or an event of the engine tells of a container. */
  lookAt(allocation?: string): void {
    if (allocation === undefined) for (const path of this.runs.keys()) this.queue.request(path);
    else if (this.runs.has(allocation)) this.queue.request(allocation);
  }

  /** Compares with everything the engine has: finds what ended unseen, and strays. */
  async resynchronise(): Promise<void> {
    try {
      const { signal } = this.stopping;
      const containers = await this.options.engine.list({ all: true, labels: { [LABEL.allocation]: true }, signal });
      this.engineProblem = undefined;
      const pathOf = (c: (typeof containers)[number]): string => c.labels[LABEL.allocation] ?? '';
      this.strays = containers.flatMap((c) => this.strayProblem(c.name, c.id, pathOf(c)));
      const running = new Set(containers.filter((c) => c.status === 'running').map((c) => c.id));
      for (const [path, run] of this.runs) if (!inOrder(run, running)) this.queue.request(path);
    } catch (error) {
      this.engineAway(error);
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort(new HeddleError('unavailable', 'the agent is stopping'));
    this.queue.stop();
    for (const run of this.runs.values()) {
      run.timer?.cancel();
      run.health.stop();
    }
    await this.queue.idle();
  }

  private newRun(allocation: Allocation): Run {
    const path = allocationPath(allocation);
    const remembered = this.options.remembered[allocation.metadata.uid ?? ''];
    const restarts = remembered?.restarts ?? NO_RESTARTS;
    const run: Run = {
      allocation,
      known: false,
      unseen: false,
      surveyed: false,
      restarts,
      ...(remembered?.exit ? { decidedExit: remembered.exit.finishedAt, restartAt: remembered.exit.restartAt } : {}),
      stops: NO_RESTARTS,
      health: new HealthCheck({
        config: allocation.spec.template.health,
        clock: this.options.clock,
        attempt: () => this.check(run),
        onJudged: ({ healthy, reason }, changed, detail) => {
          if (changed) this.options.onEvent(run.allocation, healthy ? 'healthy' : 'unhealthy', reason ?? detail);
          this.report(run, { healthy, reason });
        },
      }),
      status: {
        allocation: path,
        uid: allocation.metadata.uid ?? '',
        host: this.options.host,
        phase: 'pending',
        healthy: false,
        addresses: [],
        restarts: restarts.restarts,
      },
    };
    return run;
  }

  private async look(path: string): Promise<void> {
    const run = this.runs.get(path);
    if (!run) return;
    run.timer?.cancel();
    let container: ContainerInspection | undefined;
    try {
      container = await this.find(run);
      run.unseen = false;
      this.engineProblem = undefined;
    } catch (error) {
      // Nothing is known of the container: what was last seen of it stands.
      run.unseen = true;
      return this.engineAway(error);
    }
    try {
      const work = this.act(run, container);
      // What there is now is known by then; starting and stopping may take long.
      this.survey(run);
      await work;
    } catch (error) {
      if (!this.stopping.signal.aborted) this.failed(run, HeddleError.from(error));
    }
  }

  private async act(run: Run, container: ContainerInspection | undefined): Promise<void> {
    if (run.allocation.spec.desired === 'stop') await this.remove(run, container);
    else if (!container) await this.create(run);
    else await this.keep(run, container);
  }

  private survey(run: Run): void {
    if (run.surveyed) return;
    run.surveyed = true;
    const before = this.complete;
    if (this.surveyed && !before) this.options.onStatus();
  }

  private async find(run: Run): Promise<ContainerInspection | undefined> {
    const known = run.containerId === undefined ? undefined : await this.inspect(run.containerId);
    if (known) return known;
    run.containerId = undefined;
    const { signal } = this.stopping;
    const labels = { [LABEL.allocation]: allocationPath(run.allocation) };
    const [found] = await this.options.engine.list({ all: true, labels, signal });
    const container = found && (await this.inspect(found.id));
    run.containerId = container?.id;
    return container;
  }

  private async inspect(id: string): Promise<ContainerInspection | undefined> {
    try {
      return await this.options.engine.inspect(id, { signal: this.stopping.signal });
    } catch (error) {
      if (HeddleError.from(error).code === 'not-found') return undefined;
      throw error;
    }
  }

  private async create(run: Run): Promise<void> {
    if (this.mustWait(run)) return;
    const epg = epgPath(run.allocation);
    const place = this.options.placement.placeOf(epg);
    if ('waitsFor' in place) return this.report(run, { phase: 'pending', healthy: false, reason: place.waitsFor });
    this.report(run, { phase: 'starting', healthy: false, reason: undefined });
    await this.starts.run(async () => {
      if (!this.isWanted(run)) return;
      await this.createIn(run, place);
      await this.start(run);
    });
  }

  private async createIn(run: Run, place: PlaceOf): Promise<void> {
    const { engine, placement, host } = this.options;
    const { signal } = this.stopping;
    const { allocation } = run;
    const { image } = allocation.spec.template;
    const { tenant, application } = allocation.metadata;
    if (!(await engine.imageExists(image, { signal }))) {
      throw new HeddleError(
        'not-found',
        `the image ${image} is not on this host; load it there (docker load) or correct the name`,
      );
    }
    const { address, mac } = await placement.reserve(place.path, allocationOwner(allocationPath(allocation)));
    await this.ensureNetwork(place);
    const resolvConf = await placement.resolvConf(tenant as string, application as string);
    const spec = containerOf(allocation, { host, bridgeDomain: place.path, address, resolvConf });
    run.containerId = await engine.createContainer(spec, { signal });
    this.report(run, { containerId: run.containerId, addresses: [address], mac });
  }

  private async ensureNetwork({ path, gateways }: PlaceOf): Promise<void> {
    const [gateway] = gateways;
    if (gateway === undefined) throw new HeddleError('conflict', `the bridge domain ${path} has no subnet`);
    const { engine, plugin } = this.options;
    await engine.ensureNetwork(
      {
        name: networkName(path),
        driver: plugin,
        ipamDriver: plugin,
        ipamOptions: { [OPTION.bridgeDomain]: path },
        subnet: subnetOf(gateway),
        gateway: gateway.split('/')[0],
        options: { [OPTION.bridgeDomain]: path },
        labels: { [OPTION.bridgeDomain]: path },
      },
      { signal: this.stopping.signal },
    );
  }

  /** Starts a container that exists; what became of it is seen at the next look. */
  private async start(run: Run): Promise<void> {
    const id = run.containerId as string;
    run.restartAt = undefined;
    run.known = true;
    const { engine, host } = this.options;
    await engine.start(id, { deadlineMs: START_DEADLINE_MS, signal: this.stopping.signal });
    this.options.onEvent(run.allocation, 'started', `container ${id.slice(0, 12)} started on ${host}`);
    this.queue.request(allocationPath(run.allocation));
  }

  private async startAgain(run: Run): Promise<void> {
    if (this.mustWait(run)) return;
    await this.starts.run(async () => {
      if (this.isWanted(run)) await this.start(run);
    });
  }

  /** The container exists and is wanted. */
  private async keep(run: Run, container: ContainerInspection): Promise<void> {
    switch (container.status) {
      case 'running':
        return this.running(run, container);
      case 'created':
        return this.startAgain(run);
      case 'exited':
      case 'dead':
        return this.ended(run, container);
      case 'paused':
      case 'restarting':
      case 'removing':
        // Somebody else is at work on it; look again soon.
        this.report(run, { phase: 'starting', healthy: false, reason: `the container is ${container.status}` });
        this.later(run, SOON_MS);
    }
  }

  private running(run: Run, container: ContainerInspection): void {
    run.restartAt = undefined;
    run.health.start(!run.known && (this.options.remembered[run.status.uid]?.healthy ?? false));
    run.known = true;
    const network = Object.values(container.networks)[0];
    const { healthy, reason } = run.health.state;
    this.report(run, {
      phase: 'running',
      containerId: container.id,
      healthy,
      addresses: network?.ipv4Address ? [network.ipv4Address] : run.status.addresses,
      mac: network?.macAddress ?? run.status.mac,
      startedAt: container.startedAt,
      reason,
    });
  }

  /** Starts the container again after a pause that grows with every failure. */
  private async ended(run: Run, container: ContainerInspection): Promise<void> {
    run.health.stop();
    run.known = true;
    if (run.decidedExit !== container.finishedAt || run.restartAt === undefined) {
      const { exitCode, startedAt } = container;
      const decision = restartAfterExit(
        run.restarts,
        {
          startedAt: startedAt ? Date.parse(startedAt) : undefined,
          exitCode,
          detail: container.error || (container.oomKilled ? 'out of memory' : undefined),
        },
        this.options.clock.now(),
      );
      run.restarts = decision.history;
      run.restartAt = decision.restartAt;
      run.decidedExit = container.finishedAt;
      this.report(run, { phase: 'backoff', healthy: false, exitCode, reason: decision.reason });
      this.options.onEvent(run.allocation, 'exited', decision.reason);
    }
    await this.startAgain(run);
  }

  /** The tombstone: stopped with its grace, removed, its address given back. Only then is it reported as stopped. */
  private async remove(run: Run, container: ContainerInspection | undefined): Promise<void> {
    if (run.status.phase === 'stopped') return;
    run.health.stop();
    const { engine, placement, host } = this.options;
    const { signal } = this.stopping;
    if (container) {
      this.report(run, { phase: 'stopping', healthy: false, reason: undefined });
      if (container.status === 'running')
        await engine.stop(container.id, run.allocation.spec.template.stopGraceSeconds, { signal });
      await engine.remove(container.id, { force: true, signal });
      run.containerId = undefined;
    }
    await placement.release(allocationOwner(allocationPath(run.allocation)));
    this.report(run, { phase: 'stopped', healthy: false, addresses: [], reason: undefined });
    if (container) this.options.onEvent(run.allocation, 'stopped', `stopped on ${host}`);
  }

  /** Something could not be done: tried again after a pause, and the reason is shown until it works. */
  private failed(run: Run, error: HeddleError): void {
    const now = this.options.clock.now();
    if (run.allocation.spec.desired === 'stop') {
      const { history, restartAt } = restartAfterExit(run.stops, { detail: error.message }, now);
      run.stops = history;
      this.explain(run, 'stopping', `could not be stopped: ${error.message}`);
      return this.later(run, restartAt - now);
    }
    const place = this.options.placement.placeOf(epgPath(run.allocation));
    // What it needs went away meanwhile: that is no failure of its own, and a look follows when it is back.
    if (error.retryable && 'waitsFor' in place)
      return this.report(run, { phase: 'pending', healthy: false, reason: place.waitsFor });
    // A start that failed counts like an exit, so that a hopeless one does not keep the engine busy.
    const { history, restartAt, reason } = restartAfterExit(run.restarts, { detail: error.message }, now);
    run.restarts = history;
    run.restartAt = restartAt;
    this.explain(run, 'backoff', reason);
    this.later(run, restartAt - now);
  }

  private explain(run: Run, phase: 'stopping' | 'backoff', reason: string): void {
    if (run.status.reason !== reason) this.options.onEvent(run.allocation, 'failed', reason);
    this.report(run, { phase, healthy: false, reason });
  }

  private engineAway(error: unknown): void {
    if (this.stopping.signal.aborted) return;
    const { message } = HeddleError.from(error);
    this.engineProblem = `the engine does not answer (${message}): containers that run go on, none can be started or stopped`;
  }

  private strayProblem(name: string, id: string, path: string): string[] {
    const run = this.runs.get(path);
    if (run && (run.containerId === undefined || run.containerId === id)) return [];
    const what = run ? 'which another container is already' : 'which is no allocation of this host';
    return [
      `container ${name} carries the label ${LABEL.allocation}=${path}, ${what}; it is left alone (remove it by hand if it is not wanted)`,
    ];
  }

  private async check({ allocation }: Run): Promise<CheckResult> {
    const { health, ports } = allocation.spec.template;
    const port = health && ports[health.port]?.port;
    if (!health || port === undefined) return { ok: false, detail: `the check names no port of the service` };
    const endpoint = this.options.endpointOf(allocationPath(allocation));
    if (endpoint === undefined) return { ok: false, detail: 'the container is not attached' };
    return this.options.health.check(endpoint, port, health);
  }

  private isWanted(run: Run): boolean {
    const isCurrent = this.runs.get(allocationPath(run.allocation)) === run;
    return isCurrent && run.allocation.spec.desired === 'run' && !this.stopping.signal.aborted;
  }

  /** Whether the pause before the next start is not over; then a look follows at its end. */
  private mustWait(run: Run): boolean {
    const wait = (run.restartAt ?? 0) - this.options.clock.now();
    if (wait > 0) this.later(run, wait);
    return wait > 0;
  }

  private later(run: Run, ms: number): void {
    run.timer?.cancel();
    if (this.stopping.signal.aborted) return;
    const path = allocationPath(run.allocation);
    run.timer = this.options.clock.after(Math.max(10, ms), () => this.queue.request(path));
  }

  private forget(path: string, run: Run): void {
    run.timer?.cancel();
    run.health.stop();
    this.runs.delete(path);
  }

  private report(run: Run, change: Partial<AllocationStatus>): void {
    const next = { ...run.status, ...change, restarts: run.restarts.restarts };
    if (JSON.stringify(next) === JSON.stringify(run.status)) return;
    run.status = next;
    this.options.onStatus();
  }
}

/** Whether nothing is left to do for it, as far as a list of what runs can tell. */
function inOrder({ allocation, status, containerId, unseen }: Run, running: ReadonlySet<string>): boolean {
  if (unseen) return false;
  if (allocation.spec.desired === 'stop') return status.phase === 'stopped';
  return status.phase === 'running' && containerId !== undefined && running.has(containerId);
}
