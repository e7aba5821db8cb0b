import { HeddleError, bitsOf, contains, formatCidr, overlaps, type Cidr } from '@heddle/model';
import { nextBlockPrefix } from './block-size';
import { findBlock, gaps, sizeOfGaps, type Range } from './free-space';
import { countUsable, requireAddress, requireCidr, subnetOf, type Subnet } from './subnet';

/** A block of addresses that one host may give to its endpoints. */
export interface BlockLease {
  /** Path of the VRF: no two blocks of one VRF overlap. */
  readonly vrf: string;
  /** Path of the bridge domain. */
  readonly bridgeDomain: string;
  /** The block, for example 10.32.0.64/26. */
  readonly block: string;
  readonly host: string;
}

/** Who has which block. A plain JSON value; every function here returns a new one. */
export interface BlockTable {
  readonly leases: readonly BlockLease[];
  /** Blocks that came back, oldest first; used again only when no other room is left, so that their addresses rest. */
  readonly returned: readonly Pick<BlockLease, 'vrf' | 'block'>[];
}

export const EMPTY_BLOCK_TABLE: BlockTable = { leases: [], returned: [] };

export interface BlockRequest {
  readonly vrf: string;
  readonly bridgeDomain: string;
  /** Gateways of the bridge domain's subnets (10.32.0.1/16); the first subnet with room serves. */
  readonly gateways: readonly string[];
  readonly host: string;
  /** Addresses wanted; the block may hold fewer when room is short: ask again. */
  readonly want?: number;
  /**
   * The blocks of this bridge domain that the host knows it has. A lease it was granted without hearing of it is answered
   * again, which makes a repeated request harmless. Without it every request leases a further block.
   */
  readonly have?: readonly string[];
  /** Addresses in the VRF that endpoints have which no host gives addresses to; no block is leased over one of them. */
  readonly reserved?: readonly string[];
}

/**
 * Leases a block to a host. Its size follows from the subnet and from what is free (see `nextBlockPrefix`). A block never
 * overlaps another of the same VRF, whatever subnet that one was leased from.
 *
 * @throws HeddleError `limit` when none of the subnets has an address left, `invalid` for a malformed gateway.
 */
export function leaseBlock(table: BlockTable, request: BlockRequest): { table: BlockTable; lease: BlockLease } {
  const { vrf, bridgeDomain, host, want = 1 } = request;
  const subnets = request.gateways.map(subnetOf);
  const leases = inVrf(table.leases, bridgeDomain, vrf);
  const granted = unheard(leases, request, subnets);
  if (granted) return { table: { ...table, leases }, lease: granted };

  const taken = [...blocksOf(leases, vrf), ...reservedOf(request)];
  const returned = blocksOf(table.returned, vrf);
  for (const subnet of subnets) {
    const block = findRoom(subnet, taken, returned, want);
    if (!block) continue;
    const lease: BlockLease = { vrf, bridgeDomain, block: formatCidr(block), host };
    return {
      table: {
        leases: [...leases, lease],
        returned: table.returned.filter((r) => r.vrf !== vrf || !overlaps(requireCidr(r.block), block)),
      },
      lease,
    };
  }
  throw new HeddleError('limit', exhausted(leases, request, subnets));
}

/** Gives back all blocks of a host, because an operator removed it. Nothing else returns a block; unknown hosts are accepted. */
export function releaseHost(table: BlockTable, host: string): { table: BlockTable; released: readonly BlockLease[] } {
  const released = table.leases.filter((lease) => lease.host === host);
  if (released.length === 0) return { table, released };
  return {
    table: {
      leases: table.leases.filter((lease) => lease.host !== host),
      returned: [...table.returned, ...released.map(({ vrf, block }) => ({ vrf, block }))],
    },
    released,
  };
}

export interface BlockConflict {
  readonly block: string;
  readonly heldBy: BlockLease;
}

/**
 * Takes over the blocks that a host says it has: a table that was restored from an older copy does not know of all of them.
 * A block that overlaps one of another host is not taken over but reported: the host has to stop giving addresses from it.
 *
 * @param held `vrf` is empty for a bridge domain that is not known (yet); its leases go along when it turns up
 */
export function adoptBlocks(
  table: BlockTable,
  host: string,
  held: readonly Omit<BlockLease, 'host'>[],
): { table: BlockTable; conflicts: readonly BlockConflict[] } {
  let { leases, returned } = table;
  const conflicts: BlockConflict[] = [];
  for (const block of held) {
    const cidr = requireCidr(block.block);
    const meets = (lease: BlockLease): boolean =>
      (lease.vrf === block.vrf || lease.bridgeDomain === block.bridgeDomain) &&
      overlaps(requireCidr(lease.block), cidr);
    const met = leases.filter(meets);
    const other = met.find((lease) => lease.host !== host);
    if (other) conflicts.push({ block: block.block, heldBy: other });
    else if (met.length === 0) {
      leases = [...leases, { ...block, host }];
      returned = returned.filter((r) => r.vrf !== block.vrf || !overlaps(requireCidr(r.block), cidr));
    }
  }
  return { table: leases === table.leases ? table : { leases, returned }, conflicts };
}

/** The blocks of a host, or only those of one bridge domain. */
export function blocksOfHost(table: BlockTable, host: string, bridgeDomain?: string): BlockLease[] {
  return table.leases.filter(
    (lease) => lease.host === host && (bridgeDomain === undefined || lease.bridgeDomain === bridgeDomain),
  );
}

/**
 * Pairs of leases that overlap within a VRF. There are none in a table that only {@link leaseBlock} wrote; one that was
 * merged or restored is checked before it is believed.
 */
