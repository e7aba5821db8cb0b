import path from 'node:path';
import { SystemFiles, systemClock, type Files } from '@heddle/host';
import { startGateway, type RunningGateway } from '@heddle/gateway';
import type { NatsBus } from '@heddle/messaging';
import {
  processMetrics,
  renderMetrics,
  reportAll,
  serviceLog,
  type Log,
  type OpsSource,
  type RunningService,
  type ServiceDeps,
} from '@heddle/service';
import { openBroker, type Broker } from './broker';
import type { ServiceEntry } from './services';
import type { ServerConfig } from './settings';

/** In a lab a part that is killed has to be replaced within seconds; elsewhere a busy machine must not lose its lease. */
const LAB_LEASE_MS = 3_000;

export interface RunningServer {
  readonly url: string;
  readonly adminTokenFile: string;
  stop(graceMs: number): Promise<void>;
}

/** What the file `api.json` in the run folder says: how programs on this machine reach the API. */
export interface ApiFile {
  readonly url: string;
  readonly socket?: string;
  /** File with the administrator's token. */
  readonly tokenFile: string;
  readonly pid: number;
}

/**
 * The whole control plane in one process: NATS as a child unless there is one already, and every service over a
 * connection of its own, exactly as if each had a process.
 */
export async function startServer(
  config: ServerConfig,
  log: Log,
  services: readonly ServiceEntry[],
  files: Files = new SystemFiles(),
): Promise<RunningServer> {
  await files.makeFolder(config.stateDir, 0o700);
  await files.makeFolder(config.runDir);
  const apiFile = path.join(config.runDir, 'api.json');
  // What an earlier process left there is not true any more.
  await files.remove(apiFile);
  const broker = await openBroker(config, files, serviceLog(log, 'nats', config.logLevels));
  const composition = new Composition(broker, config, log);
  try {
    const gateway = await composition.start(services, files);
    const api: ApiFile = {
      url: gateway.url,
      ...(config.apiSocket === undefined ? {} : { socket: path.resolve(config.apiSocket) }),
      tokenFile: gateway.adminTokenFile,
      pid: process.pid,
    };
    await files.writeAtomic(apiFile, `${JSON.stringify(api)}\n`, { mode: 0o644 });
    return {
      url: gateway.url,
      adminTokenFile: gateway.adminTokenFile,
      stop: async (graceMs) => {
        await files.remove(apiFile);
        await composition.stop(graceMs);
      },
    };
  } catch (error) {
    await composition.stop(1_000);
    throw error;
  }
}

/** The services of this process, with their connections. */
class Composition {
  private readonly buses: NatsBus[] = [];
  private readonly running: RunningService[] = [];
  private readonly metrics = processMetrics();

  constructor(
    private readonly broker: Broker,
    private readonly config: ServerConfig,
    private readonly log: Log,
  ) {}

  async start(services: readonly ServiceEntry[], files: Files): Promise<RunningGateway> {
    const { config, broker } = this;
    const [gateway] = await Promise.all([
      this.depsOf('gateway').then((deps) =>
        startGateway({
          ...deps,
          files,
          stateDir: config.stateDir,
          api: {
            host: config.apiHost,
            port: config.apiPort,
            ...(config.apiSocket === undefined ? {} : { socket: path.resolve(config.apiSocket) }),
          },
          brokerUsers: broker.users,
          ops: this.ops,
        }),
      ),
      ...services.map(async ({ name, start }) => {
        this.running.push(await start(await this.depsOf(name)));
      }),
    ]);
    this.running.unshift(gateway);
    return gateway;
  }

  /** The gateway first, so that nothing new is asked of the others. */
  async stop(graceMs: number): Promise<void> {
    const [gateway, ...others] = this.running;
    await gateway?.stop(graceMs);
    await Promise.all(others.map((service) => service.stop(graceMs)));
    await Promise.all(this.buses.map((bus) => bus.drain(1_000)));
    await this.broker.stop();
  }

  private readonly ops: OpsSource = {
    readiness: () => reportAll([{ name: 'nats', readiness: this.broker.readiness }, ...this.running]),
    metrics: () => renderMetrics([this.metrics, ...this.running.map((service) => service.metrics.registry)]),
  };

  private async depsOf(name: string): Promise<ServiceDeps> {
    const bus = await this.broker.connect(name);
    this.buses.push(bus);
    const { lab, logLevels } = this.config;
    return {
      bus,
      store: bus.store,
      log: serviceLog(this.log, name, logLevels),
      clock: systemClock,
      ...(lab ? { leaseMs: LAB_LEASE_MS } : {}),
    };
  }
}
