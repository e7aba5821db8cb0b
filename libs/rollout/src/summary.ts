import { isOfTemplate, type Seen } from './classify';
import { isAvailable, maximumOf, minimumOf, type Instance, type ServiceGoal } from './instance';
import type { StartInstance, StopInstance } from './actions';

/** Where a service stands, for status pages; before `start` and `stop` are carried out. */
export interface ServiceSummary {
  readonly replicas: number;
  /** Of the wanted template. */
  readonly current: number;
  /** To be replaced: of another template, or misplaced. */
  readonly outdated: number;
  /** Running and healthy, of whichever template. */
  readonly available: number;
  /** On hosts that were given up; in none of the other counts. */
  readonly lost: number;
  /** Have a tombstone and have not stopped. */
  readonly stopping: number;
  /** Everything is as wanted, and nothing is left to do or to wait for. */
  readonly complete: boolean;
  /** What the next steps wait for, in sentences. */
  readonly waiting: readonly string[];
}

/** Puts what was seen and decided into counts and sentences. */
export function summarize(
  goal: ServiceGoal,
  seen: Seen,
  start: readonly StartInstance[],
  stop: readonly StopInstance[],
): ServiceSummary {
  const replicas = goal.deleted ? 0 : goal.replicas;
  const waiting = waitingFor(goal, replicas, seen, start, stop);
  const idle = start.length === 0 && stop.length === 0 && seen.gone.length === 0 && waiting.length === 0;
  return {
    replicas,
    current: seen.current.length,
    outdated: seen.outdated.length,
    available: seen.available,
    lost: seen.lost.length,
    stopping: seen.stopping.length,
    complete: idle && seen.current.length === replicas,
    waiting,
  };
}

function waitingFor(
  goal: ServiceGoal,
  replicas: number,
  { current, outdated, lost, stopping, started, available }: Seen,
  start: readonly StartInstance[],
  stop: readonly StopInstance[],
): string[] {
  const { maxSurge, maxUnavailable } = goal.update;
  const stops = new Set(stop.map((s) => s.allocation));
  const stays = (i: { readonly name: string }): boolean => !stops.has(i.name);
  const isMisplaced = (i: Instance): boolean => i.misplaced !== undefined && isOfTemplate(goal, i);
  const most = `at most ${maximumOf(goal)} may be (replicas ${replicas} + maxSurge ${maxSurge})`;
  const fewest = `at least ${minimumOf(goal)} must be (replicas ${replicas} - maxUnavailable ${maxUnavailable})`;

  const sentences: [number, (n: string, one: boolean) => string][] = [
    [replicas - current.length - start.length, (n) => `${n} cannot start yet: ${started} are there, and ${most}`],
    [outdated.filter((i) => stays(i) && !isMisplaced(i)).length, (n) => `${n} of an older template cannot stop yet: ${available} are available, and ${fewest}`],
    [outdated.filter((i) => stays(i) && isMisplaced(i)).length, (n, one) => `${n} ${one ? 'is on a host that does' : 'are on hosts that do'} not meet the constraints, and ${one ? 'is' : 'are'} not replaced yet: ${available} are available, and ${fewest}`],
    [current.filter(stays).length - replicas, (n) => `${n} too many, to be stopped when the silent hosts are heard from or lost`],
    [current.filter((i) => stays(i) && !isAvailable(i)).length, (n, one) => `${n} of the wanted template ${one ? 'is' : 'are'} not healthy`],
    [lost.filter(stays).length, (n, one) => `${n} ${one ? 'is' : 'are'} on a lost host, and not yet replaced`],
    [stopping.length, (n, one) => `${n} ${one ? 'has' : 'have'} not stopped yet`],
  ]; // prettier-ignore
  return sentences
    .filter(([n]) => n > 0)
    .map(([n, sentence]) => sentence(n === 1 ? '1 instance' : `${n} instances`, n === 1));
}
