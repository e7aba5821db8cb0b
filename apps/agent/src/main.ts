import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DockerEngine } from '@heddle/docker';
import { HashedFile, systemClock, SystemFiles, SystemProcesses } from '@heddle/host';
import { connectBus, type StorePort } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { OpenFlowSwitch, OvsDatabase } from '@heddle/ovs';
import {
  answerOps,
  LOG_SETTING,
  processMetrics,
  renderMetrics,
  runNestService,
  runProgram,
  serviceContext,
  type LogLevels,
} from '@heddle/service';
import { z } from 'zod';
import { Agent, type Log } from './agent/agent';
import { AgentModule } from './agent/agent.module';
import { ControlPlane } from './agent/control-plane';
import { readHostConfig, type HostConfig } from './config';
import { closeOps, listenOps } from './ops';
import { AgentStore, type AgentState } from './store';

interface AgentSettings {
  readonly config: string;
  readonly logLevels: LogLevels;
}

const VERSION = '0.1.0';

/** An agent reaches no store: its NATS user may not, and what it keeps is on its own disk. */
const NO_STORE: StorePort = {
  stream: () => Promise.reject(new HeddleError('forbidden', 'an agent has no access to the store')),
  blobs: () => Promise.reject(new HeddleError('forbidden', 'an agent has no access to the store')),
};

void runProgram<AgentSettings>({
  name: 'heddle agent',
  summary: 'runs the containers of this host and enforces their policy',
  settings: {
    config: {
      arg: 'config',
      env: 'HEDDLE_HOST_CONFIG',
      help: 'configuration of the host (JSON)',
      schema: z.string().default('/etc/heddle/host.json'),
    },
    logLevels: LOG_SETTING,
  },
  start: async (settings, { log: root }) => {
    const config = readHostConfig(settings.config);
    const pino = root.child({ host: config.host });
    const log: Log = (level, message, fields = {}) => pino[level](fields, message);
    return startAgent(config, log, pino);
  },
});

async function startAgent(
  config: HostConfig,
  log: Log,
  pino: Parameters<typeof serviceContext>[1]['log'],
): Promise<{ stop(graceMs: number): Promise<void> }> {
  const files = new SystemFiles();
  const stateFile = new HashedFile<AgentState>(
    files,
    path.join(config.stateDir, 'agent.state'),
    (json) => json as AgentState,
  );
  const store = await AgentStore.open(stateFile, (error) => log('error', error.message));
  const bus = await connectBus({
    servers: config.nats.servers,
    name: 'agent',
    host: config.host,
    ...(config.nats.seedFile === undefined ? {} : { seed: readFileSync(config.nats.seedFile, 'utf8').trim() }),
    // The host works without NATS; the connection is made when it can be.
    connectMs: 0,
  });
  const context = serviceContext('agent', { bus, store: NO_STORE, log: pino, clock: systemClock });
  const engine = new DockerEngine({
    socketPath: config.docker.socket,
    fileRoots: [config.stateDir],
    onEventsLost: (error) => log('warn', `engine events: ${error.message}`),
  });
  const ovs = await OvsDatabase.connect({ socketPath: config.ovs.databaseSocket });
  const bridge = new OpenFlowSwitch({ socketPath: path.join(config.ovs.runDir, `${config.ovs.bridge}.mgmt`) });
  const controlPlane = new ControlPlane({
    config,
    bus,
    rpc: context.rpc,
    clock: systemClock,
    store,
    log,
    version: VERSION,
    capacity: async () => {
      const [info, version] = await Promise.all([engine.info(), engine.version()]);
      return { cpu: info.cpus, memory: info.memoryBytes, engineVersion: version.version };
    },
  });
  const agent = await Agent.start({
    config,
    store,
    engine,
    processes: new SystemProcesses(),
    ovs,
    bridge,
    log,
    leaseBlock: (bridgeDomain, have) => controlPlane.leaseBlock(bridgeDomain, have),
    onReport: () => controlPlane.reportSoon(),
    onEvent: (fact) => controlPlane.event(fact),
  });
  context.readiness.add('host', () => agent.problems[0] ?? true);
  context.readiness.add('control plane', () => controlPlane.problems[0] ?? true, { advisory: true });
  controlPlane.start(agent);
  const served = serveWhenConnected();
  const ops =
    config.agent === undefined
      ? undefined
      : await listenOps(config.agent.socket, (url) =>
          answerOps(url, {
            readiness: () => context.readiness.report(),
            metrics: () => renderMetrics([context.metrics.registry, processMetrics()]),
          }),
        );
  log('info', `agent of ${config.host} ready`, { epoch: agent.epoch });

  /** Requests are served as soon as there is somebody to send them. */
  async function serveWhenConnected(): Promise<{ stop(graceMs: number): Promise<void> } | undefined> {
    for (;;) {
      try {
        return await runNestService(AgentModule.of(agent, engine), context);
      } catch (error) {
        if (bus.status().state === 'closed') return undefined;
        log('warn', `requests are not served yet: ${HeddleError.from(error).message}`);
        await systemClock.sleep(1_000);
      }
    }
  }

  return {
    stop: async (graceMs) => {
      if (ops) await closeOps(ops);
      await controlPlane.stop();
      await agent.stop();
      await bus.close();
      await (await served)?.stop(graceMs);
      await bridge.close();
      await ovs.close();
      engine.close();
    },
  };
}
