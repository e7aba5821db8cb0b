import { isAvailable, type Instance, type ServiceGoal } from '../instance';
import type { HostStates } from '../classify';
import { reconcileService, type Reconciliation } from '../reconcile';

/** One instance, running and healthy, unless told otherwise. */
export function instance(name: string, over: Partial<Instance> = {}): Instance {
  return {
    name,
    index: Number(/\d+$/.exec(name)?.[0] ?? 0),
    host: 'h1',
    serviceUid: 'u1',
    templateHash: 'v1',
    desired: 'run',
    phase: 'running',
    healthy: true,
    createdAt: 0,
    ...over,
  };
}

export function goal(over: Partial<ServiceGoal> = {}): ServiceGoal {
  const update = { maxSurge: 1, maxUnavailable: 0 };
  return { path: 'acme/shop/web', uid: 'u1', replicas: 3, templateHash: 'v1', update, ...over };
}

type HostWord = 'ready' | 'suspect' | 'lost' | 'removed';

/** A small cluster with one service, for simulations: what is decided is carried out, and time passes in steps. */
export class World {
  now = 1_000_000;
  goal = goal();
  instances: Instance[] = [];
  readonly hosts = new Map<string, { state: HostWord; since: number }>();
  /** Templates whose instances never become healthy. */
  readonly broken = new Set<string>();
  /** Hosts that the service's constraints exclude. */
  readonly unfit = new Set<string>();
  /** How many more instances the hosts take; undefined: any number. */
  placeable: number | undefined;
  private created = 0;

  constructor(hosts: readonly string[]) {
    for (const name of hosts) this.setHost(name, 'ready');
  }

  setHost(name: string, state: HostWord): void {
    this.hosts.set(name, { state, since: this.now });
  }

  /** The number of instances that the promise about `maxSurge` counts. */
  get started(): number {
    return this.instances.filter((i) => !this.isLost(i) && !(i.desired === 'stop' && i.phase === 'stopped')).length;
  }

  /** Desired to run, on hosts that are not given up. */
  get live(): number {
    return this.instances.filter((i) => i.desired === 'run' && i.serviceUid === this.goal.uid && !this.isLost(i))
      .length;
  }

  get available(): number {
    return this.instances.filter(
      (i) => i.desired === 'run' && i.serviceUid === this.goal.uid && !this.isLost(i) && isAvailable(i),
    ).length;
  }

  /** Decides once, and carries it out. `place` names a host for each start; undefined when there is none. */
  reconcile(place: (n: number) => string | undefined): Reconciliation {
    const result = this.decide();
    const stops = new Set(result.stop.map((s) => s.allocation));
    const removed = new Set(result.remove);
    this.instances = this.instances
      .filter((i) => !removed.has(i.name))
      .map((i) => (stops.has(i.name) ? { ...i, desired: 'stop' } : i));
    for (const { index, templateHash } of result.start) {
      const host = place(this.created);
      if (host === undefined) continue;
      const name = `web-${index}`;
      const createdAt = this.now;
      this.instances.push(
        instance(name, {
          index,
          host,
          templateHash,
          createdAt,
          serviceUid: this.goal.uid,
          phase: 'pending',
          healthy: false,
        }),
      );
      this.created++;
    }
    return result;
  }

  decide(): Reconciliation {
    const instances = this.instances.map((i) =>
      this.unfit.has(i.host) ? { ...i, misplaced: `host ${i.host} does not meet the constraints` } : i,
    );
    const goal = this.placeable === undefined ? this.goal : { ...this.goal, placeable: this.placeable };
    return reconcileService(goal, instances, this.hosts as HostStates, this.now);
  }

  /** The agents of hosts that are heard from go one step on with the instances that `touches` selects. */
  step(touches: (n: number) => boolean): void {
    this.now += 1000;
    this.instances = this.instances.map((i, n) => (this.isReady(i) && touches(n) ? this.advance(i) : i));
  }

  fail(n: number): void {
    const at = n % Math.max(1, this.instances.length);
    this.instances = this.instances.map((i, k) =>
      k === at && i.phase !== 'stopped'
        ? { ...i, phase: i.desired === 'stop' ? 'stopped' : 'backoff', healthy: false }
        : i,
    );
  }

  private advance(i: Instance): Instance {
    if (i.desired === 'stop') return { ...i, phase: i.phase === 'stopping' ? 'stopped' : 'stopping', healthy: false };
    if (i.phase !== 'running') return { ...i, phase: i.phase === 'starting' ? 'running' : 'starting', healthy: false };
    return { ...i, healthy: !this.broken.has(i.templateHash) };
  }

  private isLost(i: Instance): boolean {
    const state = this.hosts.get(i.host)?.state;
    return state === 'lost' || state === 'removed';
  }

  private isReady(i: Instance): boolean {
    return this.hosts.get(i.host)?.state === 'ready';
  }
}
