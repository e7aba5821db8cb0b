import { linkName } from '@heddle/host';

/** What the names of all endpoint ports of a host begin with, and no other link's: rules of the packet filter rely on it. */
export const PORT_PREFIX = 'hd_';

/** Names of the two ends of an endpoint's veth pair. */
export const portName = (endpointId: string): string => linkName(PORT_PREFIX, endpointId);
export const insideName = (endpointId: string): string => linkName('hi', endpointId);
