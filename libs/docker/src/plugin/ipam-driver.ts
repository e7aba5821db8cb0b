export interface RequestPoolRequest {
  readonly addressSpace: string;
  /** CIDR; absent: the driver chooses. */
  readonly pool?: string;
  /** CIDR within the pool that addresses are taken from. */
  readonly subPool?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly v6: boolean;
}

export interface PoolReply {
  /** The driver's own name of the pool, at most 255 of letters, digits and `._:/-`. */
  readonly poolId: string;
  /** CIDR. */
  readonly pool: string;
  readonly data?: Readonly<Record<string, string>>;
}

export interface RequestAddressRequest {
  readonly poolId: string;
  /** Absent: any. */
  readonly address?: string;
  /** The address is for the network's gateway, not for an endpoint. */
  readonly gateway: boolean;
  /** Only when the driver requires it. */
  readonly macAddress?: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface AddressReply {
  /** CIDR with the prefix length of the pool. */
  readonly address: string;
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * What an IPAM plugin does. `requestPool` is never replayed after a restart of the engine and must give the same pool for
 * the same request; `releaseAddress` and `releasePool` must accept what is unknown. Thrown errors are shown to the user.
 */
export interface IpamDriver {
  defaultAddressSpaces(signal: AbortSignal): Promise<{ readonly local: string; readonly global: string }>;
  requestPool(request: RequestPoolRequest, signal: AbortSignal): Promise<PoolReply>;
  releasePool(request: { readonly poolId: string }, signal: AbortSignal): Promise<void>;
  requestAddress(request: RequestAddressRequest, signal: AbortSignal): Promise<AddressReply>;
  releaseAddress(request: { readonly poolId: string; readonly address: string }, signal: AbortSignal): Promise<void>;
}
