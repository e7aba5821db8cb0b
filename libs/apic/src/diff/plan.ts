import type { PlacedMo, PresentMo } from '../tree/mo';

/** An attribute that an object has and is to have. */
export interface AttributeChange {
  /** Undefined where there is no such attribute. */
  readonly from?: string;
  readonly to: string;
}

export interface Modification {
  readonly object: PlacedMo;
  readonly changes: ReadonlyMap<string, AttributeChange>;
}

/** What is left alone. */
export interface Conflict {
  readonly dn: string;
  readonly class: string;
  readonly message: string;
}

/** Why deletions are not made although nobody has to confirm them. */
export type Postponement = 'partial reading';

/** The difference between what is wanted and what is there. */
export interface ApicPlan {
  /** Parents before their children, and what others refer to before these. */
  readonly creations: readonly PlacedMo[];
  readonly modifications: readonly Modification[];
  /** All objects of ours that are not wanted any more, children before their parents. */
  readonly deletions: readonly PresentMo[];
  /** Whether the deletions may be made without a person's word. */
  readonly deletionsAllowed: boolean;
  /** Why they may not. */
  readonly held?: string;
  readonly conflicts: readonly Conflict[];
  /** Objects of others below those of ours, where they add to what is enforced. */
  readonly others: readonly PresentMo[];
}

export const isEmpty = ({ creations, modifications, deletions }: ApicPlan): boolean =>
  creations.length + modifications.length + deletions.length === 0;

/** A text that stands for what a plan would delete: two plans with the same text delete the same. */
export const deletionsText = ({ deletions }: ApicPlan): string => deletions.map(({ dn }) => dn).sort().join('\n'); // prettier-ignore
