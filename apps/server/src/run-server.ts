import { runProgram, type ProcessPort } from '@heddle/service';
import { SERVICES, type ServiceEntry } from './services';
import { serverSettings } from './settings';
import { startServer } from './start-server';

/** `heddle server`: the control plane of a cluster in one process, until it is asked to stop. */
export function runServer(
  process: ProcessPort = globalThis.process,
  services: readonly ServiceEntry[] = SERVICES,
): Promise<void> {
  return runProgram(
    {
      name: 'heddle server',
      summary: 'the control plane: API, policy, inventory, scheduler and fabric in one process',
      settings: serverSettings(),
      start: async (config, { log }) => {
        const server = await startServer(config, log, services);
        const socket = config.apiSocket === undefined ? '' : `, socket ${config.apiSocket}`;
        process.stdout.write(
          `Heddle API at ${server.url}/api/v1, its description at ${server.url}/api/docs${socket}\n`,
        );
        return server;
      },
    },
    process,
  );
}