export function checkOverlap(table: BlockTable): [BlockLease, BlockLease][] {
  const entries = table.leases
    .map((lease) => ({ lease, cidr: requireCidr(lease.block) }))
    .sort(
      (a, b) =>
        compare(a.lease.vrf, b.lease.vrf) ||
        a.cidr.family - b.cidr.family ||
        compare(a.cidr.value, b.cidr.value) ||
        a.cidr.prefix - b.cidr.prefix,
    );
  const pairs: [BlockLease, BlockLease][] = [];
  // Blocks nest or are disjoint, so those that hold the current one form a stack.
  let open: typeof entries = [];
  for (const entry of entries) {
    open = open.filter((outer) => outer.lease.vrf === entry.lease.vrf && contains(outer.cidr, entry.cidr));
    for (const outer of open) pairs.push([outer.lease, entry.lease]);
    open.push(entry);
  }
  return pairs;
}

/** How much of a subnet is leased, and to whom. */
export interface SubnetUsage {
  /** For example 10.32.0.0/16. */
  readonly subnet: string;
  /** Addresses that endpoints may have; beyond 2^53 the nearest number. */
  readonly usable: number;
  readonly leased: number;
  /** Most addresses first. */
  readonly hosts: readonly { readonly host: string; readonly blocks: number; readonly addresses: number }[];
}

/** Usage of the subnet of a gateway in a VRF, for status pages and messages. */
export function subnetUsage(table: Pick<BlockTable, 'leases'>, vrf: string, gateway: string): SubnetUsage {
  const subnet = subnetOf(gateway);
  const hosts = new Map<string, { host: string; blocks: number; addresses: number }>();
  for (const lease of table.leases) {
    const addresses = lease.vrf === vrf ? Number(countUsable(requireCidr(lease.block), subnet)) : 0;
    if (addresses === 0) continue;
    const entry = hosts.get(lease.host) ?? { host: lease.host, blocks: 0, addresses: 0 };
    entry.blocks += 1;
    entry.addresses += addresses;
    hosts.set(lease.host, entry);
  }
  const sorted = [...hosts.values()].sort((a, b) => b.addresses - a.addresses || compare(a.host, b.host));
  return {
    subnet: formatCidr(subnet.network),
    usable: Number(countUsable(subnet.network, subnet)),
    leased: sorted.reduce((sum, h) => sum + h.addresses, 0),
    hosts: sorted,
  };
}

/** A bridge domain that was moved takes its leases along to its new VRF. */
function inVrf(leases: readonly BlockLease[], bridgeDomain: string, vrf: string): readonly BlockLease[] {
  const moved = (lease: BlockLease): boolean => lease.bridgeDomain === bridgeDomain && lease.vrf !== vrf;
  return leases.some(moved) ? leases.map((lease) => (moved(lease) ? { ...lease, vrf } : lease)) : leases;
}

function unheard(leases: readonly BlockLease[], request: BlockRequest, subnets: readonly Subnet[]) {
  if (!request.have) return undefined;
  const known = new Set(request.have);
  return leases.find(
    (lease) =>
      lease.host === request.host &&
      lease.bridgeDomain === request.bridgeDomain &&
      !known.has(lease.block) &&
      subnets.some((subnet) => countUsable(requireCidr(lease.block), subnet) > 0n),
  );
}

/** The largest block that the size rule allows and the gaps can hold; space that came back is used last. */
function findRoom(subnet: Subnet, taken: readonly Cidr[], returned: readonly Cidr[], want: number): Cidr | undefined {
  const { family, prefix } = subnet.network;
  const free = gaps(subnet.network, taken);
  const fresh: Range[] = returned.length > 0 ? gaps(subnet.network, [...taken, ...returned]) : free;
  const last = family === 4 ? 32 : 128;
  for (let size = nextBlockPrefix(family, prefix, sizeOfGaps(free), want); size <= last; size++) {
    const block = findBlock(fresh, size, subnet) ?? findBlock(free, size, subnet);
    if (block) return block;
  }
  return undefined;
}

function blocksOf(blocks: readonly Pick<BlockLease, 'vrf' | 'block'>[], vrf: string): Cidr[] {
  return blocks.filter((b) => b.vrf === vrf).map((b) => requireCidr(b.block));
}

const reservedOf = ({ reserved = [] }: BlockRequest): Cidr[] =>
  reserved.map((text) => {
    const address = requireAddress(text);
    return { ...address, prefix: bitsOf(address.family) };
  });

function exhausted(leases: readonly BlockLease[], request: BlockRequest, subnets: readonly Subnet[]): string {
  const { bridgeDomain, vrf, host } = request;
  if (subnets.length === 0)
    return `bridge domain ${bridgeDomain} has no subnet: add one, so that ${host} can be given addresses`;
  const usages = subnets.map((subnet) => {
    const reserved = reservedOf(request).filter((address) => contains(subnet.network, address)).length;
    const others = reserved > 0 ? `, ${reserved} are those of Endpoint objects` : '';
    return `${describeUsage(subnetUsage({ leases }, vrf, subnet.gateway))}${others}`;
  });
  return (
    `no address is left in bridge domain ${bridgeDomain} for host ${host}: ${usages.join('; ')}. ` +
    `Add a subnet to the bridge domain, or remove hosts that are gone: their blocks return`
  );
}

const SHOWN_HOSTS = 5;

function describeUsage({ subnet, usable, leased, hosts }: SubnetUsage): string {
  const shown = hosts.slice(0, SHOWN_HOSTS).map((h) => `${h.host} ${h.addresses}`);
  const more = hosts.length > shown.length ? ` and ${hosts.length - shown.length} more hosts` : '';
  return `of the ${usable} addresses of ${subnet}, ${leased} are leased (${shown.join(', ')}${more})`;
}

const compare = <T extends string | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);
