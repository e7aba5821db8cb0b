import { allocate, EMPTY_ADDRESS_TABLE, macOf, ownerOf, release, type AddressTable } from '@heddle/ipam';
import { HeddleError } from '@heddle/model';
import type { LinkBridgeDomain } from '../link/protocol';
import type { Journal, JournalState } from './journal';

/** Longer than names (1 s) and the map of endpoints take to reach every host. */
const REST_MS = 30_000;

export interface Reservation {
  readonly address: string;
  /** With the prefix length of the subnet: `10.32.0.7/16`. */
  readonly cidr: string;
  readonly mac: string;
  /** Gateway of the subnet with its prefix length. */
  readonly gateway: string;
}

/** The addresses of this host: given from the blocks it holds, remembered in the journal. */
export class HostAddresses {
  constructor(
    private readonly journal: Journal,
    private readonly now: () => number,
  ) {}

  /** @throws HeddleError `unavailable` when it is not known here (yet) */
  bridgeDomain(path: string): LinkBridgeDomain {
    const domains = this.journal.state.configuration.bridgeDomains;
    const found = domains.find((d) => d.path === path);
    if (found) return found;
    const known = domains.map((d) => d.path).join(', ') || 'none yet';
    throw new HeddleError('unavailable', `the bridge domain ${path} is not known on this host; known are ${known}`);
  }

  /**
   * An address for an owner, the one it holds if it holds one.
   * @param asked this address or none
   * @returns undefined when the blocks of this host are used up, or do not have the one asked for
   */
  async reserve(bridgeDomain: string, owner: string, asked?: string): Promise<Reservation | undefined> {
    const domain = this.bridgeDomain(bridgeDomain);
    const request = {
      blocks: domain.blocks,
      gateways: domain.gateways,
      owner,
      now: this.now(),
      restMs: REST_MS,
      asked,
    };
    let result: ReturnType<typeof allocate>;
    await this.journal.update((state) => {
      result = allocate(table(state, bridgeDomain), request);
      return result ? withTable(state, bridgeDomain, result.table) : state;
    });
    if (!result) return undefined;
    const { address, gateway } = result;
    return { address, cidr: `${address}/${gateway.split('/')[1]}`, mac: macOf(address), gateway };
  }

  /** Ends an owner's holds, in whatever bridge domains they are. */
  async release(owner: string): Promise<void> {
    await this.journal.update((state) =>
      Object.keys(state.addresses).reduce((next, bridgeDomain) => {
        const result = release(table(next, bridgeDomain), owner, this.now());
        return withTable(next, bridgeDomain, result.table);
      }, state),
    );
  }

  /** Who holds an address; undefined for a free one. */
  owner(bridgeDomain: string, address: string): string | undefined {
    return ownerOf(table(this.journal.state, bridgeDomain), address);
  }
}

const table = (state: JournalState, bridgeDomain: string): AddressTable =>
  state.addresses[bridgeDomain] ?? EMPTY_ADDRESS_TABLE;

const withTable = (state: JournalState, bridgeDomain: string, addresses: AddressTable): JournalState =>
  addresses === state.addresses[bridgeDomain]
    ? state
    : { ...state, addresses: { ...state.addresses, [bridgeDomain]: addresses } };
