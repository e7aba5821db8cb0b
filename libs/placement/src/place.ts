import { Board, type HostState, type Request } from './board';
import { explainRefusal, type FirstRefused } from './explain';
import { FILTERS, firstRefusal, type Refusals, type RefusalReason } from './filters';
import { SCORERS, type ScorerName, type Scores } from './scorers';
import type { Demand, Snapshot, SnapshotHost } from './snapshot';

/** Where an instance goes, or why it goes nowhere. */
export type Placement<D extends Demand = Demand> = Placed<D> | Refused<D>;

export interface Placed<D extends Demand = Demand> {
  readonly demand: D;
  readonly host: string;
  readonly scores: Scores;
  /** Hosts that were ruled out. */
  readonly refused: Refusals;
}

export interface Refused<D extends Demand = Demand> {
  readonly demand: D;
  readonly host: undefined;
  /** Adds up to the number of hosts. */
  readonly refused: Refusals;
  /** The refusals as a sentence. */
  readonly reason: string;
}

/**
 * Places instances one after the other, each seeing what the ones before it took. The result has one entry for each
 * demand, in their order. Deterministic: equal hosts are told apart by name, whatever their order in the snapshot.
 *
 * Work: demands x hosts that pass the filters which cannot change; those are asked once for each pair of constraints and
 * domain.
 *
 * @throws HeddleError `invalid` when two hosts of the snapshot have one name.
 */
export function place<D extends Demand>(snapshot: Snapshot, demands: readonly D[]): Placement<D>[] {
  const board = new Board(snapshot);
  const eligible = new Map<string, Eligible>();
  return demands.map((demand) => {
    const request = board.request(demand);
    const key = `${demand.domain} ${JSON.stringify(demand.constraints)}`;
    const candidates = eligible.get(key) ?? eligibleHosts(board, request);
    eligible.set(key, candidates);
    return placeOne(board, candidates, request, demand);
  });
}

/** The hosts that the unchanging filters let pass, and the number of those they refuse. */
interface Eligible {
  readonly hosts: readonly HostState[];
  readonly refused: Refusals;
  readonly first: FirstRefused;
}

function eligibleHosts(board: Board, request: Request): Eligible {
  const filters = FILTERS.filter((f) => !f.changes && f.applies(request.demand));
  const refused: Partial<Record<RefusalReason, number>> = {};
  const first: Partial<Record<RefusalReason, SnapshotHost>> = {};
  const hosts = board.hosts.filter((host) => {
    const refusal = firstRefusal(filters, host, request);
    if (refusal) {
      refused[refusal.reason] = (refused[refusal.reason] ?? 0) + 1;
      first[refusal.reason] ??= host.host;
    }
    return !refusal;
  });
  return { hosts, refused, first };
}

function placeOne<D extends Demand>(board: Board, eligible: Eligible, request: Request, demand: D): Placement<D> {
  const filters = FILTERS.filter((f) => f.changes && f.applies(demand));
  const refused: Partial<Record<RefusalReason, number>> = { ...eligible.refused };
  const top = new Float64Array(SCORERS.length);
  let best: HostState | undefined;
  for (const host of eligible.hosts) {
    const refusal = firstRefusal(filters, host, request);
    if (refusal) refused[refusal.reason] = (refused[refusal.reason] ?? 0) + 1;
    else if (beats(host, request, top, best === undefined)) best = host;
  }
  if (!best) return { demand, host: undefined, refused, reason: explainRefusal(demand, refused, eligible.first) };
  board.take(best, request);
  const scores = Object.fromEntries(SCORERS.map((s, i) => [s.name, top[i]])) as Record<ScorerName, number>;
  return { demand, host: best.host.name, scores, refused };
}

/**
 * Whether a host scores higher than the best so far, whose scores are in `top`; if so its own are written there. A tie
 * goes to the earlier host, which has the lower name. Later scorers are asked only as long as the earlier ones tie.
 */
function beats(host: HostState, request: Request, top: Float64Array, first: boolean): boolean {
  let ahead = first;
  for (let i = 0; i < SCORERS.length; i++) {
    const score = (SCORERS[i] as (typeof SCORERS)[number]).score(host, request);
    const best = top[i] as number;
    if (!ahead && score < best) return false;
    ahead ||= score > best;
    if (ahead) top[i] = score;
  }
  return ahead;
}
