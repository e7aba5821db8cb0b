/** A subnet of a network, as the IPAM driver gave it. */
export interface NetworkSubnet {
  readonly addressSpace: string;
  /** CIDR. */
  readonly pool: string;
  /** CIDR or address. */
  readonly gateway?: string;
}

export interface CreateNetworkRequest {
  readonly networkId: string;
  /** What the network was created with as driver options. */
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly internal: boolean;
  readonly ipv4: readonly NetworkSubnet[];
  readonly ipv6: readonly NetworkSubnet[];
}

export interface NetworkRef {
  readonly networkId: string;
}

export interface EndpointRef extends NetworkRef {
  /** A new one at every start of the container. */
  readonly endpointId: string;
}

export interface CreateEndpointRequest extends EndpointRef {
  /** CIDR, when the IPAM driver or the user chose the address. */
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly macAddress?: string;
  /** What the endpoint was given as driver options. No other call carries them. */
  readonly driverOpts: Readonly<Record<string, string>>;
}

/** What the driver chose itself. A field that the request had already may be repeated, never changed. */
export interface EndpointAddresses {
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly macAddress?: string;
}

export interface JoinRequest extends EndpointRef {
  /** Path of the container's network namespace. */
  readonly sandboxKey: string;
}

/**
 * The interface that the engine moves into the container. There is no choice about the engine's own gateway network: the
 * server always turns it off, because it would be a second interface that no contract covers.
 */
export interface JoinReply {
  /** Name of the interface now, in the engine's namespace. */
  readonly srcName: string;
  /** Prefix of its name in the container; the engine appends a number. */
  readonly dstPrefix: string;
  readonly gateway?: string;
  readonly staticRoutes?: readonly StaticRoute[];
}

export interface StaticRoute {
  /** CIDR. */
  readonly destination: string;
  /** Absent: reached directly through the interface. */
  readonly nextHop?: string;
}

/**
 * What a network plugin does. Rules of the game: be idempotent; accept unknown ids on the way down (`leave`,
 * `deleteEndpoint`, `deleteNetwork`); persist what is never replayed (`createNetwork`); never call the engine from
 * within, it may be waiting for the answer. A thrown error is shown to whoever started the container. `signal` fires when
 * the deadline has passed and the engine was told that the call failed: undo, or leave it to `deleteEndpoint`.
 */
export interface NetworkDriver {
  createNetwork(request: CreateNetworkRequest, signal: AbortSignal): Promise<void>;
  deleteNetwork(request: NetworkRef, signal: AbortSignal): Promise<void>;
  createEndpoint(request: CreateEndpointRequest, signal: AbortSignal): Promise<EndpointAddresses>;
  deleteEndpoint(request: EndpointRef, signal: AbortSignal): Promise<void>;
  /** Shown by `docker network inspect`. */
  endpointInfo(request: EndpointRef, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  join(request: JoinRequest, signal: AbortSignal): Promise<JoinReply>;
  leave(request: EndpointRef, signal: AbortSignal): Promise<void>;
}
