import { parseAddress, parseCidr } from '@heddle/model';

/** The MAC of every gateway on every host: an endpoint that moves finds the same one. */
export const GATEWAY_MAC = '02:48:00:00:00:01';

/** Where a container finds its host: container DNS listens here. Link-local, never routed. */
export const HOST_LINK_ADDRESS = '169.254.1.1';

/**
 * Each local endpoint has an address of its own on the link between it and its host, so that endpoints of several VRFs with
 * the same address are told apart. These are the addresses: index 1 is 169.254.64.1.
 */
export const LINK_NETWORK = '169.254.64.0/18';
export const MAX_LINK_INDEX = 16_382;

export const isLinkIndex = (index: number): boolean => Number.isInteger(index) && index >= 1 && index <= MAX_LINK_INDEX;

export function linkAddress(index: number): string {
  if (!isLinkIndex(index)) {
    throw new RangeError(`link index ${index}: allowed are 1 to ${MAX_LINK_INDEX}`);
  }
  return `169.254.${64 + (index >> 8)}.${index & 255}`;
}

/** An IPv4 address as the number that a match carries. */
export function ip4(address: string): bigint {
  const parsed = parseAddress(address);
  if (parsed?.family !== 4) throw new RangeError(`"${address}" is no IPv4 address`);
  return parsed.value;
}

/** The gateway address of `10.32.0.1/16`. */
export function gatewayAddress(cidr: string): bigint {
  const parsed = parseCidr(cidr);
  if (parsed?.family !== 4) throw new RangeError(`"${cidr}" is no IPv4 gateway`);
  return parsed.value;
}

/** The gateways of a bridge domain that can be answered for. */
export const enforceableGateways = (cidrs: readonly string[]): string[] =>
  cidrs.filter((cidr) => parseCidr(cidr)?.family === 4);

/** OpenFlow numbers of real ports; those above are reserved. */
export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port < 0xff00;

/** VLAN ids that a frame can be tagged with; 0 and 4095 mean something else. */
export const isVlan = (vlan: number): boolean => Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094;

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
export const isMac = (text: string): boolean => MAC.test(text);

export const mac = (text: string): bigint => BigInt(`0x${text.replaceAll(':', '')}`);
