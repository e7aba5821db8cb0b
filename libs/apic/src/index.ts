export { byDn, decideSync, isInForce, type SyncDecision, type SyncInput, type Waiting } from './decide';
export { desiredTree, type ApicFabricSpec, type Desired, type DesiredInput } from './desired/desired-tree';
export { diffTrees, type DiffOptions, type Reading } from './diff/diff-trees';
export * from './diff/plan';
export { postsOf, type MoJson, type Post } from './diff/posts';
export * from './queries';
export * from './record';
export { CLASSES, classInfo, isMoClass, MO_CLASSES, OTHERS_CLASSES, type Attributes, type ClassInfo, type MoClass } from './tree/classes'; // prettier-ignore
export { isBelow, parentOf, rnsOf } from './tree/dn';
export * from './tree/mo';
export { sameValue } from './tree/values';
