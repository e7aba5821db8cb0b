import type { Watermark } from '@heddle/model';
import { compareWatermarks, type Announcement, type Delta, type Snapshot, type Standing } from './protocol';

/** Why something was not accepted. */
export interface Refusal {
  readonly reason: 'foreign' | 'older';
  readonly have: Watermark;
  readonly got: Watermark;
  /** For people: what it means and how to go on. */
  readonly message: string;
}

/** What became of a message. */
export type Outcome<T> =
  /** The set changed; `put` and `delete` say how. */
  | { readonly type: 'changed'; readonly put: ReadonlyMap<string, T>; readonly delete: readonly string[] }
  /** The set is as it was, but derived up to a later position. */
  | { readonly type: 'advanced' }
  /** Nothing new. */
  | { readonly type: 'ignored' }
  /** Something was missed: only a snapshot helps. */
  | { readonly type: 'behind' }
  | { readonly type: 'refused'; readonly refusal: Refusal };

/** Deltas kept while a snapshot is under way. */
const MAX_EARLY = 1_000;

/**
 * A reader's copy of the set. Messages may be lost, repeated and reordered: each leads to the right state or to the demand
 * for a snapshot, never to a wrong one. What is older than, or of another cluster than, what was accepted before is refused:
 * it may come from a store that was restored or lost, and must not take anything away.
 */
export class Replica<T> {
  private standing: Standing | undefined;
  private values = new Map<string, T>();
  /** Deltas that came before the version they follow. */
  private early: Delta<T>[] = [];

  /**
   * @param accepted what was accepted before this process started; its content is not needed here, a snapshot follows
   */
  constructor(private accepted: (Watermark & { readonly epoch: number }) | undefined) {}

  get entries(): ReadonlyMap<string, T> {
    return this.values;
  }

  /** Where the copy stands; undefined before the first snapshot. */
  get current(): Standing | undefined {
    return this.standing;
  }

  /** The connection was lost: what was missed is unknown. The copy stays as it is. */
  interrupted(): void {
    this.standing = undefined;
    this.early = [];
  }

  snapshot({ entries, ...standing }: Snapshot<T>): Outcome<T> {
    if (this.isOvertaken(standing)) return { type: 'ignored' };
    const refusal = this.refusalOf(standing);
    if (refusal) return { type: 'refused', refusal };
    if (this.isStale(standing)) return { type: 'ignored' };
    const put = new Map([...entries].filter(([key, value]) => !sameValue(this.values.get(key), value)));
    const gone = [...this.values.keys()].filter((key) => !entries.has(key));
    this.values = new Map(entries);
    this.advance(standing);
    for (const delta of this.takeEarly()) {
      for (const [key, value] of Object.entries(delta.put)) put.set(key, value);
      gone.push(...delta.delete);
      this.apply(delta);
    }
    const removed = [...new Set(gone)].filter((key) => !this.values.has(key));
    for (const key of removed) put.delete(key);
    return put.size + removed.length > 0 ? { type: 'changed', put, delete: removed } : { type: 'advanced' };
  }

  announcement(message: Announcement<T>): Outcome<T> {
    const refusal = this.refusalOf(message);
    // A message of an earlier writer may come late without anything being wrong; an answer to a question may not.
    if (this.isStale(message) || (refusal && this.standing)) return { type: 'ignored' };
    if (refusal) return { type: 'refused', refusal };
    const standing = this.standing;
    if (!standing || !sameWriter(standing, message)) {
      this.keepEarly(message);
      return { type: 'behind' };
    }
    if (message.sequence <= standing.sequence) return this.sameVersion(message, standing);
    if (message.type === 'beat' || message.sequence !== standing.sequence + 1) {
      this.keepEarly(message);
      return { type: 'behind' };
    }
    this.apply(message);
    const more = this.takeEarly();
    const put = new Map(Object.entries(message.put));
    const gone = [...message.delete];
    for (const delta of more) {
      for (const [key, value] of Object.entries(delta.put)) put.set(key, value);
      gone.push(...delta.delete);
      this.apply(delta);
    }
    const removed = [...new Set(gone)].filter((key) => !this.values.has(key));
    for (const key of removed) put.delete(key);
    return put.size + removed.length > 0 ? { type: 'changed', put, delete: removed } : { type: 'advanced' };
  }

  private sameVersion(message: Announcement<T>, standing: Standing): Outcome<T> {
    if (message.sequence < standing.sequence || message.position <= standing.position) return { type: 'ignored' };
    this.advance({ ...standing, position: message.position });
    return { type: 'advanced' };
  }

  private apply(delta: Delta<T>): void {
    for (const key of delta.delete) this.values.delete(key);
    for (const [key, value] of Object.entries(delta.put)) this.values.set(key, value);
    this.advance(delta);
  }

  private advance({ clusterUid, incarnation, position, epoch, writer, sequence }: Standing): void {
    this.standing = { clusterUid, incarnation, position, epoch, writer, sequence };
    this.accepted = { clusterUid, incarnation, position, epoch };
  }

  private keepEarly(message: Announcement<T>): void {
    if (message.type === 'delta' && this.early.length < MAX_EARLY) this.early.push(message);
  }

  /** The kept deltas that follow the copy without a gap, in order; the others are of no use any more. */
  private takeEarly(): Delta<T>[] {
    const standing = this.standing as Standing;
    const byVersion = new Map(this.early.filter((d) => sameWriter(d, standing)).map((d) => [d.sequence, d]));
    const usable: Delta<T>[] = [];
    for (let next = byVersion.get(standing.sequence + 1); next; next = byVersion.get(next.sequence + 1))
      usable.push(next);
    this.early = [];
    return usable;
  }

  /** Of a writer that has been succeeded, or an earlier version of the set that the copy holds. */
  private isStale(message: Standing): boolean {
    const { accepted } = this;
    if (message.clusterUid !== accepted?.clusterUid || message.incarnation !== accepted.incarnation) return false;
    return message.epoch < accepted.epoch || this.isOvertaken(message);
  }

  /** An earlier version of the set that the copy holds, of the writer that it follows. */
  private isOvertaken(message: Standing): boolean {
    const { standing } = this;
    return standing !== undefined && sameWriter(standing, message) && message.sequence < standing.sequence;
  }

  private refusalOf(message: Standing): Refusal | undefined {
    const have = this.accepted;
    if (!have) return undefined;
    const got = watermarkOf(message);
    if (message.clusterUid !== have.clusterUid) {
      return {
        reason: 'foreign',
        have: watermarkOf(have),
        got,
        message: `the control plane belongs to the cluster ${message.clusterUid}, this host to ${have.clusterUid}; nothing of it is accepted: connect the host to its own cluster, or remove it here and let it join anew`,
      };
    }
    if (compareWatermarks(message, have) >= 0) return undefined;
    return {
      reason: 'older',
      have: watermarkOf(have),
      got,
      message: `the control plane is at position ${message.position} (incarnation ${message.incarnation}), this host has accepted ${have.position} (incarnation ${have.incarnation}): its store was restored from an older copy or lost; what was accepted stays in force until the store is brought back or accepted as it is`,
    };
  }
}

const watermarkOf = ({ clusterUid, incarnation, position }: Watermark): Watermark => ({
  clusterUid,
  incarnation,
  position,
});

/** Whether the versions of both are of one count. */
const sameWriter = (a: Standing, b: Standing): boolean =>
  a.clusterUid === b.clusterUid && a.incarnation === b.incarnation && a.epoch === b.epoch && a.writer === b.writer;

const sameValue = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
