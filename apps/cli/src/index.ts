export { EXIT } from './exit-codes';
export { runCli } from './program';
export type { Environment } from './session';
export type { Terminal } from './terminal';
export { labCommands } from './lab/commands';
