import {
  API_VERSION,
  pathOf,
  type AllocationStatus,
  type HeddleObject,
  type HostView,
  type ServiceView,
} from '@heddle/model';
import { constraintText, place, unmetConstraints, type Demand, type SnapshotHost } from '@heddle/placement';
import {
  goalOf,
  instanceOf,
  reconcileService,
  versionedTemplate,
  type Reconciliation,
  type ServiceGoal,
} from '@heddle/rollout';

type Service = HeddleObject<'Service'>;
type Allocation = HeddleObject<'Allocation'>;

/** Everything that scheduling is decided on, at one moment. All maps are keyed by path, hosts by name. */
export interface ClusterSnapshot {
  readonly services: ReadonlyMap<string, Service>;
  readonly epgs: ReadonlyMap<string, HeddleObject<'Epg'>>;
  readonly allocations: ReadonlyMap<string, Allocation>;
  readonly statuses: ReadonlyMap<string, AllocationStatus>;
  readonly hosts: ReadonlyMap<string, HostView>;
  /** Hosts whose objects were deleted by an operator while instances were on them. */
  readonly removedHosts: ReadonlyMap<string, number>;
}

export interface PlannedStart {
  readonly service: string;
  /** Absent when no host takes it; the reason says why. */
  readonly host?: string;
  /** Path of the allocation that is made, with a host. */
  readonly allocation?: string;
  readonly reason: string;
}
export interface PlannedStop {
  readonly service: string;
  readonly allocation: string;
  readonly host: string;
  readonly reason: string;
}

/** What to write, and what to tell. */
export interface Decision {
  /** New allocations, and known ones that get their tombstone. */
  readonly put: readonly Allocation[];
  /** Paths of allocations whose hosts have confirmed that they stopped, or were removed by an operator. */
  readonly remove: readonly string[];
  readonly start: readonly PlannedStart[];
  readonly stop: readonly PlannedStop[];
  readonly views: readonly ServiceView[];
}

export interface Identity {
  /** A name for a new allocation of a service, never used before. */
  readonly name: (service: string) => string;
  readonly uid: () => string;
}

/** When an allocation was made; an annotation, since it is no wish of anybody's. */
const CREATED = 'heddle/created';

/**
 * Decides for every service what to start, where, and what to stop. Pure: the same snapshot gives the same decision, and after
 * it was carried out it asks for nothing more until something changes.
 *
 * @param now ms since the epoch
 */
export function decide(snapshot: ClusterSnapshot, identity: Identity, now: number): Decision {
  const byService = groupByService(snapshot.allocations);
  const hostStates = statesOf(snapshot);
  const paths = [...new Set([...snapshot.services.keys(), ...byService.keys()])].sort();
  const put: Allocation[] = [];
  const remove: string[] = [];
  const stop: PlannedStop[] = [];
  const demands: StartDemand[] = [];
  const reconciled = new Map<string, Reconciliation>();
  const start: PlannedStart[] = [];
  const refused = new Map<string, Set<string>>();
  const refuse = (service: string, reason: string, isTold = false): void => {
    refused.set(service, (refused.get(service) ?? new Set()).add(reason));
    if (!isTold) start.push({ service, reason });
  };

  for (const path of paths) {
    const allocations = byService.get(path) ?? new Map<string, Allocation>();
    const service = snapshot.services.get(path);
    const instances = [...allocations].map(([key, allocation]) => ({
      ...instanceOf(allocation, snapshot.statuses.get(key), createdAt(allocation)),
      ...misplacement(service, snapshot.hosts.get(allocation.spec.host)),
    }));
    const wanted = instances.filter((i) => i.desired === 'run');
    const placed = wanted.filter((i) => i.misplaced === undefined).length;
    const places = service && placed < wanted.length ? placesFor(path, service, snapshot) : undefined;
    const wish = service ? goalOf(service, domainOf(service, snapshot.epgs)) : deletedGoal(path);
    const goal = { ...wish, ...(places && { placeable: places.count }) };
    const result = reconcileService(goal, instances, hostStates, now);
    if (places?.refusal !== undefined && placed + places.count < goal.replicas) {
      refuse(path, places.refusal, result.start.length > 0);
    }
    reconciled.set(path, result);
    const scope = path.slice(0, path.lastIndexOf('/'));
    for (const { allocation: name, message } of result.stop) {
      const allocation = allocations.get(`${scope}/${name}`);
      if (!allocation) continue;
      put.push({ ...allocation, spec: { ...allocation.spec, desired: 'stop' } });
      stop.push({ service: path, allocation: `${scope}/${name}`, host: allocation.spec.host, reason: message });
    }
    remove.push(...result.remove.map((name) => `${scope}/${name}`));
    if (!service) continue;
    const demand = demandOf(path, service, snapshot.epgs);
    for (const { index, templateHash, reason } of result.start) {
      demands.push({ ...demand, of: service, index, templateHash, why: reason });
    }
  }

  for (const placement of place({ hosts: placementHosts(snapshot) }, demands)) {
    const { demand } = placement;
    if (placement.host === undefined) {
      refuse(demand.service, placement.reason);
      continue;
    }
    const { host } = placement;
    const made = allocate(demand, host, identity, now);
    put.push(made);
    const allocation = pathOf('Allocation', made.metadata);
    start.push({ service: demand.service, host, allocation, reason: START_REASONS[demand.why] });
  }
  const views = paths.map((path) =>
    viewOf(path, snapshot.services.get(path), reconciled.get(path), byService.get(path), snapshot, refused.get(path)),
  );
  return { put, remove, start, stop, views };
}

