import path from 'node:path';
import type { LabCommands } from '@heddle/lab';

/** Where the agents of a lab reach NATS, at the control plane's underlay address. */
const NATS_PORT = 4222;

/** The commands of Heddle's own processes in a lab, as argument vectors with absolute paths. */
export function labCommands(appsFolder: string): Required<LabCommands> {
  const node = (...parts: string[]): string[] => [process.execPath, path.join(appsFolder, ...parts)];
  return {
    server: ({ address, apiSocket, stateDir, runDir }) => [
      ...node('server', 'dist', 'main.js'),
      ...['--state-dir', stateDir, '--run-dir', runDir, '--api-socket', apiSocket],
      ...['--nats-host', address, '--nats-port', String(NATS_PORT), '--lab'],
    ],
    attach: ({ configFile }) => [...node('agent', 'dist', 'attach.js'), '--config', configFile],
    agent: ({ configFile }) => [...node('agent', 'dist', 'main.js'), '--config', configFile],
  };
}
