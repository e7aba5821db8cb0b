import type { ResolvedEntry } from '@heddle/model';

/** An endpoint attached to this host's bridge. */
export interface LocalEndpoint {
  readonly id: string;
  readonly epg: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** OpenFlow port number on the bridge. */
  readonly port: number;
  /** Its address on the link to the host; see `linkAddress`. */
  readonly linkIndex: number;
  /** TCP ports that the host may connect to, for health checks. */
  readonly healthPorts: readonly number[];
}

/** An endpoint on another host. */
export interface RemoteEndpoint {
  readonly id: string;
  readonly epg: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** Underlay address of its host. */
  readonly underlay: string;
}

/** Everything that the flows of one bridge are computed from. */
export interface DatapathSnapshot {
  /** Policy as resolved by the policy service, keyed by `resolvedKey`. */
  readonly resolved: ReadonlyMap<string, ResolvedEntry>;
  readonly local: readonly LocalEndpoint[];
  readonly remote: readonly RemoteEndpoint[];
  readonly ports: {
    /** The VXLAN port, once it exists. */
    readonly tunnel?: number;
    /** The internal port that is the host's end of the link to its endpoints. */
    readonly hostLink?: { readonly port: number; readonly mac: string };
  };
}
