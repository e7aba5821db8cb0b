import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DockerEngine } from '@heddle/docker';
import { systemClock, SystemFiles, SystemNftCommand, SystemProcesses } from '@heddle/host';
import { connectBus, type StorePort } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { OpenFlowSwitch, OvsDatabase } from '@heddle/ovs';
import { SIGHTING_METER } from '@heddle/pipeline';
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
import * as z from 'zod';
import { Agent, type Log } from './agent/agent';
import { AgentModule } from './agent/agent.module';
import { ControlPlane, type AgentSide } from './agent/control-plane';
import { RESOLV_FOLDER } from './agent/resolv-files';
import { readNodeConfig, type HostConfig, type LeafConfig, type NodeConfig } from './config';
import { addDropMetrics } from './datapath/drops';
import { LeafAgent } from './leaf/leaf-agent';
import { listenOps } from './ops';
import { endpointHealthProbe } from './runtime/endpoint-health-probe';
import { linkHealthProbe } from './runtime/health-probe';
import { sandboxHealthProbe } from './runtime/sandbox-health-probe';
import { AgentStore, type EngineCapacity } from './store';

interface AgentSettings {
  readonly config: string;
  readonly logLevels: LogLevels;
}

interface RunningAgent {
  stop(graceMs: number): Promise<void>;
}
type ServiceLog = Parameters<typeof serviceContext>[1]['log'];
type ServiceContext = ReturnType<typeof serviceContext>;

const VERSION = '0.1.0';
const SERVE_RETRY_MS = 1_000;
/** How long NATS may be away before that is told once more. */
const CONNECT_MS = 60_000;

/** An agent reaches no store: its NATS user may not, and what it keeps is on its own disk. */
const NO_STORE: StorePort = {
  stream: () => Promise.reject(new HeddleError('forbidden', 'an agent has no access to the store')),
  blobs: () => Promise.reject(new HeddleError('forbidden', 'an agent has no access to the store')),
};

void runProgram<AgentSettings>({
  name: 'heddle agent',
  summary: 'runs the containers of this host and enforces their policy; on a leaf it enforces only',
  settings: {
    config: {
      arg: 'config',
      env: 'HEDDLE_HOST_CONFIG',
      help: 'configuration of the host or leaf (JSON)',
      schema: z.string().default('/etc/heddle/host.json'),
    },
    logLevels: LOG_SETTING,
  },
  start: async (settings, { log: root }) => {
    const config = readNodeConfig(settings.config);
    const pino = root.child({ host: config.host });
    const log: Log = (level, message, fields = {}) => pino[level](fields, message);
    return startAgent(config, log, pino);
  },
});

type Ending = (graceMs: number) => Promise<void> | void;

