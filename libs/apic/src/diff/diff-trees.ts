import type { Desired } from '../desired/desired-tree';
import { classInfo, isMoClass } from '../tree/classes';
import { isBelow, parentOf } from '../tree/dn';
import { placed, type PlacedMo, type PresentMo } from '../tree/mo';
import { differences } from '../tree/values';
import type { ApicPlan, Conflict, Modification } from './plan';

/** What was read of an APIC. */
export interface Reading {
  readonly objects: ReadonlyMap<string, PresentMo>;
  /** Whether every question was answered, and answered whole. */
  readonly complete: boolean;
  /** Roots of which it is not known what is there. */
  readonly unread: ReadonlySet<string>;
}

export interface DiffOptions {
  /** Marks what is ours. */
  readonly annotation: string;
  /** More deletions than this wait for a person. */
  readonly maxDeletions: number;
  /** Why every deletion waits for a person, if it does. */
  readonly hold?: string;
}

/** `occupied`: by an object of somebody else. `below`: under one that is occupied. */
type Verdict = 'absent' | 'ours' | 'shared' | 'occupied' | 'below' | 'unread';

const isTaken = (verdict: Verdict | undefined): boolean => verdict === 'occupied' || verdict === 'below';

/**
 * The difference between what is wanted and what is there. Only objects with our annotation are changed or deleted:
 *
 * - Where somebody else has an object in the place of one of ours, it is a conflict: neither it nor anything below it is made,
 *   changed or deleted, and no relation to it is made. A tenant or application profile of somebody else, which only holds
 *   others, is used as it is.
 * - Only attributes that we set are compared.
 * - An object of ours is kept while something of others is below it.
 * - Nothing is deleted after a reading that is not complete; below a root that was not read, nothing is changed either.
 */
export function diffTrees(
  { roots, undecided }: Pick<Desired, 'roots' | 'undecided'>,
  reading: Reading,
  { annotation, maxDeletions, hold }: DiffOptions,
): ApicPlan {
  const isOurs = (object: PresentMo): boolean =>
    isMoClass(object.class) && object.attributes['annotation'] === annotation;
  const wanted = placed(roots);
  const verdicts = judge(wanted, reading, isOurs);
  const conflicts: Conflict[] = [];
  const creations: PlacedMo[] = [];
  const modifications: Modification[] = [];
  for (const [dn, object] of wanted) {
    const verdict = verdicts.get(dn);
    const present = reading.objects.get(dn);
    if (verdict === 'occupied' && present) conflicts.push(occupied(present));
    if (verdict !== 'absent' && verdict !== 'ours') continue;
    if (isTaken(verdicts.get(object.target ?? ''))) {
      conflicts.push(withheld(object, present !== undefined));
      continue;
    }
    if (present === undefined) {
      creations.push(object);
      continue;
    }
    const changed = differences(object.attributes, present.attributes);
    if (changed.length === 0) continue;
    const changes = changed.map(([name, to]) => {
      const from = present.attributes[name];
      return [name, from === undefined ? { to } : { from, to }] as const;
    });
    modifications.push({ object, changes: new Map(changes) });
  }

  const surplus = [...reading.objects.values()].filter(
    (present) => isOurs(present) && !wanted.has(present.dn) && !isToOne(present) && !undecided.some((dn) => isBelow(present.dn, dn)),
  ); // prettier-ignore
  const foreign = [...reading.objects.values()].filter((present) => !isOurs(present) && !isToOne(present));
  const { free, held } = separate(surplus, foreign);
  conflicts.push(...held);
  const deletions = free.sort((a, b) => (a.dn < b.dn ? 1 : -1));
  const reason = reasonToHold(deletions.length, { maxDeletions, hold });
  return {
    creations,
    modifications,
    deletions: reading.complete ? deletions : [],
    deletionsAllowed: reason === undefined,
    ...(reason === undefined || !reading.complete ? {} : { held: reason }),
    conflicts,
    others: foreign.filter(({ dn }) => isAddition(dn, reading.objects, isOurs)),
  };
}

/** What is in the place of each wanted object, and whether it may be touched. Parents decide before their children. */
function judge(
  wanted: ReadonlyMap<string, PlacedMo>,
  { objects, unread }: Reading,
  isOurs: (object: PresentMo) => boolean,
): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const [dn, { class: name, parent, root }] of wanted) {
    const above = parent === undefined ? undefined : verdicts.get(parent);
    const present = objects.get(dn);
    const { toOne, holder } = classInfo(name);
    const verdict = ((): Verdict => {
      if (unread.has(root)) return 'unread';
      if (isTaken(above)) return 'below';
      if (present === undefined) return 'absent';
      if (isOurs(present) || toOne) return 'ours';
      return holder ? 'shared' : 'occupied';
    })();
    verdicts.set(dn, verdict);
  }
  return verdicts;
}

const isToOne = (object: PresentMo): boolean => isMoClass(object.class) && classInfo(object.class).toOne === true;

/** Surplus objects with something of others below them stay: deleting them would delete that, too. */
function separate(
  surplus: readonly PresentMo[],
  foreign: readonly PresentMo[],
): { free: PresentMo[]; held: Conflict[] } {
  const holding = new Map<string, string>();
  for (const { dn } of foreign) {
    for (let above = parentOf(dn); above !== undefined; above = parentOf(above)) holding.set(above, dn);
  }
  const free: PresentMo[] = [];
  const held: Conflict[] = [];
  for (const object of surplus) {
    const below = holding.get(object.dn);
    if (below === undefined) free.push(object);
    else {
      const message = `is not wanted any more, but ${below}, which somebody else made, is below it; it stays until that is gone`;
      held.push({ dn: object.dn, class: object.class, message });
    }
  }
  return { free, held };
}

function reasonToHold(
  count: number,
  { maxDeletions, hold }: Pick<DiffOptions, 'maxDeletions' | 'hold'>,
): string | undefined {
  if (count === 0) return undefined;
  if (hold !== undefined) return hold;
  if (count <= maxDeletions) return undefined;
  const objects = count === 1 ? '1 object' : `${count} objects`;
  return `${objects} would be deleted, more than the ${maxDeletions} that are allowed without a person's word`;
}

/** Whether an object of others is directly below one of ours that is no mere holder: it changes what ours means. */
function isAddition(
  dn: string,
  objects: ReadonlyMap<string, PresentMo>,
  isOurs: (object: PresentMo) => boolean,
): boolean {
  const parent = objects.get(parentOf(dn) ?? '');
  if (parent === undefined || !isOurs(parent)) return false;
  return isMoClass(parent.class) && classInfo(parent.class).holder !== true;
}

const occupied = ({ dn, class: name, attributes }: PresentMo): Conflict => {
  const annotation = attributes['annotation'];
  const whose = annotation ? `its annotation is "${annotation}"` : 'it has no annotation';
  const message = `is somebody else's (${whose}), so neither it nor what belongs below it is made or changed; remove it, or name ours differently`;
  return { dn, class: name, message };
};

const withheld = ({ dn, class: name, target }: PlacedMo, isThere: boolean): Conflict => ({
  dn,
  class: name,
  message: isThere
    ? `names ${target}, which is somebody else's; it stays as it is`
    : `is not made, because it would name ${target}, which is somebody else's`,
});
