/** What is known of a host's life: heard from, silent for a while, given up, or taken out by an operator for good. */
export type Liveness = 'ready' | 'suspect' | 'lost' | 'removed';

/** An instance that may be stopped. */
export interface VictimCandidate {
  readonly name: string;
  readonly host: string;
  readonly running: boolean;
  readonly healthy: boolean;
  /** Any measure of age that grows with time: ms since the epoch, or a position in the log. */
  readonly createdAt: number;
}

/**
 * Chooses the instances to stop when there are too many, the first to go first: those on lost, then on silent hosts; not
 * running before running; unhealthy before healthy; then one after the other from the host that has most of those left,
 * youngest first, by name at last. An unknown host counts as silent.
 */
export function chooseVictims<C extends VictimCandidate>(
  candidates: readonly C[],
  count: number,
  hosts: ReadonlyMap<string, { readonly state: Liveness }>,
): C[] {
  const left = new Map<string, number>();
  for (const { host } of candidates) left.set(host, (left.get(host) ?? 0) + 1);
  const victims: C[] = [];
  for (const tier of tiers(candidates, hosts)) {
    const queues = queuesByHost(tier);
    while (queues.size > 0 && victims.length < count) {
      const [host, queue] = fullest(queues, left);
      victims.push(queue.shift() as C);
      if (queue.length === 0) queues.delete(host);
      left.set(host, (left.get(host) ?? 0) - 1);
    }
  }
  return victims;
}

const LIVENESS_RANK: Readonly<Record<Liveness, number>> = { removed: 0, lost: 0, suspect: 1, ready: 2 };

/** Groups the candidates by how little would be missed, least first. */
function tiers<C extends VictimCandidate>(
  candidates: readonly C[],
  hosts: ReadonlyMap<string, { readonly state: Liveness }>,
): C[][] {
  const groups: C[][] = [];
  for (const candidate of candidates) {
    const liveness = LIVENESS_RANK[hosts.get(candidate.host)?.state ?? 'suspect'];
    const rank = liveness * 4 + (candidate.running ? 2 : 0) + (candidate.healthy ? 1 : 0);
    (groups[rank] ??= []).push(candidate);
  }
  return groups.filter((group) => group !== undefined);
}

/** The candidates of each host, youngest first. */
function queuesByHost<C extends VictimCandidate>(tier: readonly C[]): Map<string, C[]> {
  const queues = new Map<string, C[]>();
  const sorted = [...tier].sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? 1 : -1));
  for (const candidate of sorted) {
    const queue = queues.get(candidate.host);
    if (queue) queue.push(candidate);
    else queues.set(candidate.host, [candidate]);
  }
  return queues;
}

/** The host with most instances left; among equals the one whose next victim is youngest, then has the higher name. */
function fullest<C extends VictimCandidate>(
  queues: ReadonlyMap<string, C[]>,
  left: ReadonlyMap<string, number>,
): [string, C[]] {
  let best: [string, C[]] | undefined;
  let most = 0;
  for (const entry of queues) {
    const count = left.get(entry[0]) ?? 0;
    if (!best || count > most || (count === most && isYounger(entry[1][0] as C, best[1][0] as C))) {
      best = entry;
      most = count;
    }
  }
  return best as [string, C[]];
}

const isYounger = (a: VictimCandidate, b: VictimCandidate): boolean =>
  a.createdAt === b.createdAt ? a.name > b.name : a.createdAt > b.createdAt;
