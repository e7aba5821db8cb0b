import type { ResolvedEntry } from '@heddle/model';

/** An endpoint at a port of this bridge. */
export interface LocalEndpoint {
  readonly id: string;
  readonly epg: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** OpenFlow port number on the bridge. */
  readonly port: number;
  /** Its address on the link to the host, see `linkAddress`; absent for one that has none: at a leaf. */
  readonly linkIndex?: number;
  /** TCP ports that the host may connect to, for health checks. */
  readonly healthPorts: readonly number[];
  /** How it is told apart behind a port that it shares; absent: the port is its own, and untagged. */
  readonly wire?: Wire;
  /** Its EPG travels a fabric: what it sends to others that do leaves by this port, in this VLAN. Of hosts, not of leaves. */
  readonly uplink?: { readonly port: number; readonly vlan: number };
}

/** The cable behind a port of a leaf, as an endpoint uses it. */
export interface Wire {
  /** VLAN of its EPG; absent: untagged, and endpoints are told apart by their MAC. */
  readonly vlan?: number;
  /** At the other end is a host's switch that routes, so its frames may have the gateway's MAC for a source. */
  readonly routed: boolean;
  /** Whether frames for it may leave by the port that they came in at. */
  readonly hairpin: boolean;
}

/** An endpoint that is not at a port of this bridge. */
export interface RemoteEndpoint {
  readonly id: string;
  readonly epg: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** Underlay address of the tunnel's other end, which speaks for it; see `DistributedEndpoint`. */
  readonly underlay: string;
  /** Whether it is on a fabric that this host is cabled to: then it is reached there from endpoints with an `uplink`. */
  readonly fabric?: boolean;
}

/** Everything that the flows of one bridge are computed from. */
export interface DatapathSnapshot {
  /** Policy as resolved by the policy service, keyed by `resolvedKey`. */
  readonly resolved: ReadonlyMap<string, ResolvedEntry>;
  readonly local: readonly LocalEndpoint[];
  readonly remote: readonly RemoteEndpoint[];
  readonly ports: {
    /** The VXLAN port, once it exists; none where no tunnels end: then everything remote is reached by the fabric. */
    readonly tunnel?: number;
    /** The internal port that is the host's end of the link to its endpoints. */
    readonly hostLink?: { readonly port: number; readonly mac: string };
  };
  /** Whether the switch has `SIGHTING_METER`: addresses claimed at the wrong place are then reported as well as counted. */
  readonly sightings?: boolean;
}
