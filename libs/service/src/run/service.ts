import type { Clock } from '@heddle/host';
import type { BusPort, StorePort } from '@heddle/messaging';
import type { Log } from '../logging/log';
import { ServiceMetrics } from '../metrics/service-metrics';
import { Readiness } from '../ops/readiness';
import { RpcClient } from '../rpc/rpc-client';

/**
 * What a service is started with. The caller owns all of it and closes it after the service has stopped; each service
 * of a process has a connection of its own, so that each drains and is counted by itself.
 */
export interface ServiceDeps {
  readonly bus: BusPort;
  readonly store: StorePort;
  /** Carries the service's name already. */
  readonly log: Log;
  readonly clock: Clock;
  /** Milliseconds that the service's leases last without being renewed. Default {@link DEFAULT_LEASE_MS}. */
  readonly leaseMs?: number;
}

/** Long enough for a busy machine not to lose a lease, short enough to wait for after a crash. */
export const DEFAULT_LEASE_MS = 5_000;

/** A service at work. */
export interface RunningService {
  readonly name: string;
  readonly readiness: Readiness;
  readonly metrics: ServiceMetrics;
  /** Finishes the requests being worked on, gives leases back, stops all timers; at most about `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Starts a service; it serves when this resolves. Each service's package exports one: `startPolicy`, ... */
export type StartService = (deps: ServiceDeps) => Promise<RunningService>;

/** What the parts of a service share. */
export interface ServiceContext extends ServiceDeps {
  readonly name: string;
  readonly leaseMs: number;
  readonly rpc: RpcClient;
  readonly metrics: ServiceMetrics;
  readonly readiness: Readiness;
}

export function serviceContext(name: string, deps: ServiceDeps): ServiceContext {
  const metrics = new ServiceMetrics(name);
  return {
    ...deps,
    name,
    leaseMs: deps.leaseMs ?? DEFAULT_LEASE_MS,
    metrics,
    rpc: new RpcClient(deps.bus, metrics),
    readiness: new Readiness(deps.clock),
  };
}
