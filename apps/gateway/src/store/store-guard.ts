import { HashedFile, type Files } from '@heddle/host';
import { checkStore, IdentityRecord, type ClusterIdentity, type StoreCheck, type StorePort } from '@heddle/messaging';
import { HeddleError, type Watermark } from '@heddle/model';
import * as z from 'zod';

const watermarkSchema = z.strictObject({
  clusterUid: z.string().min(1),
  incarnation: z.number().int().min(1),
  position: z.number().int().min(0),
});

/** What is known of the store: in order, not in order and why, or not looked at yet. */
export type StoreState =
  | StoreCheck
  | {
      /** `unchecked`: the store has not been reached yet; `damaged`: what was seen before cannot be read back. */
      readonly state: 'unchecked' | 'damaged';
      readonly explain: string;
    };

/**
 * Keeps this gateway from building on a store that is not the one it knows: restored from an older copy, empty, or of
 * another cluster. What has been seen is kept in a file on this machine, apart from the store.
 */
export class StoreGuard {
  private current: StoreState = { state: 'unchecked', explain: 'the store has not been reached yet' };
  private seen: Watermark | undefined;
  private known: ClusterIdentity | undefined;
  private readonly file: HashedFile<Watermark>;

  private constructor(
    private readonly store: StorePort,
    files: Files,
    path: string,
  ) {
    this.file = new HashedFile(files, path, (json) => watermarkSchema.parse(json));
  }

  /** Reads what was seen before. */
  static async open(store: StorePort, files: Files, path: string): Promise<StoreGuard> {
    const guard = new StoreGuard(store, files, path);
    const loaded = await guard.file.load();
    if (loaded.state === 'ok') guard.seen = loaded.value;
    if (loaded.state === 'damaged') {
      guard.current = {
        state: 'damaged',
        explain: `${loaded.reason}, so it is not known which store is the right one: remove the file if this store is, or accept the store as it is with \`heddle store accept\``,
      };
    }
    return guard;
  }

  get state(): StoreState {
    return this.current;
  }
  /** Which cluster this is, once that is known. */
  get identity(): ClusterIdentity | undefined {
    return this.known;
  }
  /** Whether a store has been seen before: then one without our streams is not a new one. */
  get hasSeen(): boolean {
    return this.seen !== undefined;
  }

  /** @throws HeddleError `state`, with what to do, when nothing may be written to the store */
  checkWritable(): void {
    const { current } = this;
    if (current.state === 'ok') return;
    if (current.state === 'unchecked') throw new HeddleError('unavailable', `${current.explain}; nothing was changed`);
    throw new HeddleError('state', current.explain);
  }

  /**
   * Compares the store with what was seen of it.
   * @param readPosition reads the last position of its log
   * @throws HeddleError `unavailable`, `deadline` when it cannot be read
   */
  async check(readPosition: () => Promise<number>): Promise<StoreState> {
    if (this.current.state === 'damaged') return this.current;
    // What is seen while this reads is newer than what it reads.
    const { seen } = this;
    const identity = await (await IdentityRecord.open(this.store)).read();
    this.current = checkStore(seen, { identity, position: await readPosition() });
    if (this.current.state === 'ok') this.known = identity;
    return this.current;
  }

  /** Gives a new store its identity; one that has it keeps it. Only after {@link check} was content. */
  async establish(): Promise<ClusterIdentity> {
    this.known ??= await (await IdentityRecord.open(this.store)).create();
    return this.known;
  }

  /** Remembers that the log had this position. Resolves when it is on the disk. */
  async record(position: number): Promise<void> {
    if (!this.known) return;
    const { clusterUid, incarnation } = this.known;
    const { seen } = this;
    if (seen?.clusterUid === clusterUid && seen.incarnation === incarnation && seen.position >= position) return;
    this.seen = { clusterUid, incarnation, position };
    await this.file.save(this.seen);
  }

  /** An operator's decision: the store, as it is with its log at `position`, is the cluster's state from now on. */
  async accept(position: number): Promise<ClusterIdentity> {
    const record = await IdentityRecord.open(this.store);
    const found = this.seen ?? watermarkOf(await record.read());
    const identity = found === undefined ? await record.create() : await record.accept({ ...found, position });
    this.known = identity;
    this.seen = { ...identity, position };
    await this.file.save(this.seen);
    this.current = { state: 'ok' };
    return identity;
  }
}

const watermarkOf = (identity: ClusterIdentity | undefined): Watermark | undefined =>
  identity && { ...identity, position: 0 };
