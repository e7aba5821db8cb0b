import { HeddleError } from '@heddle/model';
import type { AddressTable } from '@heddle/ipam';
import type { HashedFile } from '@heddle/host';
import type { AttachedEndpoint, LinkConfiguration } from '../link/protocol';

/** A Docker network of ours. The engine never repeats its creation, so it must not be forgotten. */
export interface JournalNetwork {
  readonly bridgeDomain: string;
  /** EPG of containers that a user starts on it without naming one. */
  readonly defaultEpg?: string;
}

export interface JournalPool {
  readonly bridgeDomain: string;
  /** The subnet as the engine asked for it. */
  readonly subnet: string;
}

/** An endpoint between its creation by the engine and its removal. */
export interface JournalEndpoint extends AttachedEndpoint {
  readonly networkId: string;
  /** Prefix length of its address. */
  readonly prefix: number;
}

/**
 * What the attach daemon must remember across restarts, because the engine keeps its own half and never repeats it. Small,
 * and written whole.
 */
export interface JournalState {
  readonly networks: Readonly<Record<string, JournalNetwork>>;
  readonly pools: Readonly<Record<string, JournalPool>>;
  readonly endpoints: Readonly<Record<string, JournalEndpoint>>;
  /** Addresses by bridge domain. */
  readonly addresses: Readonly<Record<string, AddressTable>>;
  readonly configuration: LinkConfiguration;
}

export const EMPTY_JOURNAL: JournalState = {
  networks: {},
  pools: {},
  endpoints: {},
  addresses: {},
  configuration: { bridgeDomains: [], epgs: {}, mtu: 1450 },
};

/** The journal in memory and on disk. A change is on disk when `update` resolves: only then may the engine be answered. */
export class Journal {
  private constructor(
    private readonly file: HashedFile<JournalState>,
    private current: JournalState,
  ) {}

  /**
   * Opens the journal. A damaged one is not believed: the daemon must not start on it, since addresses in use would be given
   * out again.
   */
  static async open(file: HashedFile<JournalState>): Promise<Journal> {
    const loaded = await file.load();
    switch (loaded.state) {
      case 'ok':
        return new Journal(file, loaded.value);
      case 'absent':
        return new Journal(file, EMPTY_JOURNAL);
      case 'damaged':
        throw new HeddleError(
          'state',
          `the journal of the attach daemon is damaged: ${loaded.reason}; move it away to start with an empty one (containers that run keep their addresses: they are read back from Open vSwitch)`,
        );
    }
  }

  get state(): JournalState {
    return this.current;
  }

  /**
   * Applies a pure change and saves the result. The change sees every change before it. When the save fails the change stands
   * in memory and is written with the next one that succeeds.
   */
  async update(change: (state: JournalState) => JournalState): Promise<void> {
    const next = change(this.current);
    if (next === this.current) return;
    this.current = next;
    await this.file.save(next);
  }

  putEndpoint(endpoint: JournalEndpoint): Promise<void> {
    return this.update((state) => ({
      ...state,
      endpoints: { ...state.endpoints, [endpoint.endpointId]: endpoint },
    }));
  }

  /** Without effect when the endpoint is not any more as it was known. */
  replaceEndpoint(known: JournalEndpoint, endpoint: JournalEndpoint): Promise<void> {
    return this.update((state) =>
      state.endpoints[known.endpointId] === known
        ? { ...state, endpoints: { ...state.endpoints, [known.endpointId]: endpoint } }
        : state,
    );
  }

  /** Without effect when there is none. */
  removeEndpoint(endpointId: string): Promise<void> {
    return this.update((state) =>
      endpointId in state.endpoints ? { ...state, endpoints: without(state.endpoints, endpointId) } : state,
    );
  }

  putNetwork(networkId: string, network: JournalNetwork): Promise<void> {
    return this.update((state) => ({ ...state, networks: { ...state.networks, [networkId]: network } }));
  }

  /** Without effect when there is none. */
  removeNetwork(networkId: string): Promise<void> {
    return this.update((state) =>
      networkId in state.networks ? { ...state, networks: without(state.networks, networkId) } : state,
    );
  }
}

const without = <V>(record: Readonly<Record<string, V>>, key: string): Record<string, V> => {
  const { [key]: _removed, ...rest } = record;
  return rest;
};