async function startAgent(config: NodeConfig, log: Log, pino: ServiceLog): Promise<RunningAgent> {
  const endings: Ending[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    for (const end of [...endings].reverse()) await end(graceMs);
  };
  try {
    const node = await openNode(config, log, pino, endings);
    const { agent, controlPlane, serve } =
      config.role === 'host' ? await openHost(config, node, endings) : await openLeaf(config, node, endings);
    node.running.agent = agent;
    node.context.readiness.add('control plane', () => controlPlane.problems[0] ?? true, { advisory: true });
    controlPlane.start(agent);
    endings.push(() => controlPlane.stop());
    if (serve) endings.push(serve());
    log('info', `agent of ${config.host} ready`, { epoch: agent.epoch });
    return { stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/** What agents of hosts and leaves have in common. */
interface Node {
  readonly context: ServiceContext;
  readonly store: AgentStore;
  readonly ovs: OvsDatabase;
  readonly bridge: OpenFlowSwitch;
  readonly files: SystemFiles;
  readonly log: Log;
  readonly running: { agent?: AgentSide };
}

/** Opens everything in the order in which one needs the other. */
async function openNode(config: NodeConfig, log: Log, pino: ServiceLog, endings: Ending[]): Promise<Node> {
  const files = new SystemFiles();
  const bus = await connectBus({
    servers: config.nats.servers,
    name: 'agent',
    host: config.host,
    ...(config.nats.seedFile === undefined ? {} : { seed: readFileSync(config.nats.seedFile, 'utf8').trim() }),
    // The host works without NATS; the connection is made when it can be.
    connectMs: 0,
  });
  endings.push(() => bus.close());
  const context = serviceContext('agent', { bus, store: NO_STORE, log: pino, clock: systemClock });
  const running: Node['running'] = {};
  context.readiness.add('host', () => (running.agent ? (running.agent.problems[0] ?? true) : 'starting'));
  // First of all, because it keeps a second agent from working on the same host.
  if (config.agent) {
    const answer = (url: string) =>
      answerOps(url, {
        readiness: () => context.readiness.report(),
        metrics: () => renderMetrics([context.metrics.registry, processMetrics()]),
      });
    const ops = await listenOps(config.agent.socket, answer, (error) => log('error', `ops socket: ${error.message}`));
    endings.push(() => ops.close());
  }
  const store = await AgentStore.open(files, config.stateDir, (error) => log('error', error.message));
  const ovs = await OvsDatabase.connect({ socketPath: config.ovs.databaseSocket });
  endings.push(() => ovs.close());
  const bridge = new OpenFlowSwitch({
    socketPath: path.join(config.ovs.runDir, `${config.ovs.bridge}.mgmt`),
    packetIns: true,
    meters: [SIGHTING_METER],
  });
  endings.push(() => bridge.close());
  addDropMetrics(context.metrics.registry, bridge);
  return { context, store, ovs, bridge, files, log, running };
}

interface Opened {
  readonly agent: AgentSide;
  readonly controlPlane: ControlPlane;
  /** Answers what the control plane asks. @returns what ends that */
  readonly serve?: () => Ending;
}

async function openHost(config: HostConfig, node: Node, endings: Ending[]): Promise<Opened> {
  const { store, ovs, bridge, files, log } = node;
  const engine = new DockerEngine({
    socketPath: config.docker.socket,
    fileRoots: [path.join(config.stateDir, RESOLV_FOLDER)],
    onEventsLost: (error) => log('warn', `engine events: ${error.message}`),
  });
  endings.push(() => engine.close());
  const controlPlane = controlPlaneOf(config, node, async () => {
    const [info, version] = await Promise.all([engine.info(), engine.version()]);
    return { cpu: info.cpus, memory: info.memoryBytes, engineVersion: version.version };
  });
  const processes = new SystemProcesses();
  const agent = await Agent.start({
    config,
    store,
    engine,
    processes,
    files,
    health: endpointHealthProbe(linkHealthProbe, sandboxHealthProbe(processes)),
    clock: systemClock,
    ovs,
    bridge,
    log,
    leaseBlock: (bridgeDomain, have) => controlPlane.leaseBlock(bridgeDomain, have),
    onReport: () => controlPlane.reportSoon(),
    onEvent: (fact) => controlPlane.event(fact),
  });
  endings.push(() => agent.stop());
  return { agent, controlPlane, serve: () => serve(agent, engine, node) };
}

async function openLeaf(config: LeafConfig, node: Node, endings: Ending[]): Promise<Opened> {
  const { store, ovs, bridge, log } = node;
  const controlPlane = controlPlaneOf(config, node, async () => ({ cpu: 0, memory: 0, engineVersion: 'none' }));
  const agent = await LeafAgent.start({
    config,
    store,
    ovs,
    bridge,
    nft: new SystemNftCommand(new SystemProcesses()),
    clock: systemClock,
    log,
    onReport: () => controlPlane.reportSoon(),
  });
  endings.push(() => agent.stop());
  return { agent, controlPlane };
}

const controlPlaneOf = (
  config: NodeConfig,
  { context: { bus, rpc }, store, log }: Node,
  capacity: () => Promise<EngineCapacity>,
): ControlPlane => new ControlPlane({ config, bus, rpc, clock: systemClock, store, log, version: VERSION, capacity });

function serve(agent: Agent, engine: DockerEngine, { context, log }: Node): Ending {
  const stopping = new AbortController();
  const served = serveWhenConnected(agent, engine, context, log, stopping.signal);
  return async (graceMs) => {
    stopping.abort(new HeddleError('unavailable', 'the agent is stopping'));
    await (await served)?.stop(graceMs);
  };
}

/** Requests are served as soon as there is somebody to send them. */
async function serveWhenConnected(
  agent: Agent,
  engine: DockerEngine,
  context: ServiceContext,
  log: Log,
  signal: AbortSignal,
): Promise<RunningAgent | undefined> {
  while (!signal.aborted) {
    try {
      // Ends with the agent: who asks it to end does not wait for NATS.
      await context.bus.whenConnected(CONNECT_MS, signal);
      return await runNestService(AgentModule.of(agent, engine), context);
    } catch (error) {
      if (!signal.aborted) log('warn', `requests are not served yet: ${HeddleError.from(error).message}`);
      await systemClock.sleep(SERVE_RETRY_MS, signal).catch(() => undefined); // aborted, which ends the loop
    }
  }
  return undefined;
}
