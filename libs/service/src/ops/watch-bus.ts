import type { BusPort } from '@heddle/messaging';
import { Gauge } from 'prom-client';
import type { Log } from '../logging/log';
import type { ServiceMetrics } from '../metrics/service-metrics';
import type { Readiness } from './readiness';

/** Logs, counts and reports the state of a service's connection. Returns how to stop. */
export function watchBus(
  bus: BusPort,
  { log, metrics, readiness }: { log: Log; metrics: ServiceMetrics; readiness: Readiness },
): () => void {
  readiness.add('bus', () => {
    const { state, since } = bus.status();
    return state === 'connected' ? true : `${state} from NATS since ${new Date(since).toISOString()}`;
  });
  new Gauge({
    name: 'heddle_bus_connected',
    help: '1 while the service is connected to NATS.',
    registers: [metrics.registry],
    collect() {
      this.set(bus.status().state === 'connected' ? 1 : 0);
    },
  });
  new Gauge({
    name: 'heddle_bus_reconnects',
    help: 'How often the connection to NATS was made again since the start.',
    registers: [metrics.registry],
    collect() {
      this.set(bus.status().reconnects);
    },
  });
  const stops = [
    bus.onStatus(({ state, server, reconnects }) => {
      const fields = { state, server, reconnects };
      if (state === 'disconnected') log.warn(fields, 'lost the connection to NATS');
      else log.info(fields, `bus ${state}`);
    }),
    bus.onProblem(({ kind, subject, error }) => {
      metrics.countBusProblem(kind);
      log.warn({ kind, subject, err: error }, `bus: ${error.message}`);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    readiness.remove('bus');
  };
}
