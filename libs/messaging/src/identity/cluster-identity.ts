import { randomUUID } from 'node:crypto';
import { HeddleError, type Watermark } from '@heddle/model';
import { CasBucket } from '../lease/cas-bucket';
import type { StorePort } from '../stream/stream-port';

const BUCKET = 'cluster';
const KEY = 'identity';
const WRITE_MS = 3_000;

/** Which cluster a store belongs to. */
export interface ClusterIdentity {
  readonly clusterUid: string;
  /** Grows when an operator accepts a store that is behind what was seen of it. */
  readonly incarnation: number;
}

/** The record in the store that says which cluster it belongs to. */
export class IdentityRecord {
  private constructor(private readonly bucket: CasBucket) {}

  static async open(store: StorePort): Promise<IdentityRecord> {
    return new IdentityRecord(await CasBucket.open(store, BUCKET, 'Which cluster this store belongs to.'));
  }

  async read(): Promise<ClusterIdentity | undefined> {
    return (await this.bucket.get(KEY))?.value as ClusterIdentity | undefined;
  }

  /** The identity, made when the store has none. Only for those who know that no cluster had this store before. */
  async create(): Promise<ClusterIdentity> {
    const identity: ClusterIdentity = { clusterUid: randomUUID(), incarnation: 1 };
    try {
      await this.bucket.put(KEY, identity, 0, WRITE_MS);
      return identity;
    } catch (error) {
      // Somebody else was first, or it is in without our knowing.
      const found = await this.read();
      if (found) return found;
      throw error;
    }
  }

  /**
   * Declares this store, as it is, to be the cluster's state: agents then accept it although it is behind what they have seen.
   * An operator's decision; what was changed after the store's last position is lost with it.
   */
  async accept(watermark: Watermark): Promise<ClusterIdentity> {
    const entry = await this.bucket.get(KEY);
    const found = entry?.value as ClusterIdentity | undefined;
    const identity: ClusterIdentity = {
      clusterUid: watermark.clusterUid,
      incarnation: Math.max(watermark.incarnation, found?.incarnation ?? 0) + 1,
    };
    await this.bucket.put(KEY, identity, entry?.revision ?? 0, WRITE_MS);
    return identity;
  }
}

export type StoreCheck =
  | { readonly state: 'ok' }
  | {
      readonly state: 'empty' | 'older' | 'foreign';
      /** What it means and how to go on. */
      readonly explain: string;
    };

/**
 * Compares what the store is with what was seen of it. Pure.
 * @param seen undefined for a process that has never seen a store
 * @param store the store's identity and the last position of its log
 */
export function checkStore(
  seen: Watermark | undefined,
  store: { identity: ClusterIdentity | undefined; position: number },
): StoreCheck {
  const { identity, position } = store;
  if (!seen) return { state: 'ok' };
  const goOn =
    'running applications and their policy are untouched; stop the control plane and put the right store in its place, or accept this one as it is with `heddle store accept` (what was changed since is lost)';
  if (!identity) {
    return {
      state: 'empty',
      explain: `the store is empty, but the cluster ${seen.clusterUid} was at position ${seen.position}: ${goOn}`,
    };
  }
  if (identity.clusterUid !== seen.clusterUid) {
    return {
      state: 'foreign',
      explain: `the store belongs to the cluster ${identity.clusterUid}, this control plane to ${seen.clusterUid}: ${goOn}`,
    };
  }
  if (
    identity.incarnation < seen.incarnation ||
    (identity.incarnation === seen.incarnation && position < seen.position)
  ) {
    return {
      state: 'older',
      explain: `the store is at position ${position} (incarnation ${identity.incarnation}), but position ${seen.position} (incarnation ${seen.incarnation}) was seen: it was restored from an older copy; ${goOn}`,
    };
  }
  return { state: 'ok' };
}

/** The error for a change that is asked for on a store that is not in order. */
export const storeError = (check: Exclude<StoreCheck, { state: 'ok' }>): HeddleError =>
  new HeddleError('state', check.explain, { retryable: false });
