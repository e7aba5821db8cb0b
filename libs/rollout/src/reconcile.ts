import { chooseVictims } from '@heddle/placement';
import { byName, classify, isOfTemplate, partition, stateOf, type HostStates, type Seen } from './classify';
import { isAvailable, maximumOf, minimumOf, type Instance, type ServiceGoal } from './instance';
import type { StartInstance, StopInstance, StopReason } from './actions';
import { summarize, type ServiceSummary } from './summary';

/** What to do now. */
export interface Reconciliation {
  readonly start: readonly StartInstance[];
  readonly stop: readonly StopInstance[];
  /** Names of allocations whose hosts have confirmed that they stopped, or were removed: the objects can go. */
  readonly remove: readonly string[];
  /** As things are before `start` and `stop` are carried out. */
  readonly summary: ServiceSummary;
}

/**
 * Compares a service with its instances and says what to start and what to stop. Level-triggered: it keeps no state, may
 * be called at any time, and asks for nothing more once its answer was carried out, until something else changes.
 *
 * Promises, about its own actions:
 * - An available instance is stopped only if `replicas - maxUnavailable` available ones remain (unless the service is gone).
 * - An instance is started only if no more than `replicas + maxSurge` are then there, counting those that are stopping
 *   and have not stopped, not counting those on lost hosts.
 * - A failed instance stays with its host, which restarts it; only the loss of the host moves it, and constraints that the
 *   host does not meet (any more). Such a misplaced one is stopped only as far as another can take its place.
 * - A lost instance gets its tombstone when enough others are available to do without it: it stops when its host returns,
 *   and its replacement is kept. If its host returns earlier there is one too many, and what is missed least goes: what
 *   does not run, then what is not healthy. If all are healthy when they are first looked at together, the youngest on
 *   the host that has most of them goes, **so it may be the replacement**.
 *
 * @param now ms since the epoch; for messages.
 */
export function reconcileService(
  goal: ServiceGoal,
  instances: readonly Instance[],
  hosts: HostStates,
  now: number,
): Reconciliation {
  const seen = classify(goal, instances, hosts);
  const stop = goal.deleted ? stopAll(goal, seen) : stopSome(goal, seen, hosts, now);
  const start = goal.deleted ? [] : startMissing(goal, seen, instances);
  return { start, stop, remove: seen.gone.map((i) => i.name), summary: summarize(goal, seen, start, stop) };
}

function stopAll(goal: ServiceGoal, { running, foreign }: Seen): StopInstance[] {
  return [...running, ...foreign]
    .sort(byName)
    .map((i) => tombstone(i, 'service-deleted', `service ${goal.path} was deleted`));
}

function stopSome(goal: ServiceGoal, seen: Seen, hosts: HostStates, now: number): StopInstance[] {
  const earlier = `it belongs to an earlier service ${goal.path}, which was deleted`;
  return [
    ...seen.foreign.map((i) => tombstone(i, 'service-recreated', earlier)),
    ...stopLost(goal, seen, hosts, now),
    ...stopLive(goal, seen, hosts),
  ];
}

/** Lost instances that are not needed any more: outdated ones first, then those lost for longest. */
function stopLost(goal: ServiceGoal, { lost, available }: Seen, hosts: HostStates, now: number): StopInstance[] {
  const since = (i: Instance): number => hosts.get(i.host)?.since ?? now;
  const isCurrent = (i: Instance): number => (isOfTemplate(goal, i) ? 1 : 0);
  const kept = Math.max(0, goal.replicas - available);
  return [...lost]
    .sort((a, b) => isCurrent(a) - isCurrent(b) || since(a) - since(b) || byName(a, b))
    .slice(0, Math.max(0, lost.length - kept))
    .map((i) => {
      const seconds = Math.round((now - since(i)) / 1000);
      return tombstone(
        i,
        'host-lost',
        `host ${i.host} is lost for ${seconds} s, and enough healthy instances run elsewhere`,
      );
    });
}

