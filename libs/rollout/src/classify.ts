import type { Liveness } from '@heddle/placement';
import { isAvailable, type Instance, type ServiceGoal } from './instance';

/**
 * What is known of the hosts, as `hostLiveness` computes it; `removed` for one whose object an operator deleted. A host
 * that is not in it counts as suspect: absence decides nothing.
 */
export type HostStates = ReadonlyMap<string, { readonly state: Liveness; readonly since: number }>;

/** The instances of a service, in the order of their names, by what they are to this goal. */
export interface Seen {
  /** Desired to run, for this service, wherever they are: `lost` and `live` together. */
  readonly running: readonly Instance[];
  /** On hosts that were given up. */
  readonly lost: readonly Instance[];
  /** On all other hosts: `current` and `outdated` together. */
  readonly live: readonly Instance[];
  readonly current: readonly Instance[];
  /** To be replaced: of another template, or misplaced. */
  readonly outdated: readonly Instance[];
  /** Desired to run, made for an earlier service of the name. */
  readonly foreign: readonly Instance[];
  /** Have a tombstone that the host has not confirmed; on lost hosts apart. */
  readonly stopping: readonly Instance[];
  /** Will not run again: the host has confirmed the tombstone, or was removed. In none of the other lists. */
  readonly gone: readonly Instance[];
  /** Number of instances that take room: all that were started and have not stopped, lost hosts apart. */
  readonly started: number;
  readonly available: number;
}

/** Sorts the instances into those lists. */
export function classify(goal: ServiceGoal, instances: readonly Instance[], hosts: HostStates): Seen {
  const isLost = (i: Instance): boolean => stateOf(hosts, i) === 'lost';
  const isGone = (i: Instance): boolean =>
    stateOf(hosts, i) === 'removed' || (i.desired === 'stop' && i.phase === 'stopped');
  const [gone, there] = partition([...instances].sort(byName), isGone);
  const [wanted, tombstoned] = partition(there, (i) => i.desired === 'run');
  const [running, foreign] = partition(wanted, (i) => i.serviceUid === goal.uid);
  const [lost, live] = partition(running, isLost);
  const [current, outdated] = partition(live, (i) => isOfTemplate(goal, i) && i.misplaced === undefined);
  const stopping = tombstoned.filter((i) => !isLost(i));
  return {
    running,
    lost,
    live,
    current,
    outdated,
    foreign,
    stopping,
    gone,
    started: live.length + stopping.length + foreign.filter((i) => !isLost(i)).length,
    available: live.filter(isAvailable).length,
  };
}

export const isOfTemplate = (goal: ServiceGoal, i: Instance): boolean => i.templateHash === goal.templateHash;

export const stateOf = (hosts: HostStates, { host }: Instance): Liveness => hosts.get(host)?.state ?? 'suspect';

export const byName = (a: Instance, b: Instance): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Those that pass the test, and those that do not. */
export function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
}
