import type { ApicFabricSpec, Desired } from './desired/desired-tree';
import { diffTrees, type Reading } from './diff/diff-trees';
import { deletionsText, isEmpty, type ApicPlan } from './diff/plan';
import { postsOf, type Post } from './diff/posts';
import { recordDn, recordMo, standingOf, takeRecord, type RecordStanding, type WriteRecord } from './record';
import type { PresentMo } from './tree/mo';

/** What is decided on: one reading, and one state of what is wanted. */
export interface SyncInput {
  readonly desired: Desired;
  readonly reading: Reading;
  readonly spec: Pick<ApicFabricSpec, 'annotation' | 'maxDeletions'>;
  /** The cluster that asks, and the state that is wanted. */
  readonly here: WriteRecord;
  /** Whether a person has confirmed what a text stands for, see {@link Waiting}. */
  readonly confirmed?: (text: string) => boolean;
}

/** What is not done before a person confirms it. */
export interface Waiting {
  /** Says all of it: something else that waits has another text. */
  readonly text: string;
  readonly reason: string;
  readonly deletions: number;
}

export interface SyncDecision {
  /** All that differs, whether it may be sent or not. */
  readonly plan: ApicPlan;
  /** What may be sent, in its order. */
  readonly posts: readonly Post[];
  readonly waiting?: Waiting;
  /** Why nothing at all may be sent. */
  readonly refused?: string;
  /** How many objects of ours there are. */
  readonly ours: number;
}

/**
 * Decides what is sent to an APIC after a reading. The record there says who has written it, and up to which state:
 *
 * - of another cluster, or of a later state than is wanted now (the store is an older copy): nothing is sent;
 * - none: what is missing is made, but nothing that has our annotation is deleted, because nobody knows who made it;
 * - of this cluster and an earlier state: what is not wanted any more was taken out of the log since, and is deleted, unless
 *   there is more of it than is allowed without a person's word.
 */
export function decideSync({ desired, reading, spec, here, confirmed = () => false }: SyncInput): SyncDecision {
  const { annotation, maxDeletions } = spec;
  const { record, rest } = takeRecord(reading.objects, annotation);
  const standing = standingOf(record, here);
  const hold = holdReason(standing);
  const plan = diffTrees(
    desired,
    { ...reading, objects: rest },
    { annotation, maxDeletions, ...(hold === undefined ? {} : { hold }) },
  );
  const stranger = strangerReason(record, standing);
  const reason = stranger ?? plan.held;
  const waiting: Waiting | undefined =
    reason === undefined
      ? undefined
      : { text: `${textOf(record)}\n${deletionsText(plan)}`, reason, deletions: plan.deletions.length };
  const released = waiting === undefined || confirmed(waiting.text);
  const ours = [...rest.values()].filter(({ attributes }) => attributes['annotation'] === annotation).length;
  if (stranger !== undefined && !released)
    return { plan, posts: [], ours, refused: stranger, ...(waiting === undefined ? {} : { waiting }) };
  const posts = postsOf(plan, released ? plan.deletions : [], { roots: desired.roots, present: rest });
  const changed = posts.length > 0 || (standing !== 'behind' && ours > 0);
  return {
    plan,
    // The record comes first: that what is there is newer than it says would undo this change after a restore.
    posts: changed && released && reading.complete ? [recordPost(annotation, here), ...posts] : posts,
    ours,
    ...(released || waiting === undefined ? {} : { waiting }),
  };
}

/** Whether nothing is left to be done, by anybody. */
export const isInForce = ({ plan, waiting, refused }: Omit<SyncDecision, 'posts' | 'ours'>): boolean =>
  isEmpty(plan) && plan.conflicts.length === 0 && waiting === undefined && refused === undefined;

function holdReason(standing: RecordStanding): string | undefined {
  return standing === 'none'
    ? 'nothing on the APIC says which cluster wrote it, so nobody knows whether what is not wanted here is wanted elsewhere'
    : undefined;
}

function strangerReason(record: WriteRecord | undefined, standing: RecordStanding): string | undefined {
  if (record === undefined || standing === 'none' || standing === 'behind') return undefined;
  if (standing === 'foreign')
    return `the APIC was last written by the cluster ${record.clusterUid} with the same annotation; give each cluster an annotation of its own, or confirm that this one takes over`;
  return `the APIC was written from position ${record.position} (incarnation ${record.incarnation}), which the store does not have: it is an older copy; bring the right one back, accept it as it is, or confirm`;
}

const textOf = (record: WriteRecord | undefined): string =>
  record === undefined ? 'no record' : `${record.clusterUid} ${record.incarnation} ${record.position}`;

function recordPost(annotation: string, here: WriteRecord): Post {
  const { attributes } = recordMo(annotation, here);
  const dn = recordDn(annotation);
  return { dn, body: { fvnsVlanInstP: { attributes: { dn, ...attributes } } }, changes: 0 };
}

/** Objects by their distinguished names, as a reading has them. */
export const byDn = (objects: Iterable<PresentMo>): Map<string, PresentMo> =>
  new Map([...objects].map((object) => [object.dn, object]));
