import type { HostState, Request } from './board';

export type ScorerName = 'reliability' | 'hostSpread' | 'zoneSpread' | 'leastAllocated';

/** The scores of a host, each 0 (worst) to 1 (best). */
export type Scores = Readonly<Record<ScorerName, number>>;

/** One preference among the hosts that can take an instance. */
export interface Scorer {
  readonly name: ScorerName;
  /** 0 (worst) to 1 (best), as the host would be judged with the instance on it. */
  score(host: HostState, request: Request): number;
}

/** From this number of failures on, a host comes after all the others (the number of Docker's SwarmKit). */
export const FAILURE_LIMIT = 5;

/** Hosts where the service keeps failing come last; a failure now and then does not disturb the spread. */
const reliability: Scorer = {
  name: 'reliability',
  score: (host, { service }) => {
    const failures = service.failures[host.number] ?? 0;
    return failures < FAILURE_LIMIT ? 1 : 1 / (2 + failures - FAILURE_LIMIT);
  },
};

/** Fewest instances of the service on the host. */
const hostSpread: Scorer = {
  name: 'hostSpread',
  score: (host, { service }) => 1 / (1 + (service.onHost[host.number] ?? 0)),
};

/** Fewest instances of the service in the zone. */
const zoneSpread: Scorer = {
  name: 'zoneSpread',
  score: (host, { service }) => 1 / (1 + (service.inZone[host.zone] ?? 0)),
};

/** The mean of the parts of CPU and memory that would stay free. */
const leastAllocated: Scorer = {
  name: 'leastAllocated',
  score: (host, request) =>
    (part(host.freeCpu - request.cpu, host.cpu) + part(host.freeMemory - request.memory, host.memory)) / 2,
};

const part = (free: number, all: number): number => (all > 0 ? Math.min(1, Math.max(0, free / all)) : 0);

/**
 * All scorers, the weightiest first: a later one decides only between hosts that are equal in all before it. An order
 * rather than weights keeps the promises simple: the next instance goes to a host with room that has fewest of the service,
 * among those where it does not keep failing.
 */
export const SCORERS: readonly Scorer[] = [reliability, hostSpread, zoneSpread, leastAllocated];

export function scoresOf(host: HostState, request: Request): Scores {
  return Object.fromEntries(SCORERS.map((s) => [s.name, s.score(host, request)])) as Record<ScorerName, number>;
}
