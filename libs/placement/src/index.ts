export * from './explain';
export { FILTERS, constraintText, unmetConstraints, type Filter, type RefusalReason, type Refusals } from './filters';
export * from './place';
export { FAILURE_LIMIT, SCORERS, type Scorer, type ScorerName, type Scores } from './scorers';
export type { Demand, Snapshot, SnapshotHost } from './snapshot';
export * from './victims';
