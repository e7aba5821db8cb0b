import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { NestLog } from '../logging/nest-log';
import { watchBus } from '../ops/watch-bus';
import { HeddleTransport, RethrowFilter } from '../rpc/heddle-transport';
import type { RunningService, ServiceContext } from './service';
import { ServiceRoot } from './service.module';

/** Milliseconds within which the server has to confirm that a service's subscriptions are in force. */
const FLUSH_MS = 5_000;

/**
 * Runs a module as a service that is reached over the bus only. Its controllers' `@Method`s serve when this resolves;
 * `OnApplicationBootstrap` and `OnModuleDestroy` hooks of its providers start and stop its loops.
 */
export async function runNestService(
  module: Type<unknown> | DynamicModule,
  context: ServiceContext,
): Promise<RunningService> {
  const { bus, name: service, log, metrics } = context;
  const transport = new HeddleTransport({ bus, service, log, metrics });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(root(module, context), {
    strategy: transport,
    ...nestOptions(context),
  });
  app.useGlobalFilters(new RethrowFilter());
  const unwatch = watchBus(context.bus, context);
  try {
    await app.listen();
    await context.bus.flush(FLUSH_MS);
  } catch (error) {
    unwatch();
    await app.close();
    throw error;
  }
  return {
    name: context.name,
    readiness: context.readiness,
    metrics: context.metrics,
    stop: async (graceMs) => {
      await transport.drain(graceMs);
      await app.close();
      unwatch();
    },
  };
}

/** How an application of ours is created: its framework logs into our log, and failures are thrown, not `process.exit`. */
export const nestOptions = (context: ServiceContext) => ({
  logger: new NestLog(context.log),
  abortOnError: false,
});

/** The root module of a service's application. */
export function root(module: Type<unknown> | DynamicModule, context: ServiceContext): DynamicModule {
  return ServiceRoot.of(context, typeof module === 'function' ? { module } : module);
}
