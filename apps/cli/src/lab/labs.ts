import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildDemoImage, DockerEngine } from '@heddle/docker';
import { SystemFiles } from '@heddle/host';
import { Lab, labNames } from '@heddle/lab';
import { serverIn } from '../context/local-server';
import { DAEMONS, checkBuilt } from '../daemons/daemons';
import { labCommands } from './commands';
import type { LabPort, Labs, OpenLabOptions } from './port';

/**
 * The labs of this machine. Entry point of a bundle of its own.
 * @param appsFolder the folder with the built applications: `server/dist/main.js` and so on
 */
export function machineLabs(appsFolder: string): Labs {
  return { open: (options) => open(appsFolder, options), names: () => labNames() };
}

async function open(appsFolder: string, options: OpenLabOptions): Promise<LabPort> {
  const { name, hosts, credentials, onProgress } = options;
  const lab = await Lab.open({
    name,
    ...(hosts === undefined ? {} : { hosts }),
    commands: labCommands(appsFolder),
    ...(credentials ? { credentials: (host) => credentials(host, port) } : {}),
    ...(onProgress ? { onProgress } : {}),
  });
  const port: LabPort = {
    name,
    nodesFolder: path.dirname(lab.control.layout.state),
    up: async (signal) => {
      checkBuilt(DAEMONS, appsFolder, existsSync);
      return lab.up(signal);
    },
    down: () => lab.down(),
    hostUp: async (host, signal) => {
      checkBuilt(DAEMONS, appsFolder, existsSync);
      await lab.hostUp(host, signal);
    },
    hostDown: (host) => lab.hostDown(host),
    serverUp: async (spec, signal) => {
      checkBuilt(DAEMONS, appsFolder, existsSync);
      await lab.serverUp(spec, signal);
      const server = lab.server(spec.name);
      const { leaf, port, vlan } = await server.attachment();
      return { mac: await server.mac(), leaf, port, ...(vlan === undefined ? {} : { vlan }) };
    },
    serverDown: (server) => lab.serverDown(server),
    status: () => lab.status(),
    tokenFile: async () => (await serverIn(lab.control.layout.run, new SystemFiles()))?.tokenFile,
    buildDemoImage: async (host) => buildImage((await lab.host(host).config()).docker.socket),
  };
  return port;
}

async function buildImage(socketPath: string): Promise<void> {
  const engine = new DockerEngine({ socketPath });
  try {
    await buildDemoImage(engine);
  } finally {
    engine.close();
  }
}
