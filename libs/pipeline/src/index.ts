export * from './openflow/flow';
