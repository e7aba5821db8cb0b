import { HeddleError } from '@heddle/model';
import { Board, milliNeeded } from './board';
import { FILTERS, type RefusalReason, type Refusals } from './filters';
import { bytes, cores } from './format';
import { scoresOf, type Scores } from './scorers';
import type { Demand, Snapshot, SnapshotHost } from './snapshot';

/** Of each reason the first host that was refused for it. */
export type FirstRefused = Readonly<Partial<Record<RefusalReason, SnapshotHost>>>;

/** The refusals of every host, as one sentence that says what would help. */
export function explainRefusal(demand: Demand, refused: Refusals, first: FirstRefused = {}): string {
  const { service, resources } = demand;
  const what = `an instance of ${service} (${cores(milliNeeded(resources.cpu))}, ${bytes(resources.memory)})`;
  const reasons = FILTERS.filter((filter) => (refused[filter.reason] ?? 0) > 0);
  const hosts = reasons.reduce((sum, filter) => sum + (refused[filter.reason] ?? 0), 0);
  if (hosts === 0) return `no host can take ${what}: there are no hosts; add one`;
  const parts = reasons.map((filter) => filter.explain(refused[filter.reason] ?? 0, demand, first[filter.reason]));
  return `no host can take ${what}: of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}, ${parts.join(', ')}`;
}

/** What speaks for and against one host. */
export interface HostExplanation {
  readonly host: string;
  /** Every filter that refuses the host, not only the first; empty when it can take the instance. */
  readonly refusals: readonly { readonly reason: RefusalReason; readonly detail: string }[];
  /** How it would be ranked if nothing refused it. */
  readonly scores: Scores;
}

/**
 * Recomputes for one host why it was or would be refused. Placing only counts reasons; this is for whoever asks about one
 * host, such as a test or a tool.
 *
 * @throws HeddleError `not-found` for a host that is not in the snapshot.
 */
export function explainHost(snapshot: Snapshot, demand: Demand, host: string): HostExplanation {
  const board = new Board(snapshot);
  const state = board.hosts.find((h) => h.host.name === host);
  if (!state) {
    const names = board.hosts.map((h) => h.host.name).slice(0, 10);
    throw new HeddleError('not-found', `there is no host "${host}"; there are ${names.join(', ') || 'none'}`);
  }
  const request = board.request(demand);
  const refusals = FILTERS.filter((f) => f.applies(demand) && !f.check(state, request)).map((f) => ({
    reason: f.reason,
    detail: f.detail(state, request),
  }));
  return { host, refusals, scores: scoresOf(state, request) };
}
