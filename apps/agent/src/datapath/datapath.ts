import { HeddleError } from '@heddle/model';
import { systemClock, type Clock, type Timer } from '@heddle/host';
import type { Switch } from '@heddle/ovs';
import {
  computeFlows,
  diffFlows,
  formatFlow,
  isEmptyChange,
  isOurs,
  placeEndpoints,
  SIGHTING_METER,
  type DatapathSnapshot,
  type Flow,
} from '@heddle/pipeline';

/** What the flows are computed from, as the agent knows it. */
export interface DatapathInputs extends DatapathSnapshot {
  /** Position of what they are computed from. */
  readonly policyPosition: number;
}

export interface DatapathState {
  /** Position of the policy that is on the switch. */
  readonly policyPosition: number;
  readonly flows: number;
  /** Ids of endpoints that have their flows, with the OpenFlow port that these are for. */
  readonly inForce: ReadonlyMap<string, number>;
  /** Why the switch does not show what it should; undefined when it does. */
  readonly problem?: string;
}

export interface DatapathOptions {
  readonly onState: (state: DatapathState) => void;
  /** Called when a change failed for another reason than the one before. */
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'after'>;
}

interface Waiter {
  readonly met: (state: DatapathState) => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
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
  /** Counts the times that `applied` became doubtful: what an apply finds out about an earlier time is not believed. */
  private doubts = 0;
  private state: DatapathState = {
    policyPosition: 0,
    flows: 0,
    inForce: new Map(),
    problem: 'the flows were not compared with the switch yet; those of an earlier run are in force',
  };
  private running: Promise<void> | undefined;
  private again = false;
  private retry: Timer | undefined;
  private lastError: string | undefined;
  private closed = false;
  private readonly clock: Pick<Clock, 'after'>;
  private readonly waiters = new Set<Waiter>();
  private readonly subscriptions: readonly (() => void)[];

  constructor(
    private readonly bridge: Switch,
    private readonly options: DatapathOptions,
  ) {
    this.clock = options.clock ?? systemClock;
    this.subscriptions = [
      bridge.onDisconnected((reason) => this.lost(reason)),
      bridge.onConnected(() => this.resynchronise()),
    ];
  }

  get current(): DatapathState {
    return this.state;
  }

  update(inputs: DatapathInputs): void {
    this.inputs = inputs;
    this.kick();
  }

  /** The flows may have changed without us: they are read back and put right. */
  resynchronise(): void {
    this.applied = undefined;
    this.doubts += 1;
    this.kick();
  }

  /** Resolves when the switch shows a state that meets the condition. @throws HeddleError `deadline` */
  whenState(met: (state: DatapathState) => boolean, what: string, deadlineMs: number): Promise<void> {
    if (met(this.state)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(deadlineMs, () => {
        this.waiters.delete(waiter);
        const why = this.state.problem ? `: ${this.state.problem}` : '';
        reject(new HeddleError('deadline', `${what} within ${deadlineMs} ms${why}`));
      });
      const waiter: Waiter = { met, resolve, reject, timer };
      this.waiters.add(waiter);
    });
  }

  /** Stops; what is on the switch stays there. */
  async close(): Promise<void> {
    this.closed = true;
    for (const unsubscribe of this.subscriptions) unsubscribe();
    this.retry?.cancel();
    for (const { timer, reject } of this.waiters) {
      timer.cancel();
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
    this.retry?.cancel();
    this.running = this.run(this.inputs).finally(() => {
      this.running = undefined;
      if (!this.again) return;
      this.again = false;
      this.kick();
    });
  }

  private async run(inputs: DatapathInputs): Promise<void> {
    const { doubts } = this;
    try {
      const actual = this.applied ?? (await this.bridge.dump());
      // Known once it has answered; one that came back may have another datapath, without meters.
      const sightings = this.bridge.meters.has(SIGHTING_METER.id);
      const desired = computeFlows({ ...inputs, sightings });
      const change = diffFlows(actual, desired, (flow) => isOurs(flow.cookie));
      if (!isEmptyChange(change)) await this.bridge.apply(change);
      const [taken] = change.conflicts;
      if (taken) throw takenError(taken.actual, change.conflicts.length);
      // The switch may have lost its flows meanwhile: the next run, which was asked for then, reads them back.
      if (doubts !== this.doubts) return;
      this.applied = desired;
      this.lastError = undefined;
      this.publish({
        policyPosition: inputs.policyPosition,
        flows: desired.length,
        inForce: new Map(placeEndpoints(inputs).local.map((e) => [e.id, e.port])),
      });
    } catch (error) {
      this.failed(HeddleError.from(error));
    }
  }

  private lost(reason: Error): void {
    this.applied = undefined;
    this.doubts += 1;
    this.publish({
      ...this.state,
      problem: `the switch is away (${reason.message}): nothing new passes until it is back with its flows`,
    });
  }

  private failed(error: HeddleError): void {
    // What the switch shows now is unknown: the next attempt reads it back.
    this.applied = undefined;
    if (this.closed) return;
    this.publish({ ...this.state, problem: `the flows could not be written: ${error.message}` });
    if (error.message !== this.lastError) this.options.onError(error);
    this.lastError = error.message;
    // When the switch is away its return is what starts the next attempt.
    if (this.bridge.connected) this.retry = this.clock.after(RETRY_MS, () => this.kick());
  }

  private publish(state: DatapathState): void {
    this.state = state;
    this.options.onState(state);
    for (const waiter of this.waiters) {
      if (!waiter.met(state)) continue;
      waiter.timer.cancel();
      this.waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

const takenError = (flow: Flow, count: number): HeddleError =>
  new HeddleError(
    'conflict',
    `another program's flow is in the place of one of ours (${formatFlow(flow)})${count > 1 ? `, and ${count - 1} more` : ''}; remove it: ovs-ofctl --strict del-flows`,
  );
