import { HeddleError, type DistributedEndpoint, type ResolvedEntry } from '@heddle/model';
import type { Switch } from '@heddle/ovs';
import {
  computeFlows,
  diffFlows,
  isOurs,
  placeEndpoints,
  type DatapathSnapshot,
  type Flow,
  type LocalEndpoint,
} from '@heddle/pipeline';

/** What the flows are computed from, as the agent knows it. */
export interface DatapathInputs {
  readonly policyPosition: number;
  readonly resolved: ReadonlyMap<string, ResolvedEntry>;
  readonly endpoints: ReadonlyMap<string, DistributedEndpoint>;
  readonly local: readonly LocalEndpoint[];
  readonly ports: DatapathSnapshot['ports'];
}

export interface DatapathState {
  /** Position of the policy that is on the switch. */
  readonly policyPosition: number;
  readonly flows: number;
  /** Ids of endpoints that have their flows. */
  readonly inForce: ReadonlySet<string>;
  /** Why the switch does not show what it should; undefined when it does. */
  readonly problem?: string;
}

interface Waiter {
  readonly met: (state: DatapathState) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** How long after a failure the next attempt is made, milliseconds. */
const RETRY_MS = 500;

/**
 * Keeps the flows of one bridge equal to what its inputs ask for. Changes are computed as a difference and applied in one
 * atomic bundle; after every (re)connection to the switch the difference is taken against what is really there. One apply
 * at a time: inputs that change meanwhile are taken together in the next.
 */
export class Datapath {
  private inputs: DatapathInputs | undefined;
  /** What is known to be on the switch; undefined after a connection was lost, until it has been read back. */
  private applied: readonly Flow[] | undefined;
  private state: DatapathState = { policyPosition: 0, flows: 0, inForce: new Set() };
  private running: Promise<void> | undefined;
  private again = false;
  private retry: NodeJS.Timeout | undefined;
  private closed = false;
  private readonly waiters = new Set<Waiter>();

  constructor(
    private readonly bridge: Switch,
    private readonly options: {
      readonly host: string;
      readonly onState: (state: DatapathState) => void;
      readonly onError: (error: HeddleError) => void;
    },
  ) {}

  get current(): DatapathState {
    return this.state;
  }

  update(inputs: DatapathInputs): void {
    this.inputs = inputs;
    this.kick();
  }

  /** The switch was away, or its flows may have changed without us: read back before the next change. */
  resynchronise(): void {
    this.applied = undefined;
    this.kick();
  }

  /** Resolves when the switch shows a state that meets the condition. @throws HeddleError `deadline` */
  whenState(met: (state: DatapathState) => boolean, what: string, deadlineMs: number): Promise<void> {
    if (met(this.state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(
          new HeddleError(
            'deadline',
            `${what} within ${deadlineMs} ms${this.state.problem ? `: ${this.state.problem}` : ''}`,
          ),
        );
      }, deadlineMs);
      const waiter: Waiter = { met, resolve, reject, timer };
      this.waiters.add(waiter);
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.retry);
    for (const { timer, reject } of this.waiters) {
      clearTimeout(timer);
      reject(new HeddleError('unavailable', 'the agent is stopping'));
    }
    this.waiters.clear();
    await this.running;
  }

  private kick(): void {
    if (this.closed || !this.inputs) return;
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.retry);
    this.running = this.run().finally(() => {
      this.running = undefined;
      if (this.again) {
        this.again = false;
        this.kick();
      }
    });
  }

  private async run(): Promise<void> {
    const inputs = this.inputs;
    if (!inputs) return;
    try {
      const snapshot = snapshotOf(this.options.host, inputs);
      const desired = computeFlows(snapshot);
      const actual = this.applied ?? (await this.bridge.dump());
      const change = diffFlows(actual, desired, (flow) => isOurs(flow.cookie));
      if (change.add.length + change.modify.length + change.remove.length > 0) await this.bridge.apply(change);
      this.applied = desired;
      const { local } = placeEndpoints(snapshot);
      this.publish({
        policyPosition: inputs.policyPosition,
        flows: desired.length,
        inForce: new Set(local.map((e) => e.id)),
      });
    } catch (error) {
      // What the switch shows now is unknown: the next attempt reads it back.
      this.applied = undefined;
      const problem = HeddleError.from(error);
      this.publish({ ...this.state, problem: `the flows could not be written: ${problem.message}` });
      this.options.onError(problem);
      if (!this.closed) this.retry = setTimeout(() => this.kick(), RETRY_MS);
    }
  }

  private publish(state: DatapathState): void {
    this.state = state;
    this.options.onState(state);
    for (const waiter of this.waiters) {
      if (!waiter.met(state)) continue;
      clearTimeout(waiter.timer);
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** What is attached here is local, whatever others say of it; of the rest, only what lives on another host is remote. */
function snapshotOf(host: string, inputs: DatapathInputs): DatapathSnapshot {
  return {
    resolved: inputs.resolved,
    local: inputs.local,
    remote: [...inputs.endpoints.values()].filter((e) => e.host !== host),
    ports: inputs.ports,
  };
}