export const START_REASONS = {
  'host-lost': 'replaces an instance of a lost host',
  outdated: 'replaces an instance of an earlier version',
  misplaced: 'replaces an instance on a host that does not meet the constraints',
  missing: 'an instance is missing',
} as const;

/** What speaks against an instance of a service on a host where it is already. */
function misplacement(service: Service | undefined, host: HostView | undefined): { misplaced?: string } {
  if (!service || !host) return {};
  const { name, labels, spec } = host;
  const unmet = unmetConstraints({ name, labels, zone: spec.zone }, service.spec.constraints);
  if (unmet.length === 0) return {};
  return { misplaced: `host ${name} does not meet ${unmet.map(constraintText).join(' and ')}` };
}

/** How many more instances of a service hosts would take now, up to the wanted number, and why there are no more. */
function placesFor(path: string, service: Service, snapshot: ClusterSnapshot): { count: number; refusal?: string } {
  const demand = demandOf(path, service, snapshot.epgs);
  const placements = place({ hosts: placementHosts(snapshot) }, Array<Demand>(service.spec.replicas).fill(demand));
  const refusal = placements.find((placement) => placement.host === undefined)?.reason;
  return {
    count: placements.filter((placement) => placement.host !== undefined).length,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

interface StartDemand extends Demand {
  readonly of: Service;
  readonly index: number;
  readonly templateHash: string;
  readonly why: keyof typeof START_REASONS;
}

const demandOf = (path: string, service: Service, epgs: ClusterSnapshot['epgs']): Demand => ({
  service: path,
  resources: service.spec.resources,
  constraints: service.spec.constraints,
  domain: domainOf(service, epgs),
});

/** The Domain that the instances of a service attach through: that of its EPG. */
function domainOf(service: Service, epgs: ClusterSnapshot['epgs']): string {
  return epgs.get(epgOf(service))?.spec.domain ?? 'default';
}

/** Path of the EPG of a service's instances. */
function epgOf(service: Service): string {
  const { tenant, application } = service.metadata;
  return `${tenant}/${application}/${versionedTemplate(service).epg}`;
}

function allocate(demand: StartDemand, host: string, identity: Identity, now: number): Allocation {
  const { of: service, index, templateHash } = demand;
  const { tenant, application, name, labels, uid } = service.metadata;
  const { template, epg } = versionedTemplate(service);
  return {
    apiVersion: API_VERSION,
    kind: 'Allocation',
    metadata: {
      tenant,
      application,
      name: identity.name(name),
      labels,
      annotations: { [CREATED]: new Date(now).toISOString() },
      owner: { kind: 'Service', path: demand.service },
      uid: identity.uid(),
      generated: true,
    },
    spec: { service: name, serviceUid: uid ?? '', templateHash, index, host, epg, template, desired: 'run' },
  };
}

function groupByService(allocations: ReadonlyMap<string, Allocation>): Map<string, Map<string, Allocation>> {
  const groups = new Map<string, Map<string, Allocation>>();
  for (const [path, allocation] of allocations) {
    const service = pathOf('Service', { ...allocation.metadata, name: allocation.spec.service });
    const group = groups.get(service) ?? new Map<string, Allocation>();
    groups.set(service, group.set(path, allocation));
  }
  return groups;
}

const deletedGoal = (path: string): ServiceGoal => ({
  path,
  uid: '',
  replicas: 0,
  templateHash: '',
  update: { maxSurge: 1, maxUnavailable: 0 },
  deleted: true,
});

const createdAt = (allocation: Allocation): number => Date.parse(allocation.metadata.annotations[CREATED] ?? '') || 0;

function statesOf({ hosts, removedHosts }: ClusterSnapshot) {
  const states = new Map<string, { state: 'ready' | 'suspect' | 'lost' | 'removed'; since: number }>();
  for (const [name, since] of removedHosts) states.set(name, { state: 'removed', since });
  for (const [name, host] of hosts) states.set(name, { state: host.state, since: Date.parse(host.since) });
  return states;
}

/** Hosts with what is taken on them: everything that is there or on its way, what is stopping included. */
function placementHosts({ hosts, allocations, statuses }: ClusterSnapshot): SnapshotHost[] {
  const taken = new Map<
    string,
    { cpu: number; memory: number; instances: Record<string, number>; failures: Record<string, number> }
  >();
  for (const [path, allocation] of allocations) {
    const status = statuses.get(path);
    const { host, desired, service, template } = allocation.spec;
    if (desired === 'stop' && status?.phase === 'stopped') continue;
    const entry = taken.get(host) ?? { cpu: 0, memory: 0, instances: {}, failures: {} };
    taken.set(host, entry);
    entry.cpu += template.resources.cpu;
    entry.memory += template.resources.memory;
    const key = pathOf('Service', { ...allocation.metadata, name: service });
    if (desired === 'run') entry.instances[key] = (entry.instances[key] ?? 0) + 1;
    if (status && status.phase === 'backoff') entry.failures[key] = (entry.failures[key] ?? 0) + status.restarts;
  }
  const candidates = [...hosts.values()].filter(({ spec }) => spec.role !== 'leaf');
  return candidates.map((host) => {
    const { cpu = 0, memory = 0, instances = {}, failures = {} } = taken.get(host.name) ?? {};
    return {
      name: host.name,
      zone: host.spec.zone,
      labels: host.labels,
      capacity: host.spec.capacity,
      allocated: { cpu, memory },
      domains: host.domains,
      ...(host.domainProblems === undefined ? {} : { domainProblems: host.domainProblems }),
      ready: host.state === 'ready',
      schedulable: host.spec.schedulable,
      instances,
      failures,
    };
  });
}

function viewOf(
  path: string,
  service: Service | undefined,
  result: Reconciliation | undefined,
  allocations: ReadonlyMap<string, Allocation> = new Map(),
  snapshot: ClusterSnapshot,
  refused: ReadonlySet<string> = new Set(),
): ServiceView {
  const summary = result?.summary;
  const running = [...allocations.keys()].filter((key) => snapshot.statuses.get(key)?.phase === 'running').length;
  const troubles = [...allocations.keys()].flatMap((key) => {
    const status = snapshot.statuses.get(key);
    return status?.reason === undefined ? [] : [`${key} on ${status.host}: ${status.reason}`];
  });
  return {
    service: path,
    ...(service ? { epg: epgOf(service) } : { deleted: true }),
    replicas: service?.spec.replicas ?? 0,
    running,
    healthy: summary?.available ?? 0,
    current: summary?.current ?? 0,
    settled: (summary?.complete ?? false) && refused.size === 0,
    reasons: [...refused, ...(summary?.waiting ?? []), ...troubles],
  };
}
