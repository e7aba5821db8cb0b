import { createHash } from 'node:crypto';
import type { ApicPlan, SyncDecision, Waiting } from '@heddle/apic';
import type { FabricChange, FabricPlan, FabricWaiting } from '@heddle/model';

/** The most that an answer lists; its totals count all. */
const MAX_LISTED = 1_000;

/** Stands for exactly what waits, see {@link Waiting.text}. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export const waitingView = (waiting: Waiting): FabricWaiting => ({
  digest: digestOf(waiting.text),
  reason: waiting.reason,
  deletions: waiting.deletions,
});

/** A decision as people are shown it. */
export function planView(
  fabric: string,
  position: number,
  { plan, waiting }: Pick<SyncDecision, 'plan' | 'waiting'>,
  problems: readonly string[],
): FabricPlan {
  const { creations, modifications, deletions } = plan;
  return {
    fabric,
    driver: 'apic',
    position,
    changes: changesOf(plan).slice(0, MAX_LISTED),
    totals: { create: creations.length, modify: modifications.length, delete: deletions.length },
    conflicts: plan.conflicts.slice(0, MAX_LISTED),
    ...(waiting === undefined ? {} : { waiting: waitingView(waiting) }),
    problems: problems.slice(0, MAX_LISTED),
  };
}

function changesOf({ creations, modifications, deletions }: ApicPlan): FabricChange[] {
  return [
    ...creations.map(({ dn, class: name, attributes }): FabricChange => ({
      action: 'create',
      dn,
      class: name,
      attributes: Object.fromEntries(Object.entries(attributes).map(([key, to]) => [key, { to }])),
    })),
    ...modifications.map(({ object, changes }): FabricChange => ({
      action: 'modify',
      dn: object.dn,
      class: object.class,
      attributes: Object.fromEntries(changes),
    })),
    ...deletions.map(({ dn, class: name }): FabricChange => ({ action: 'delete', dn, class: name })),
  ];
}
