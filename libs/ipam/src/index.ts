export * from './address-table';
export * from './block-size';
export * from './block-table';
export * from './mac';
export { subnetOf, usableAddresses, usableIn, type Subnet } from './subnet';
export * from './vlan-pool';
export * from './vlan-table';
