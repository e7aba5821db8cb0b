export { externalBroker, type BrokerCredentials, type BrokerUsers } from './credentials/broker-users';
export type { ApiAddress } from './http/listen';
export { startGateway, type GatewayDeps, type RunningGateway } from './start-gateway';
export { VERSION } from './version';
