import path from 'node:path';
import { SystemFiles } from '@heddle/host';
import {
  depsOf,
  LOG_SETTING,
  natsSettings,
  openBus,
  portText,
  processMetrics,
  renderMetrics,
  runProgram,
  untilConnected,
  type LogLevels,
  type NatsConfig,
  type RunningService,
  type Settings,
} from '@heddle/service';
import * as z from 'zod';
import { startGateway } from './start-gateway';

interface GatewayConfig extends NatsConfig {
  readonly stateDir: string;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly apiSocket?: string | undefined;
  readonly logLevels: LogLevels;
}

const settings: Settings<GatewayConfig> = {
  ...natsSettings,
  stateDir: {
    arg: 'state-dir',
    env: 'HEDDLE_STATE_DIR',
    help: 'where the tokens are, and what was seen of the store (default /var/lib/heddle)',
    schema: z.string().min(1).default('/var/lib/heddle'),
  },
  apiHost: {
    arg: 'api-host',
    env: 'HEDDLE_API_HOST',
    help: 'address of the API (default 127.0.0.1)',
    schema: z.string().min(1).default('127.0.0.1'),
  },
  apiPort: {
    arg: 'api-port',
    env: 'HEDDLE_API_PORT',
    help: 'port of the API (default 4280; 0: any free one)',
    schema: portText(4280),
  },
  apiSocket: {
    arg: 'api-socket',
    env: 'HEDDLE_API_SOCKET',
    help: 'a Unix socket that offers the API too',
    schema: z.string().min(1).optional(),
  },
  logLevels: LOG_SETTING,
};

void runProgram({
  name: 'heddle-gateway',
  summary: 'the API of Heddle, and the coordination of changes',
  settings,
  start: async (config, { log, signal }) => {
    const bus = await openBus('gateway', config);
    const registries = [processMetrics()];
    let gateway: RunningService | undefined;
    try {
      await untilConnected(bus, log, signal);
      const running = await startGateway({
        ...depsOf('gateway', bus, log, config.logLevels),
        files: new SystemFiles(),
        stateDir: path.resolve(config.stateDir),
        api: {
          host: config.apiHost,
          port: config.apiPort,
          ...(config.apiSocket === undefined ? {} : { socket: path.resolve(config.apiSocket) }),
        },
        ops: {
          readiness: async () => gateway?.readiness.report() ?? { ready: false, checks: [] },
          metrics: () => renderMetrics([...registries, ...(gateway ? [gateway.metrics.registry] : [])]),
        },
      });
      gateway = running;
      log.info({ api: `${running.url}/api/v1`, docs: `${running.url}/api/docs` }, 'serving');
      return {
        stop: async (graceMs) => {
          await running.stop(graceMs);
          await bus.drain();
        },
      };
    } catch (error) {
      await bus.close();
      throw error;
    }
  },
});
