/** Options by which networks, address pools and endpoints say what they belong to. */
export const OPTION = {
  /** Of a network (driver option) and of a pool (IPAM option): path of the bridge domain. */
  bridgeDomain: 'heddle.bridge-domain',
  /** Of an endpoint: path of its EPG. Of a network: the EPG of containers that name none. */
  epg: 'heddle.epg',
  /** Of an endpoint: the allocation that the container belongs to. */
  allocation: 'heddle.allocation',
} as const;

/** Who holds an address: an allocation of ours, or a container that a user started by hand. */
export const allocationOwner = (path: string): string => `allocation:${path}`;
export const ANONYMOUS_PREFIX = 'docker:';
export const isAnonymous = (owner: string): boolean => owner.startsWith(ANONYMOUS_PREFIX);

/** The owner of an attached endpoint's address. */
export const addressOwner = (endpoint: { readonly endpointId: string; readonly allocation?: string }): string =>
  endpoint.allocation === undefined
    ? `${ANONYMOUS_PREFIX}${endpoint.endpointId}`
    : allocationOwner(endpoint.allocation);
