import type { ReserveResult } from '../link/protocol';

/** What the runtime needs of the rest of the agent to start a container. */
export interface Placement {
  /** Why no container can be attached at the moment; undefined when it can. */
  unavailable(): string | undefined;
  /** The bridge domain of an EPG with its first gateway; undefined while the EPG is not resolved on this host. */
  bridgeDomainOf(epg: string): { readonly path: string; readonly gateways: readonly string[] } | undefined;
  /** An address for an owner; leases another block when those of this host are used up. */
  reserve(bridgeDomain: string, owner: string): Promise<Exclude<ReserveResult, { exhausted: true }>>;
  release(owner: string): Promise<void>;
  /** The resolv.conf of an application's containers, written if it is not there yet. */
  resolvConf(tenant: string, application: string): Promise<string>;
}

/** Opens a connection to an endpoint of this host by its link address. */
export interface HealthProbe {
  check(
    linkIndex: number,
    port: number,
    http: { readonly path: string } | undefined,
    timeoutMs: number,
  ): Promise<{ ok: boolean; detail: string }>;
}
