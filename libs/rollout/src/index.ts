export * from './actions';
export type { HostStates } from './classify';
export * from './health';
export { goalOf, instanceOf, isAvailable, type Instance, type ServiceGoal } from './instance';
export * from './liveness';
export * from './reconcile';
export * from './restart';
export type { ServiceSummary } from './summary';
export * from './template-hash';
