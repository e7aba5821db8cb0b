import * as z from 'zod';
import { LOG_SETTING, portText } from '../config/common-settings';
import type { Settings } from '../config/settings';
import type { LogLevels } from '../logging/log';
import { processMetrics, renderMetrics } from '../metrics/service-metrics';
import { OpsServer } from '../ops/ops-server';
import { reportAll } from '../ops/readiness';
import { depsOf, natsSettings, openBus, untilConnected, type NatsConfig } from './connect-service';
import { runProgram } from './program';
import type { RunningService, StartService } from './service';

interface AloneConfig extends NatsConfig {
  readonly opsHost: string;
  readonly opsPort: number;
  readonly logLevels: LogLevels;
}

/** The settings of a program that is one service. */
export const aloneSettings = (opsPort: number): Settings<AloneConfig> => ({
  ...natsSettings,
  opsHost: {
    arg: 'ops-host',
    env: 'HEDDLE_OPS_HOST',
    help: 'address of /healthz, /readyz and /metrics (default 127.0.0.1)',
    schema: z.string().min(1).default('127.0.0.1'),
  },
  opsPort: {
    arg: 'ops-port',
    env: 'HEDDLE_OPS_PORT',
    help: `port of /healthz, /readyz and /metrics (default ${opsPort}; 0: any free one)`,
    schema: portText(opsPort),
  },
  logLevels: LOG_SETTING,
});

/** The `main.ts` of a service that has a process of its own: connects to NATS, serves, shows its health. */
export function runAlone(name: string, start: StartService, options: { readonly opsPort: number }): Promise<void> {
  return runProgram({
    name: `heddle-${name}`,
    summary: `the ${name} service of Heddle`,
    settings: aloneSettings(options.opsPort),
    start: async (config, { log, signal }) => {
      const bus = await openBus(name, config);
      const deps = depsOf(name, bus, log, config.logLevels);
      const services: RunningService[] = [];
      const registries = [processMetrics()];
      const ops = await OpsServer.listen(
        {
          readiness: async () => {
            if (services.length > 0) return reportAll(services);
            return { ready: false, checks: [{ name: 'started', ready: false, reason: `bus ${bus.status().state}` }] };
          },
          metrics: () => renderMetrics([...registries, ...services.map((s) => s.metrics.registry)]),
        },
        { host: config.opsHost, port: config.opsPort },
      );
      const close = async (): Promise<void> => {
        await ops.close();
        await bus.drain();
      };
      try {
        await untilConnected(bus, log, signal);
        services.push(await start(deps));
      } catch (error) {
        await close();
        throw error;
      }
      deps.log.info({ ops: ops.url }, 'serving');
      return {
        stop: async (graceMs) => {
          await Promise.all(services.map((service) => service.stop(graceMs)));
          await close();
        },
      };
    },
  });
}
