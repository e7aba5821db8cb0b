import type { AddressReply, IpamDriver, PoolReply, RequestAddressRequest, RequestPoolRequest } from '@heddle/docker';
import { HeddleError, contains, formatCidr, networkOf, parseAddress, parseCidr } from '@heddle/model';
import type { HostAddresses } from './addresses';
import type { Journal, JournalPool } from './journal';
import { ANONYMOUS_PREFIX, OPTION } from './options';

/**
 * Addresses for the engine, from the blocks that this host holds. A pool stands for one subnet of a bridge domain; two bridge
 * domains of different VRFs may have the same subnet, which is why the pool is named by both.
 */
export class HeddleIpamDriver implements IpamDriver {
  private anonymous = 0;

  constructor(
    private readonly journal: Journal,
    private readonly addresses: HostAddresses,
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
    // Reserved before by the agent for one of its containers.
    if (request.address !== undefined && this.addresses.owner(pool.bridgeDomain, request.address) !== undefined) {
      return { address: withPrefix(request.address, pool.subnet) };
    }
    const owner = `${ANONYMOUS_PREFIX}${this.runId}-${++this.anonymous}`;
    const reservation = await this.addresses.reserve(pool.bridgeDomain, owner, request.address);
    if (!reservation || (request.address !== undefined && reservation.address !== request.address)) {
      await this.addresses.release(owner);
      const blocks = domain.blocks.join(', ') || 'none';
      const what = request.address === undefined ? 'no address is free' : `the address ${request.address} is not free`;
      throw new HeddleError(
        'limit',
        `${what} in the blocks of this host for ${pool.bridgeDomain} (${blocks}); another block is leased on demand, so try again in a moment`,
      );
    }
    return { address: reservation.cidr };
  }

  /** An address of one of our own containers is kept over restarts, until the agent releases it. */
  async releaseAddress({ poolId, address }: { poolId: string; address: string }): Promise<void> {
    const pool = this.journal.state.pools[poolId];
    if (!pool) return;
    const owner = this.addresses.owner(pool.bridgeDomain, address);
    if (owner?.startsWith(ANONYMOUS_PREFIX)) await this.addresses.release(owner);
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
