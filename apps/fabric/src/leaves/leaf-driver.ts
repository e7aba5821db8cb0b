import {
  HeddleError,
  type FabricLeaf,
  type FabricPlan,
  type FabricState,
  type FabricStatus,
  type HostView,
} from '@heddle/model';
import { StateTracker, type DriverParts, type FabricDriver, type Known } from '../driver';

/** The hosts, and the position of the log that they are to follow. */
export interface HostsNow {
  readonly position: number;
  /** By name. */
  readonly hosts: ReadonlyMap<string, HostView>;
}

export interface LeafDriverParts extends DriverParts {
  readonly hosts: () => Known<HostsNow>;
}

/**
 * A Fabric of leaves that Heddle programs itself: their agents follow the policy like those of all hosts, so there is nothing to
 * send, only to tell how far they are.
 */
export class LeafDriver implements FabricDriver {
  private readonly tracker: StateTracker;

  constructor(private readonly parts: LeafDriverParts) {
    this.tracker = new StateTracker(parts);
  }

  changed(): void {
    this.status();
  }

  status(): FabricStatus {
    const { fabric } = this.parts;
    const { state, position, leaves, problems } = leafState(this.parts.hosts());
    const behind = leaves.filter((leaf) => !leaf.inForce);
    const since = this.tracker.note(
      state,
      problems[0] ?? `policy is in force on ${leaves.length} ${leaves.length === 1 ? 'leaf' : 'leaves'}`,
    );
    return {
      fabric,
      driver: 'ovs-leaf',
      state,
      since,
      position,
      missing: behind.length,
      leaves,
      conflicts: [],
      problems,
    };
  }

  async plan(): Promise<FabricPlan> {
    throw new HeddleError('refused', `nothing is sent to the leaves of ${this.parts.fabric}: their agents follow the policy by themselves; "heddle plan" shows what a change does`); // prettier-ignore
  }

  async confirm(): Promise<FabricStatus> {
    throw new HeddleError('conflict', `nothing of ${this.parts.fabric} waits for a person`);
  }

  async stop(): Promise<void> {
    // It has nothing but what it is given.
  }
}

interface LeafState {
  readonly state: FabricState;
  readonly position: number;
  readonly leaves: readonly FabricLeaf[];
  readonly problems: readonly string[];
}

/** How far the leaves are. Pure. */
export function leafState(known: Known<HostsNow>): LeafState {
  if ('unknown' in known) return { state: 'changing', position: 0, leaves: [], problems: [known.unknown] };
  const { position } = known.value;
  const leaves = leavesOf(known.value);
  if (leaves.length === 0)
    return { state: 'unreachable', position, leaves, problems: ['no host of role leaf has joined, so nothing is enforced there'] }; // prettier-ignore
  const behind = leaves.filter((leaf) => !leaf.inForce);
  const state = behind.length === 0 ? 'in-force' : behind.every((leaf) => leaf.state === 'lost') ? 'unreachable' : 'changing'; // prettier-ignore
  const problems = behind.map(({ name, state, policyPosition }) =>
    state === 'lost'
      ? `leaf ${name} is lost; it goes on with the policy of position ${policyPosition}`
      : `leaf ${name} has the policy of position ${policyPosition}, not of ${position} yet`,
  );
  return { state, position, leaves, problems };
}

const leavesOf = ({ hosts, position }: HostsNow): FabricLeaf[] =>
  [...hosts.values()]
    .filter(({ spec }) => spec.role === 'leaf')
    .map(({ name, state, policyPosition }) => ({
      name,
      state,
      policyPosition,
      inForce: state !== 'lost' && policyPosition >= position,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
