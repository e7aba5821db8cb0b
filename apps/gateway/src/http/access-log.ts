import { DURATION_BUCKETS, type Log, type ServiceMetrics } from '@heddle/service';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Histogram } from 'prom-client';
import { contextOf } from './request-context';

/** One line and one measurement for every request that was answered, with who asked. */
export function accessLog(log: Log, metrics: ServiceMetrics): RequestHandler {
  const duration = new Histogram({
    name: 'heddle_http_request_seconds',
    help: 'Time to answer an HTTP request, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS,
    registers: [metrics.registry],
  });
  return (request: Request, response: Response, next: NextFunction): void => {
    const started = performance.now();
    response.once('close', () => {
      const milliseconds = performance.now() - started;
      const { method, path } = request;
      const status = response.statusCode;
      // The route's pattern, not the path: names of objects would make a series each.
      duration.observe({ method, route: routeOf(request), status: String(status) }, milliseconds / 1000);
      const { requestId, principal } = contextOf(request);
      const level = status >= 500 ? 'warn' : isProbe(path) ? 'trace' : 'info';
      log[level]({ requestId, principal, method, path, status, ms: Math.round(milliseconds * 10) / 10 }, 'request');
    });
    next();
  };
}

const routeOf = (request: Request): string => {
  const route: unknown = (request.route as { path?: unknown } | undefined)?.path;
  return typeof route === 'string' ? route : 'none';
};

const isProbe = (path: string): boolean => path === '/healthz' || path === '/readyz' || path === '/metrics';
