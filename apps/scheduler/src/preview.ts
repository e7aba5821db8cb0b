import {
  pathOf,
  type AllocationStatus,
  type HeddleObject,
  type PreviewedStart,
  type PreviewedStop,
  type SchedulePreview,
} from '@heddle/model';
import { decide, START_REASONS, type ClusterSnapshot, type Identity, type PlannedStart } from './decide';

/** What happens until nothing is left to do. */
export interface Outcome {
  /** Instances that run in the end and did not in the beginning, and those that no host takes. */
  readonly start: readonly PreviewedStart[];
  /** Instances of the beginning that get their tombstone. */
  readonly stop: readonly PreviewedStop[];
}

/**
 * What a change would start and stop until it has settled, beyond what is about to happen anyway, with the instance whose
 * place each start takes.
 */
export function preview(snapshot: ClusterSnapshot, desired: Partial<ClusterSnapshot>, now: number): SchedulePreview {
  const before = outcome(snapshot, now);
  const after = outcome({ ...snapshot, ...desired }, now);
  return paired(beyond(before, after));
}

/** More than any rollout takes in imagination; only decisions that do not come to rest would get there. */
const MOST_ROUNDS = 500;

/**
 * Carries decisions out in imagination and decides again until nothing is left to do: what was started runs and is healthy,
 * what was stopped is gone, and what fails now goes on failing.
 */
export function outcome(snapshot: ClusterSnapshot, now: number): Outcome {
  const services = new Map([...snapshot.services].map(([path, service]) => [path, inFewSteps(service)]));
  const allocations = new Map(snapshot.allocations);
  const statuses = new Map(snapshot.statuses);
  const world: ClusterSnapshot = { ...snapshot, services, allocations, statuses };
  const identity = imaginedIdentity();
  const started = new Map<string, PlannedStart>();
  const stopped: PreviewedStop[] = [];
  let refused: readonly PlannedStart[] = [];

  for (let round = 0; round < MOST_ROUNDS; round++) {
    const decision = decide(world, identity, now);
    refused = decision.start.filter(({ host }) => host === undefined);
    for (const start of decision.start) if (start.allocation !== undefined) started.set(start.allocation, start);
    // An instance that is started and stopped on the way is neither there before nor after.
    stopped.push(...decision.stop.filter(({ allocation }) => !started.delete(allocation)));
    for (const allocation of decision.put) allocations.set(pathOf('Allocation', allocation.metadata), allocation);
    for (const path of decision.remove) allocations.delete(path);
    const passed = letTimePass(world, allocations, statuses);
    if (decision.put.length + decision.remove.length === 0 && !passed) break;
  }
  const start = [...started.values(), ...refused].map(({ service, host, reason }) => ({
    service,
    ...(host === undefined ? {} : { host }),
    reason,
  }));
  return { start: byService(start), stop: byService(stopped) };
}

/** Whether anything became of what was started and stopped. */
function letTimePass(
  { hosts }: ClusterSnapshot,
  allocations: Map<string, HeddleObject<'Allocation'>>,
  statuses: Map<string, AllocationStatus>,
): boolean {
  let passed = false;
  for (const [path, { spec, metadata }] of allocations) {
    if (spec.desired === 'stop') {
      allocations.delete(path);
      passed = true;
      continue;
    }
    const status = statuses.get(path);
    const phase = status?.uid === metadata.uid ? status?.phase : undefined;
    const isStarting = phase === undefined || phase === 'pending' || phase === 'starting';
    if (!isStarting || hosts.get(spec.host)?.state !== 'ready') continue;
    statuses.set(path, imaginedStatus(path, metadata.uid ?? '', spec.host));
    passed = true;
  }
  return passed;
}

const imaginedStatus = (allocation: string, uid: string, host: string): AllocationStatus => ({
  allocation,
  uid,
  host,
  phase: 'running',
  healthy: true,
  addresses: [],
  restarts: 0,
});

/** Names that mean nothing, for a look ahead that writes nothing. */
function imaginedIdentity(): Identity {
  let next = 0;
  return { name: (service) => `${service}-new${next++}`, uid: () => `new${next++}` };
}

/** How many steps the update of one service takes at most. */
const MOST_STEPS = 25;

/**
 * A service of thousands that is replaced one by one takes as many decisions, and each looks at the whole cluster. In
 * imagination it is replaced in larger steps of the same kind: which instances go and come is the same.
 */
function inFewSteps(service: HeddleObject<'Service'>): HeddleObject<'Service'> {
  const { replicas, update } = service.spec;
  const factor = Math.ceil(replicas / (MOST_STEPS * (update.maxSurge + update.maxUnavailable)));
  if (factor <= 1) return service;
  const larger = { maxSurge: update.maxSurge * factor, maxUnavailable: update.maxUnavailable * factor };
  return { ...service, spec: { ...service.spec, update: larger } };
}

const byService = <T extends { readonly service: string }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : 0));

/** What is about to happen anyway is not the doing of a change. */
export function beyond(before: Outcome, after: Outcome): Outcome {
  const stopping = new Set(before.stop.map((stop) => stop.allocation));
  const starting = new Map<string, number>();
  for (const start of before.start) starting.set(startKey(start), (starting.get(startKey(start)) ?? 0) + 1);
  const start = after.start.filter((planned) => {
    const left = starting.get(startKey(planned)) ?? 0;
    starting.set(startKey(planned), left - 1);
    return left <= 0;
  });
  return { start, stop: after.stop.filter((stop) => !stopping.has(stop.allocation)) };
}

/** Starts have no name of their own: those of one service, on one host, for one reason are alike. */
const startKey = ({ service, host, reason }: PreviewedStart): string => JSON.stringify([service, host, reason]);

/**
 * Says of each start which instance it takes the place of: one of the same service, on the same host if there is one. The
 * numbers decide, not the order of events, which was that of the bounds of the update.
 */
export function paired({ start, stop }: Outcome): SchedulePreview {
  const free = new Map<string, PreviewedStop[]>();
  for (const planned of stop) free.set(planned.service, [...(free.get(planned.service) ?? []), planned]);
  const places = new Map<PreviewedStart, string>();
  const pair = (fits: (start: PreviewedStart, stop: PreviewedStop) => boolean): void => {
    for (const planned of start) {
      if (planned.host === undefined || places.has(planned)) continue;
      const candidates = free.get(planned.service) ?? [];
      const at = candidates.findIndex((candidate) => fits(planned, candidate));
      const [taken] = at < 0 ? [] : candidates.splice(at, 1);
      if (taken) places.set(planned, taken.allocation);
    }
  };
  pair((a, b) => a.host === b.host);
  pair(() => true);
  return { start: start.map((planned) => withPlace(planned, places.get(planned))), stop };
}

function withPlace(start: PreviewedStart, replaces: string | undefined): PreviewedStart {
  if (replaces !== undefined) return { ...start, replaces };
  return start.host === undefined ? start : { ...start, reason: START_REASONS.missing };
}
