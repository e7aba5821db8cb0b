export * from './address-table';
export * from './block-size';
export * from './block-table';
export * from './mac';
export { usableAddresses } from './subnet';
