import type { Clock } from '@heddle/host';
import type { AnyObject, DistributedEncapsulation, EventFact, FabricPlan, FabricState, FabricStatus } from '@heddle/model'; // prettier-ignore
import type { Log } from '@heddle/service';

/** What is known, or why it is not: on less than all of it nothing is decided, because what is not known is not missing. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** What is wanted, at one moment. */
export interface Wanted {
  /** Desired state by key, up to `position` of the log. */
  readonly objects: ReadonlyMap<string, AnyObject>;
  readonly position: number;
  /** By the path of the EPG, worked out from the log up to `encapsulationPosition`. */
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
  readonly encapsulationPosition: number;
  /** Another number where objects or encapsulations are others; the position moves without that, too. */
  readonly version: number;
}

/** What every driver stands on. */
export interface DriverParts {
  readonly fabric: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly emit: (fact: EventFact) => void;
}

/** What drivers of controllers tell besides. */
export interface ControllerParts extends DriverParts {
  /** Objects and VLANs up to this position of the log are in force, and nothing else of ours. */
  readonly onInForce: (position: number) => void;
}

/** Brings one Fabric to its desired state and tells what is in force. */
export interface FabricDriver {
  /** What it works from has changed. */
  changed(): void;
  status(): FabricStatus;
  /** @throws HeddleError `refused` where nothing is sent to anybody */
  plan(): Promise<FabricPlan>;
  /** @throws HeddleError `conflict` when something else waits, or nothing */
  confirm(digest: string): Promise<FabricStatus>;
  stop(): Promise<void>;
}

/** What a person should hear of, and then that it is over. Every change of anything passes through `changing`. */
const TROUBLES: ReadonlySet<FabricState> = new Set(['unreachable', 'refused', 'waiting']);

/**
 * Remembers since when a Fabric is in its state. A new one is logged; told is that a Fabric came into trouble, and that it is in
 * force after that, or for the first time.
 */
export class StateTracker {
  private current: { readonly state: FabricState; readonly since: string } | undefined;
  private told: FabricState | undefined;

  constructor(
    private readonly parts: Pick<DriverParts, 'fabric' | 'clock' | 'emit'> & {
      readonly log: Pick<Log, 'debug' | 'info' | 'warn'>;
    },
  ) {}

  /** @returns since when, ISO 8601 */
  note(state: FabricState, message: string): string {
    if (this.current?.state === state) return this.current.since;
    const { fabric, clock, log, emit } = this.parts;
    const since = new Date(clock.now()).toISOString();
    const before = this.current;
    this.current = { state, since };
    const trouble = TROUBLES.has(state);
    const isNews = (trouble || state === 'in-force') && state !== this.told;
    log[isNews ? (trouble ? 'warn' : 'info') : 'debug']({ fabric, from: before?.state, to: state }, message);
    if (!isNews) return since;
    this.told = state;
    emit({ at: since, kind: 'Fabric', tenant: '', name: fabric, what: state, message });
    return since;
  }
}
