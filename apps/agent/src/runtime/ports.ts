import type { Health } from '@heddle/model';
import type { AttachedEndpoint, ReserveResult } from '../link/protocol';

/** The bridge domain that a container's endpoint belongs to. */
export interface PlaceOf {
  readonly path: string;
  /** With prefix lengths; the first one names the engine's network. */
  readonly gateways: readonly string[];
}

/** What the runtime needs of the rest of the agent to start a container. */
export interface Placement {
  /** Where containers of an EPG go, or what has to come first; when that has come the runtime is told to look again. */
  placeOf(epg: string): PlaceOf | { readonly waitsFor: string };
  /** An address for an owner; leases another block when those of this host are used up. */
  reserve(bridgeDomain: string, owner: string): Promise<Exclude<ReserveResult, { exhausted: true }>>;
  release(owner: string): Promise<void>;
  /** The resolv.conf of an application's containers, written if it is not there yet. */
  resolvConf(tenant: string, application: string): Promise<string>;
}

/** What one health check showed, with a few words for people. */
export interface CheckResult {
  readonly ok: boolean;
  readonly detail: string;
}

/** Opens a connection to an endpoint of this host. */
export interface HealthProbe {
  check(endpoint: AttachedEndpoint, port: number, health: Health): Promise<CheckResult>;
}
