import type { HashedFile } from '@heddle/host';
import type { DistributedEndpoint, HeddleObject, ResolvedEntry, Watermark } from '@heddle/model';
import type { RememberedInstance } from './runtime/runtime';

/** A set of keyed values as it was last accepted, with the place in the cluster's history that it belongs to. */
export interface Accepted<T> {
  readonly watermark: Watermark;
  readonly epoch: number;
  readonly entries: Readonly<Record<string, T>>;
}

/** What a host has to give, and the version of its engine. */
export interface EngineCapacity {
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly engineVersion: string;
}

/**
 * What an agent goes on with when it starts while the control plane is away: its last accepted policy, endpoints and
 * allocations. Losing contact never opens or stops anything.
 */
export interface AgentState {
  readonly policy?: Accepted<ResolvedEntry>;
  readonly endpoints?: Accepted<DistributedEndpoint>;
  readonly allocations?: Accepted<HeddleObject<'Allocation'>>;
  /** Address blocks this host was leased. */
  readonly blocks: readonly { readonly bridgeDomain: string; readonly block: string }[];
  /** What is known of each instance, by the uid of its allocation. */
  readonly instances: Readonly<Record<string, RememberedInstance>>;
  /** What the engine said of the host when it was last asked: an engine that is away does not make the host unknown. */
  readonly capacity?: EngineCapacity;
  /** The highest class id ever enforced here: after a restore of the control plane, numbering resumes above it. */
  readonly highestClassId: number;
}

export const EMPTY_AGENT_STATE: AgentState = { blocks: [], instances: {}, highestClassId: 0 };

/** The state in memory and, a moment later, on disk. Saves are joined, so frequent changes cost one write at a time. */
export class AgentStore {
  private constructor(
    private readonly file: HashedFile<AgentState>,
    private current: AgentState,
    private readonly onError: (error: Error) => void,
  ) {}

  /** Opens the store; a damaged file is reported and not believed, and the agent begins without it (and enforces nothing new). */
  static async open(file: HashedFile<AgentState>, onError: (error: Error) => void): Promise<AgentStore> {
    const loaded = await file.load();
    if (loaded.state === 'damaged') onError(new Error(`the saved state of the agent is not used: ${loaded.reason}`));
    return new AgentStore(file, { ...EMPTY_AGENT_STATE, ...(loaded.state === 'ok' ? loaded.value : {}) }, onError);
  }

  get state(): AgentState {
    return this.current;
  }

  update(change: Partial<AgentState>): void {
    this.current = { ...this.current, ...change };
    this.file.save(this.current).catch(this.onError);
  }

  /** Changes the state and resolves when it is on disk. */
  async commit(change: Partial<AgentState>): Promise<void> {
    this.current = { ...this.current, ...change };
    await this.file.save(this.current);
  }
}
