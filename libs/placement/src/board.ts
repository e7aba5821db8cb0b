import { HeddleError } from '@heddle/model';
import type { Demand, Snapshot, SnapshotHost } from './snapshot';

/**
 * The working state of one call: what is free on each host and where the instances of each service are, updated with
 * every placement so that the next one sees it. Hosts are in the order of their names and known by their number.
 *
 * CPU is counted in thousandths of a core, so that sums are exact: 0.1 + 0.2 cores fit into 0.3.
 */
export class Board {
  readonly hosts: readonly HostState[];
  private readonly zones: number;
  /** Shared by all services without failures, which are nearly all. */
  private readonly noFailures: Int32Array;
  private readonly instances: ReadonlyMap<string, readonly HostCount[]>;
  private readonly failures: ReadonlyMap<string, readonly HostCount[]>;
  private readonly services = new Map<string, ServiceState>();

  /** @throws HeddleError `invalid` when two hosts have one name. */
  constructor(snapshot: Snapshot) {
    const sorted = [...snapshot.hosts].sort((a, b) => (a.name < b.name ? -1 : 1));
    const zones = new Map<string, number>();
    this.hosts = sorted.map((host, number) => {
      if (host.name === sorted[number - 1]?.name) {
        throw new HeddleError('invalid', `found two hosts named "${host.name}" in the snapshot; names are unique`);
      }
      const zone = zones.get(host.zone) ?? zones.size;
      zones.set(host.zone, zone);
      return hostState(host, number, zone);
    });
    this.zones = zones.size;
    this.noFailures = new Int32Array(sorted.length);
    this.instances = byService(sorted, (host) => host.instances);
    this.failures = byService(sorted, (host) => host.failures ?? {});
  }

  request(demand: Demand): Request {
    return {
      demand,
      cpu: milliNeeded(demand.resources.cpu),
      memory: demand.resources.memory,
      service: this.service(demand.service),
    };
  }

  /** Books an instance on a host. */
  take(host: HostState, request: Request): void {
    host.freeCpu -= request.cpu;
    host.freeMemory -= request.memory;
    bump(request.service.onHost, host.number, 1);
    bump(request.service.inZone, host.zone, 1);
  }

  private service(path: string): ServiceState {
    const known = this.services.get(path);
    if (known) return known;
    const state: ServiceState = {
      onHost: new Int32Array(this.hosts.length),
      inZone: new Int32Array(this.zones),
      failures: this.failures.has(path) ? new Int32Array(this.hosts.length) : this.noFailures,
    };
    for (const { host, count } of this.instances.get(path) ?? []) {
      bump(state.onHost, host, count);
      bump(state.inZone, this.hosts[host]?.zone ?? 0, count);
    }
    for (const { host, count } of this.failures.get(path) ?? []) bump(state.failures, host, count);
    this.services.set(path, state);
    return state;
  }
}

/** A host with what is still free on it. */
export interface HostState {
  readonly host: SnapshotHost;
  readonly number: number;
  readonly zone: number;
  readonly domains: ReadonlySet<string>;
  /** Thousandths of a core. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  freeCpu: number;
  freeMemory: number;
}

/** Where a service is, and where it failed: counts by number of the host or zone. */
export interface ServiceState {
  readonly onHost: Int32Array;
  readonly inZone: Int32Array;
  readonly failures: Int32Array;
}

/** A demand, made ready for comparing with many hosts. */
export interface Request {
  readonly demand: Demand;
  readonly cpu: number;
  readonly memory: number;
  readonly service: ServiceState;
}

interface HostCount {
  readonly host: number;
  readonly count: number;
}

function hostState(host: SnapshotHost, number: number, zone: number): HostState {
  const cpu = Math.floor(host.capacity.cpu * 1000 + ROUNDING);
  const { memory } = host.capacity;
  return {
    host,
    number,
    zone,
    domains: new Set(host.domains),
    cpu,
    memory,
    freeCpu: cpu - milliNeeded(host.allocated.cpu),
    freeMemory: memory - host.allocated.memory,
  };
}

/** What floating point adds to a sum of cores is below a millionth. */
const ROUNDING = 1e-6;

/** Cores as whole thousandths, rounded up. */
export const milliNeeded = (cores: number): number => Math.ceil(cores * 1000 - ROUNDING);

function byService(
  hosts: readonly SnapshotHost[],
  countsOf: (host: SnapshotHost) => Readonly<Record<string, number>>,
): Map<string, HostCount[]> {
  const services = new Map<string, HostCount[]>();
  hosts.forEach((host, number) => {
    for (const [service, count] of Object.entries(countsOf(host))) {
      const entries = services.get(service);
      if (entries) entries.push({ host: number, count });
      else services.set(service, [{ host: number, count }]);
    }
  });
  return services;
}

function bump(counts: Int32Array, index: number, by: number): void {
  counts[index] = (counts[index] ?? 0) + by;
}
