import { HeddleError, contains, formatAddress } from '@heddle/model';
import { requireAddress, requireCidr, subnetOf, usableIn, usableOf, type Subnet } from './subnet';

/**
 * The addresses of one bridge domain on one host: a plain JSON value that the host keeps in its journal. Every function
 * here returns a new one. Two bridge domains may use equal addresses (in different VRFs), hence a table for each.
 *
 *     free --allocate--> held --release--> resting --restMs--> free (reused last)
 *       \______________adopt____________/^     (adopt also ends a rest: what runs, runs)
 */
export interface AddressTable {
  /** Owner by address. An owner holds one address. */
  readonly held: Readonly<Record<string, string>>;
  /** When an address was released, in ms since the epoch. Kept after the rest: the longest unused is given first. */
  readonly released: Readonly<Record<string, number>>;
}

export const EMPTY_ADDRESS_TABLE: AddressTable = { held: {}, released: {} };

export interface AllocateRequest {
  /** The blocks leased to this host for the bridge domain. */
  readonly blocks: readonly string[];
  /** The gateways of the bridge domain as they are now: they say which addresses of the blocks an endpoint may have. */
  readonly gateways: readonly string[];
  /** Identifies the endpoint, for example `allocation:acme/shop/web-0`. */
  readonly owner: string;
  /** ms since the epoch. */
  readonly now: number;
  /** How long a released address rests; longer than names and endpoint maps take to propagate. */
  readonly restMs: number;
  /**
   * This address or none. It is given while it rests, too: who names an address means that one, and a container that is
   * started again with the address it was told to have does so within moments of giving it up.
   */
  readonly asked?: string;
}

export interface Allocated {
  readonly table: AddressTable;
  readonly address: string;
  /** The gateway of the address's subnet, with its prefix length. */
  readonly gateway: string;
}

/**
 * Gives an owner an address: the one it holds already, else the one it asks for, else one never used, else the one
 * released longest ago. Undefined when the one asked for is not free, or when the blocks have none that is free and rested:
 * another block is needed.
 *
 * @throws HeddleError `conflict` when the owner holds an address that the gateways no longer cover.
 */
export function allocate(table: AddressTable, request: AllocateRequest): Allocated | undefined {
  const subnets = request.gateways.map(subnetOf);
  const held = addressOf(table, request.owner);
  if (held !== undefined) return { table, address: held, gateway: subnetOfHeld(held, request, subnets).gateway };

  const chosen =
    request.asked === undefined
      ? longestUnused(table, request, subnets)
      : ifFree(request.asked, table, request, subnets);
  if (!chosen) return undefined;
  const { [chosen.address]: _ended, ...released } = notInFuture(table.released, request.now);
  return {
    table: { held: { ...table.held, [chosen.address]: request.owner }, released },
    address: chosen.address,
    gateway: chosen.subnet.gateway,
  };
}

/** Ends an owner's hold; the address then rests. An owner without one is accepted: `address` is undefined. */
export function release(
  table: AddressTable,
  owner: string,
  now: number,
): { table: AddressTable; address: string | undefined } {
  const address = addressOf(table, owner);
  if (address === undefined) return { table, address };
  const { [address]: _owner, ...held } = table.held;
  return { table: { held, released: { ...notInFuture(table.released, now), [address]: now } }, address };
}

/** What the table says against an adoption. */
export interface AddressConflict {
  readonly owner: string;
  readonly address: string;
  /** The other owner that holds the address. */
  readonly heldBy?: string;
  /** The other address that the owner holds. */
  readonly holds?: string;
  readonly message: string;
}

/**
 * Records that an owner was found running with an address. What the table already says is not overwritten: a
 * contradiction comes back as `conflict` with the table unchanged, to be quarantined and reported.
 */
export function adopt(
  table: AddressTable,
  owner: string,
  address: string,
): { table: AddressTable; conflict?: AddressConflict } {
  const canonical = formatAddress(requireAddress(address));
  const heldBy = ownerOf(table, canonical);
  const holds = addressOf(table, owner);
  if (heldBy === owner) return { table };
  if (heldBy !== undefined || holds !== undefined) {
    const fault =
      heldBy !== undefined ? `the journal gives it to ${heldBy}` : `the journal gives ${owner} the address ${holds}`;
    const message = `${owner} was found with ${canonical}, but ${fault}; stop one of the two, or release the entry that is wrong`;
    return { table, conflict: { owner, address: canonical, heldBy, holds, message } };
  }
  const { [canonical]: _ended, ...released } = table.released;
  return { table: { held: { ...table.held, [canonical]: owner }, released } };
}

/** The address an owner holds. */
export function addressOf(table: AddressTable, owner: string): string | undefined {
  return Object.keys(table.held).find((address) => table.held[address] === owner);
}

/** The owner that holds an address. */
export function ownerOf(table: AddressTable, address: string): string | undefined {
  return Object.hasOwn(table.held, address) ? table.held[address] : undefined;
}

interface Choice {
  readonly address: string;
  readonly subnet: Subnet;
}

function ifFree(
  asked: string,
  table: AddressTable,
  { blocks }: AllocateRequest,
  subnets: readonly Subnet[],
): Choice | undefined {
  const parsed = requireAddress(asked);
  const address = formatAddress(parsed);
  const subnet = usableIn(parsed, subnets);
  const isFree = ownerOf(table, address) === undefined && blocks.some((block) => contains(requireCidr(block), parsed));
  return subnet && isFree ? { address, subnet } : undefined;
}

function longestUnused(table: AddressTable, request: AllocateRequest, subnets: readonly Subnet[]): Choice | undefined {
  let oldest: (Choice & { readonly at: number }) | undefined;
  for (const block of request.blocks) {
    for (const { address: parsed, subnet } of usableOf(requireCidr(block), subnets)) {
      const address = formatAddress(parsed);
      if (ownerOf(table, address) !== undefined) continue;
      const at = table.released[address];
      if (at === undefined) return { address, subnet };
      if (isResting(table, address, request)) continue;
      if (!oldest || at < oldest.at) oldest = { address, subnet, at };
    }
  }
  return oldest;
}

function isResting(table: AddressTable, address: string, { now, restMs }: AllocateRequest): boolean {
  const at = table.released[address];
  return at !== undefined && now - at < restMs;
}

/** After the clock was set back, a release cannot lie ahead: the address rests from now, not until the old time returns. */
function notInFuture(released: Readonly<Record<string, number>>, now: number): Record<string, number> {
  return Object.fromEntries(Object.entries(released).map(([address, at]) => [address, Math.min(at, now)]));
}

function subnetOfHeld(address: string, request: AllocateRequest, subnets: readonly Subnet[]): Subnet {
  const parsed = requireAddress(address);
  const subnet = subnets.find((s) => contains(s.network, parsed));
  if (subnet) return subnet;
  throw new HeddleError(
    'conflict',
    `${request.owner} holds ${address}, which is in none of the subnets of the bridge domain now (${request.gateways.join(', ') || 'it has none'}); release it first, then it gets another address`,
  );
}
