import { existsSync } from 'node:fs';
import path from 'node:path';
import type { LabCommands } from '@heddle/lab';
import { HeddleError } from '@heddle/model';

/** Where the agents of a lab reach NATS, at the control plane's underlay address. */
const NATS_PORT = 4222;

/** Heddle's own programs that run in a lab, below the folder of the applications. */
const PROGRAMS = {
  server: path.join('server', 'dist', 'main.js'),
  attach: path.join('agent', 'dist', 'attach.js'),
  agent: path.join('agent', 'dist', 'main.js'),
};

/** The commands of Heddle's own processes in a lab, as argument vectors with absolute paths. */
export function labCommands(appsFolder: string): Required<LabCommands> {
  const node = (program: keyof typeof PROGRAMS): string[] => [
    process.execPath,
    path.join(appsFolder, PROGRAMS[program]),
  ];
  return {
    server: ({ address, apiSocket, stateDir, runDir }) => [
      ...node('server'),
      ...['--state-dir', stateDir, '--run-dir', runDir, '--api-socket', apiSocket],
      ...['--nats-host', address, '--nats-port', String(NATS_PORT), '--lab'],
    ],
    attach: ({ configFile }) => [...node('attach'), '--config', configFile],
    agent: ({ configFile }) => [...node('agent'), '--config', configFile],
  };
}

/** Before anything of a lab is begun. @throws HeddleError `state` when a program is not built */
export function checkPrograms(appsFolder: string): void {
  const missing = Object.values(PROGRAMS)
    .map((program) => path.join(appsFolder, program))
    .filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new HeddleError('state', `${missing.join(', ')}: not there, run npm run build first`);
  }
}
