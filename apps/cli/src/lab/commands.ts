import type { LabCommands } from '@heddle/lab';
import { DAEMON, daemonArgv } from '../daemons/daemons';

/** Where the agents of a lab reach NATS, at the control plane's underlay address. */
const NATS_PORT = 4222;

/** The commands of Heddle's own processes in a lab, as argument vectors with absolute paths. */
export function labCommands(appsFolder: string): Required<LabCommands> {
  return {
    server: ({ address, apiSocket, stateDir, runDir }) => [
      ...daemonArgv(DAEMON.server, appsFolder),
      ...['--state-dir', stateDir, '--run-dir', runDir, '--api-socket', apiSocket],
      ...['--nats-host', address, '--nats-port', String(NATS_PORT), '--lab'],
    ],
    attach: ({ configFile }) => [...daemonArgv(DAEMON.attach, appsFolder), '--config', configFile],
    agent: ({ configFile }) => [...daemonArgv(DAEMON.agent, appsFolder), '--config', configFile],
  };
}
