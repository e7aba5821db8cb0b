import path from 'node:path';
import { HashedFile, type Files } from '@heddle/host';
import {
  HeddleError,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type HeddleObject,
  type ResolvedEntry,
  type Watermark,
} from '@heddle/model';
import type { AttachedEndpoint } from './link/protocol';
import type { RememberedInstance } from './runtime/runtime';

/** A set of keyed values as it was last accepted, with the place in the cluster's history that it belongs to. */
export interface Accepted<T> {
  readonly watermark: Watermark;
  readonly epoch: number;
  readonly entries: Readonly<Record<string, T>>;
}

export interface KeptPolicy {
  readonly accepted?: Accepted<ResolvedEntry>;
  /** The highest class id ever enforced here: after a restore of the control plane, numbering resumes above it. */
  readonly highestClassId: number;
}

export interface HeldBlock {
  readonly bridgeDomain: string;
  readonly block: string;
}

/** What a host has to give, and the version of its engine. */
export interface EngineCapacity {
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  readonly engineVersion: string;
}

export interface KeptHost {
  /** Address blocks this host was leased. */
  readonly blocks: readonly HeldBlock[];
  /** What is known of each instance, by the uid of its allocation. */
  readonly instances: Readonly<Record<string, RememberedInstance>>;
  /** Since when each interface of a virtual machine is seen, ISO 8601, by interface id. */
  readonly interfaces?: Readonly<Record<string, string>>;
  /** What is attached without a port on the bridge, as the attach daemon last said. */
  readonly unported?: readonly AttachedEndpoint[];
  /** What the engine said when it was last asked. */
  readonly capacity?: EngineCapacity;
}

type KeptSet<T> = { readonly accepted?: Accepted<T> };

/** One value in memory and, a moment later, on disk. Saves are joined, so frequent changes cost one write at a time. */
export class Kept<T> {
  private saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: HashedFile<T>,
    private current: T,
    private readonly onError: (error: HeddleError) => void,
  ) {}

  /** Reads the value; a damaged file is reported and not believed. */
  static async open<T>(file: HashedFile<T>, empty: T, onError: (error: HeddleError) => void): Promise<Kept<T>> {
    const loaded = await file.load();
    if (loaded.state === 'damaged')
      onError(new HeddleError('state', `what the agent had saved is not used: ${loaded.reason}`));
    return new Kept(file, loaded.state === 'ok' ? loaded.value : empty, onError);
  }

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    this.commit(value).catch((error: unknown) => {
      const { message } = HeddleError.from(error);
      this.onError(new HeddleError('unavailable', `${this.file.path} could not be written: ${message}`));
    });
  }

  /** Sets the value and resolves when it is on disk. */
  commit(value: T): Promise<void> {
    this.current = value;
    const saved = this.file.save(value);
    this.saving = saved.catch(() => undefined); // reported to whoever set it
    return saved;
  }

  /** Resolves when nothing is left to be written. */
  flush(): Promise<void> {
    return this.saving;
  }
}

/**
 * What an agent goes on with when it starts while the control plane is away: its last accepted policy, endpoints,
 * encapsulations and allocations. Losing contact never opens or stops anything. Each part has a file of its own, because they change at very
 * different rates.
 */
export class AgentStore {
  private constructor(
    readonly policy: Kept<KeptPolicy>,
    readonly endpoints: Kept<KeptSet<DistributedEndpoint>>,
    readonly encapsulations: Kept<KeptSet<DistributedEncapsulation>>,
    readonly allocations: Kept<KeptSet<HeddleObject<'Allocation'>>>,
    readonly host: Kept<KeptHost>,
  ) {}

  /** Opens the store. Without a part that is damaged the agent begins anew, and enforces nothing that it does not know. */
  static async open(files: Files, folder: string, onError: (error: HeddleError) => void): Promise<AgentStore> {
    const part = <T>(name: string, empty: T): Promise<Kept<T>> =>
      Kept.open(new HashedFile<T>(files, path.join(folder, `agent.${name}`), (json) => json as T), empty, onError);
    return new AgentStore(
      await part<KeptPolicy>('policy', { highestClassId: 0 }),
      await part<KeptSet<DistributedEndpoint>>('endpoints', {}),
      await part<KeptSet<DistributedEncapsulation>>('encapsulations', {}),
      await part<KeptSet<HeddleObject<'Allocation'>>>('allocations', {}),
      await part<KeptHost>('host', { blocks: [], instances: {} }),
    );
  }

  /** Resolves when nothing is left to be written. */
  async flush(): Promise<void> {
    const parts = [this.policy, this.endpoints, this.encapsulations, this.allocations, this.host];
    await Promise.all(parts.map((kept) => kept.flush()));
  }
}
