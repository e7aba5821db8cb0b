export { runServer } from './run-server';
export type { ServiceEntry } from './services';
export { serverSettings, type ServerConfig } from './settings';
export { startServer, type ApiFile, type RunningServer } from './start-server';
