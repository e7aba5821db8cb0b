import type { ErrorCode } from '@heddle/model';
import { AggregatorRegistry, Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Upper bounds of the buckets for durations of requests, seconds. */
export const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** How a request ended: `ok`, an error code, or `left` when the reader of a stream left it. */
export type Outcome = 'ok' | 'left' | ErrorCode;

/** Stops the clock of one request; calls after the first have no effect. */
export type Finish = (code: Outcome | string) => void;

/**
 * The metrics of one service. Every one carries the label `service`; the service adds its own with
 * `new Gauge({ registers: [metrics.registry], ... })`.
 */
export class ServiceMetrics {
  readonly registry = new Registry();
  private readonly served: Histogram<'method' | 'code'>;
  private readonly called: Histogram<'method' | 'code'>;
  private readonly problems: Counter<'kind'>;

  constructor(readonly service: string) {
    const registers = [this.registry];
    this.registry.setDefaultLabels({ service });
    this.served = new Histogram({
      name: 'heddle_rpc_served_seconds',
      help: 'Time to answer a request, by method and how it ended.',
      labelNames: ['method', 'code'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.called = new Histogram({
      name: 'heddle_rpc_called_seconds',
      help: 'Time until a request to another service was answered, by method and how it ended.',
      labelNames: ['method', 'code'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.problems = new Counter({
      name: 'heddle_bus_problems_total',
      help: 'What went wrong on the bus where no caller waited for it, by kind.',
      labelNames: ['kind'],
      registers,
    });
  }

  startServing(method: string): Finish {
    return once(this.served.startTimer({ method }));
  }

  startCalling(method: string): Finish {
    return once(this.called.startTimer({ method }));
  }

  countBusProblem(kind: string): void {
    this.problems.inc({ kind });
  }
}

/** Metrics of the process itself: CPU, memory, event loop, garbage collection. One of them a process. */
export function processMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** All metrics of several registries as one page of Prometheus' text format. */
export async function renderMetrics(registries: readonly Registry[]): Promise<string> {
  const metrics = await Promise.all(registries.map((registry) => registry.getMetricsAsJSON()));
  return AggregatorRegistry.aggregate(metrics).metrics();
}

function once(end: (labels: { code: string }) => void): Finish {
  let over = false;
  return (code) => {
    if (over) return;
    over = true;
    end({ code });
  };
}
