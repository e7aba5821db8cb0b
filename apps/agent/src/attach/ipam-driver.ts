import type { AddressReply, IpamDriver, PoolReply, RequestAddressRequest, RequestPoolRequest } from '@heddle/docker';
import { HeddleError, contains, formatCidr, networkOf, parseAddress, parseCidr } from '@heddle/model';
import type { AgentAccess } from '../link/link-server';
import type { HostAddresses, Reservation } from './addresses';
import type { Journal, JournalPool } from './journal';
import { ANONYMOUS_PREFIX, isAnonymous, OPTION } from './options';

/** Less than the engine is made to wait for an address. */
const LEASE_DEADLINE_MS = 7_000;

/**
 * Addresses for the engine, from the blocks that this host holds. A pool stands for one subnet of a bridge domain; two bridge
 * domains of different VRFs may have the same subnet, which is why the pool is named by both.
 */
export class HeddleIpamDriver implements IpamDriver {
  private anonymous = 0;

  constructor(
    private readonly journal: Journal,
    private readonly addresses: HostAddresses,
    private readonly agent: AgentAccess,
    /** Makes the owners of addresses that a user's own containers hold different from those of an earlier run. */
    private readonly runId: string,
  ) {}

  async defaultAddressSpaces(): Promise<{ local: string; global: string }> {
    return { local: 'heddle', global: 'heddle' };
  }

  async requestPool(request: RequestPoolRequest): Promise<PoolReply> {
    if (request.v6) throw new HeddleError('invalid', 'IPv6 pools are not available in this version');
    if (request.subPool !== undefined)
      throw new HeddleError(
        'invalid',
        '--ip-range is not available: each host gives addresses from the blocks it was leased',
      );
    const path = request.options[OPTION.bridgeDomain];
    if (path === undefined)
      throw new HeddleError(
        'invalid',
        `a network of Heddle names its bridge domain twice: --opt and --ipam-opt ${OPTION.bridgeDomain}=TENANT/NAME`,
      );
    const subnets = this.addresses.bridgeDomain(path).gateways.map(subnetOf);
    const subnet = request.pool === undefined ? subnets[0] : subnets.find((s) => s === request.pool);
    if (subnet === undefined)
      throw new HeddleError(
        'invalid',
        `found subnet ${request.pool}; the bridge domain ${path} has ${subnets.join(', ')}`,
      );
    const poolId = `${path}:${subnet}`;
    await this.journal.update((state) => ({
      ...state,
      pools: { ...state.pools, [poolId]: { bridgeDomain: path, subnet } },
    }));
    return { poolId, pool: subnet };
  }

  /** The pool stays: another network may stand on the same subnet, and addresses in use must not be forgotten. */
  async releasePool(): Promise<void> {}

  async requestAddress(request: RequestAddressRequest): Promise<AddressReply> {
    const pool = this.pool(request.poolId);
    const domain = this.addresses.bridgeDomain(pool.bridgeDomain);
    if (request.gateway) {
      const gateway = domain.gateways.find((g) => subnetOf(g) === pool.subnet);
      const asked = request.address;
      if (gateway === undefined || (asked !== undefined && asked !== gateway.split('/')[0])) {
        throw new HeddleError(
          'invalid',
          `found gateway ${asked}; that of ${pool.subnet} in ${pool.bridgeDomain} is ${gateway ?? 'not known'}`,
        );
      }
      return { address: gateway };
    }
    const { address: asked } = request;
    const held = asked === undefined ? undefined : this.addresses.owner(pool.bridgeDomain, asked);
    if (asked !== undefined && held !== undefined) {
      if (isAnonymous(held))
        throw new HeddleError('conflict', `the address ${asked} is in use by another container of this host`);
      // Reserved before by the agent for one of its containers; whether it is this one is seen when it is attached.
      return { address: withPrefix(asked, pool.subnet) };
    }
    return { address: (await this.reserve(pool, asked)).cidr };
  }

  private async reserve(pool: JournalPool, asked: string | undefined): Promise<Reservation> {
    const owner = `${ANONYMOUS_PREFIX}${this.runId}-${++this.anonymous}`;
    const first = await this.addresses.reserve(pool.bridgeDomain, owner, asked);
    if (first && (asked === undefined || first.address === asked)) return first;
    if (asked !== undefined) {
      await this.addresses.release(owner);
      const { blocks } = this.addresses.bridgeDomain(pool.bridgeDomain);
      throw new HeddleError(
        'limit',
        `the address ${asked} is not free in the blocks of this host for ${pool.bridgeDomain} (${blocks.join(', ') || 'none'}); leave it to Heddle, or ask for one of a block`,
      );
    }
    await this.agent.ask('leaseBlock', { bridgeDomain: pool.bridgeDomain }, LEASE_DEADLINE_MS);
    const second = await this.addresses.reserve(pool.bridgeDomain, owner);
    if (second) return second;
    throw new HeddleError('limit', `no address is free on this host for ${pool.bridgeDomain}; try again in a moment`);
  }

  /** An address of one of our own containers is kept over restarts, until the agent releases it. */
  async releaseAddress({ poolId, address }: { poolId: string; address: string }): Promise<void> {
    const pool = this.journal.state.pools[poolId];
    if (!pool) return;
    const owner = this.addresses.owner(pool.bridgeDomain, address);
    if (owner !== undefined && isAnonymous(owner)) await this.addresses.release(owner);
  }

  private pool(poolId: string): JournalPool {
    const pool = this.journal.state.pools[poolId];
    if (!pool)
      throw new HeddleError(
        'not-found',
        `the address pool ${poolId} is not known on this host; remove the network and create it again`,
      );
    return pool;
  }
}

/** The subnet of a gateway with its prefix length: `10.32.0.0/16` of `10.32.0.1/16`. */
export function subnetOf(gateway: string): string {
  const cidr = parseCidr(gateway);
  if (!cidr) throw new HeddleError('internal', `"${gateway}" is no gateway`);
  return formatCidr(networkOf(cidr));
}

function withPrefix(address: string, subnet: string): string {
  const network = parseCidr(subnet);
  const parsed = parseAddress(address);
  if (!network || !parsed || !contains(network, parsed))
    throw new HeddleError('invalid', `found address ${address}, which is not in ${subnet}`);
  return `${address}/${network.prefix}`;
}
