export * from './admit';
export * from './check-references';
export * from './request';
export * from './rollback';
export * from './state';
