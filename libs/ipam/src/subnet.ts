import {
  HeddleError,
  contains,
  formatAddress,
  networkOf,
  parseAddress,
  parseCidr,
  sizeOf,
  type Address,
  type Cidr,
} from '@heddle/model';

/** A subnet of a bridge domain, with the addresses in it that no endpoint may have. */
export interface Subnet {
  /** The network, host bits zero. */
  readonly network: Cidr;
  /** The gateway as it was written, such as 10.32.0.1/16. */
  readonly gateway: string;
  /** Values of the network, broadcast (IPv4) and gateway address. */
  readonly reserved: readonly bigint[];
}

/** Reads `address/prefix`. @throws HeddleError `invalid`. */
export function requireCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) {
    throw new HeddleError(
      'invalid',
      `found "${text}"; allowed is an address with a prefix length such as 10.32.0.0/26`,
    );
  }
  return cidr;
}

/** Reads an address. @throws HeddleError `invalid`. */
export function requireAddress(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new HeddleError('invalid', `found "${text}"; allowed is an address such as 10.32.0.7`);
  return address;
}

/** The subnet that a gateway address with prefix stands for. IPv6 has no broadcast address (RFC 4291). */
export function subnetOf(gateway: string): Subnet {
  const cidr = requireCidr(gateway);
  const network = networkOf(cidr);
  const last = network.value + sizeOf(network) - 1n;
  const reserved = new Set([network.value, cidr.value, ...(network.family === 4 ? [last] : [])]);
  return { network, gateway, reserved: [...reserved] };
}

/** How many addresses of a block the subnet lets endpoints have. Block and subnet nest or are disjoint: both are CIDRs. */
export function countUsable(block: Cidr, subnet: Subnet): bigint {
  const inner = block.prefix >= subnet.network.prefix ? block : subnet.network;
  const outer = inner === block ? subnet.network : block;
  if (!contains(outer, inner)) return 0n;
  const excluded = subnet.reserved.filter((value) => contains(inner, { family: inner.family, value }));
  return sizeOf(inner) - BigInt(excluded.length);
}

/** The subnet among `subnets` in which an endpoint may have this address; undefined if there is none. */
export function usableIn(address: Address, subnets: readonly Subnet[]): Subnet | undefined {
  return subnets.find((s) => contains(s.network, address) && !s.reserved.includes(address.value));
}

/**
 * The addresses of a block that may be given to endpoints, in ascending order: those inside a subnet of one of the
 * gateways, without network, broadcast and gateway addresses. A block of a subnet that is gone has none.
 */
export function* usableAddresses(block: string, gateways: readonly string[]): Generator<string> {
  for (const { address } of usableOf(requireCidr(block), gateways.map(subnetOf))) yield formatAddress(address);
}

/** {@link usableAddresses} on parsed values, each with its subnet. */
export function* usableOf(
  block: Cidr,
  subnets: readonly Subnet[],
): Generator<{ readonly address: Address; readonly subnet: Subnet }> {
  const { family, value: start } = networkOf(block);
  const end = start + sizeOf(block);
  for (let value = start; value < end; value++) {
    const address = { family, value };
    const subnet = usableIn(address, subnets);
    if (subnet) yield { address, subnet };
  }
}
