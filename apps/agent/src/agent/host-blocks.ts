import { HeddleError } from '@heddle/model';
import type { ReserveResult } from '../link/protocol';
import type { HeldBlock, Kept, KeptHost } from '../store';

/** Rounds of reserving and leasing: two requests may both find the old blocks used up, and one fill the new one. */
const ROUNDS = 3;

export interface HostBlocksParts {
  readonly host: Kept<KeptHost>;
  /** Asks the inventory for another block; the same one again when the host had not heard of it. */
  readonly lease: (bridgeDomain: string, have: readonly string[]) => Promise<string>;
  /** Gives the attach daemon the blocks that are held now, in its own time. */
  readonly configure: () => void;
  /** The same; resolves when it has them. */
  readonly configured: () => Promise<void>;
  /** Asks the attach daemon for an address. */
  readonly reserve: (request: { bridgeDomain: string; owner: string }) => Promise<ReserveResult>;
}

/**
 * The address blocks that this host holds. It says them when it registers, so that a store that is older learns of them; the
 * answer counts, because by then another host may have one of them.
 */
export class HostBlocks {
  private readonly leasing = new Map<string, Promise<void>>();

  constructor(private readonly parts: HostBlocksParts) {}

  get held(): readonly HeldBlock[] {
    return this.parts.host.value.blocks;
  }

  /** The blocks that the inventory says this host holds, in answer to those that it was told. */
  set(blocks: readonly HeldBlock[]): void {
    const names = (list: readonly HeldBlock[]): string =>
      list
        .map((b) => `${b.bridgeDomain} ${b.block}`)
        .sort()
        .join();
    if (names(blocks) === names(this.held)) return;
    this.parts.host.set({ ...this.parts.host.value, blocks });
    this.parts.configure();
  }

  /**
   * An address for an owner, the one it holds if it holds one.
   * @throws HeddleError `unavailable` when the attach daemon or, with all blocks used up, the inventory is away
   */
  async reserve(bridgeDomain: string, owner: string): Promise<Exclude<ReserveResult, { exhausted: true }>> {
    for (let round = 0; round < ROUNDS; round++) {
      const result = await this.parts.reserve({ bridgeDomain, owner });
      if (!('exhausted' in result)) return result;
      await this.leaseBlock(bridgeDomain);
    }
    throw new HeddleError('limit', `no address could be had for ${owner} in ${bridgeDomain}`, { retryable: true });
  }

  /** Resolves when the host holds one more block of the bridge domain. One request at a time for each. */
  leaseBlock(bridgeDomain: string): Promise<void> {
    const under = this.leasing.get(bridgeDomain);
    if (under) return under;
    const leasing = this.lease(bridgeDomain).finally(() => this.leasing.delete(bridgeDomain));
    this.leasing.set(bridgeDomain, leasing);
    return leasing;
  }

  private async lease(bridgeDomain: string): Promise<void> {
    const { host, configured, lease } = this.parts;
    const have = this.held.filter((held) => held.bridgeDomain === bridgeDomain).map(({ block }) => block);
    const block = await lease(bridgeDomain, have);
    // On the disk before an address is given from it: a block that is forgotten would be leased to somebody else.
    if (!this.held.some((held) => held.bridgeDomain === bridgeDomain && held.block === block))
      await host.commit({ ...host.value, blocks: [...this.held, { bridgeDomain, block }] });
    await configured();
  }
}
