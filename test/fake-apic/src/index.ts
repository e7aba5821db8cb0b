export { Controller, type Fault, type RequestSeen } from './controller';
export { FakeApic, type FakeApicOptions } from './fake-apic';
export type { Body, Mo } from './tree';
export { TEST_CA, TEST_TLS } from './certificate';