/**
 * Surplus instances, and outdated ones as far as enough available ones remain. Misplaced ones work where they are: as many
 * stay as nothing can take the place of.
 */
function stopLive(goal: ServiceGoal, seen: Seen, hosts: HostStates): StopInstance[] {
  const surplus = new Set(surplusOf(goal, seen, hosts));
  const left = new Set(seen.live.filter((i) => !surplus.has(i)));
  const available = [...left].filter(isAvailable).length;
  const unproven = seen.current.filter((i) => left.has(i) && !isAvailable(i)).length;
  const minimum = minimumOf(goal);

  // Outdated instances that do not work are missed by nobody, but they may recover: as many stay as would be needed if
  // they did and the new ones did not. (The bound of Kubernetes' Deployment controller.)
  const [misplaced, older] = partition(seen.outdated, (i) => i.misplaced !== undefined);
  const replaceable = left.size + (goal.placeable ?? goal.replicas) - goal.replicas;
  const [working, broken] = partition([...older, ...victimsAmong(misplaced, replaceable, hosts)], isAvailable);
  const outdated = [
    ...victimsAmong(broken, left.size - unproven - minimum, hosts),
    ...victimsAmong(working, available - minimum, hosts),
  ];
  return [
    ...[...surplus].map((i) =>
      tombstone(i, 'surplus', `there are more than the ${goal.replicas} wanted of ${goal.path}`),
    ),
    ...outdated.map((i) =>
      i.misplaced !== undefined && isOfTemplate(goal, i)
        ? tombstone(i, 'misplaced', i.misplaced)
        : tombstone(i, 'outdated', `it is of an older template than ${goal.templateHash}`),
    ),
  ];
}

/**
 * Instances of the wanted template beyond the wanted number. What is missed least goes first, so an available one goes
 * only if those that remain are available too.
 *
 * A silent host says nothing about which of two duplicates is the better one: surplus is counted among the hosts that are
 * heard from, and again when the silent ones have come back or are lost. Only if the silent ones alone are too many is
 * there no question.
 */
function surplusOf({ replicas }: ServiceGoal, { current }: Seen, hosts: HostStates): Instance[] {
  const [heard, silent] = partition(current, (i) => stateOf(hosts, i) === 'ready');
  return [heard, silent].flatMap((group) => victimsAmong(group, group.length - replicas, hosts));
}

/** New instances for those that are missing, as far as there may be more. */
function startMissing(goal: ServiceGoal, seen: Seen, instances: readonly Instance[]): StartInstance[] {
  const missing = goal.replicas - seen.current.length;
  const room = maximumOf(goal) - seen.started;
  const indexes = freeIndexes(instances, Math.max(0, Math.min(missing, room)));
  const [misplaced, older] = partition(seen.outdated, (i) => isOfTemplate(goal, i));
  const reasons = [
    ...seen.lost.map(() => 'host-lost' as const),
    ...older.map(() => 'outdated' as const),
    ...misplaced.map(() => 'misplaced' as const),
  ];
  return indexes.map((index, i) => ({ index, templateHash: goal.templateHash, reason: reasons[i] ?? 'missing' }));
}

/** The lowest indexes that no allocation has; one that is stopping or about to be removed has its index still. */
function freeIndexes(instances: readonly Instance[], count: number): number[] {
  const taken = new Set(instances.map((i) => i.index));
  const free: number[] = [];
  for (let index = 0; free.length < count; index++) if (!taken.has(index)) free.push(index);
  return free;
}

function victimsAmong(candidates: readonly Instance[], count: number, hosts: HostStates): Instance[] {
  if (count <= 0) return [];
  const wrapped = candidates.map((instance) => ({ ...instance, running: instance.phase === 'running', instance }));
  return chooseVictims(wrapped, count, hosts).map((victim) => victim.instance);
}

const tombstone = ({ name }: Instance, reason: StopReason, message: string): StopInstance => ({
  allocation: name,
  reason,
  message,
});
