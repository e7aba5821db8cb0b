import { Module, type DynamicModule } from '@nestjs/common';
import { ServiceMetrics } from '../metrics/service-metrics';
import { Readiness } from '../ops/readiness';
import { RpcClient } from '../rpc/rpc-client';
import type { ServiceContext } from './service';

/** Injection tokens of what has no class of its own: `@Inject(BUS) bus: BusPort`. */
export const BUS = Symbol('BusPort');
export const STORE = Symbol('StorePort');
export const LOG = Symbol('Log');
export const CLOCK = Symbol('Clock');
/** A number: for how long a lease lasts without being renewed. */
export const LEASE_MS = Symbol('leaseMs');
/** All that a service has, at once. */
export const CONTEXT = Symbol('ServiceContext');

/**
 * Offers what every service needs to its providers: {@link BUS}, {@link STORE}, {@link LOG}, {@link CLOCK}, {@link LEASE_MS}, and by
 * class `RpcClient`, `ServiceMetrics` and `Readiness`.
 */
@Module({})
export class ServiceModule {
  static of(context: ServiceContext): DynamicModule {
    const providers = [
      { provide: CONTEXT, useValue: context },
      { provide: BUS, useValue: context.bus },
      { provide: STORE, useValue: context.store },
      { provide: LOG, useValue: context.log },
      { provide: CLOCK, useValue: context.clock },
      { provide: LEASE_MS, useValue: context.leaseMs },
      { provide: RpcClient, useValue: context.rpc },
      { provide: ServiceMetrics, useValue: context.metrics },
      { provide: Readiness, useValue: context.readiness },
    ];
    return { module: ServiceModule, global: true, providers, exports: providers };
  }
}

/** The root of a service: what all share, and the service's own module. */
@Module({})
export class ServiceRoot {
  static of(context: ServiceContext, module: DynamicModule): DynamicModule {
    return { module: ServiceRoot, imports: [ServiceModule.of(context), module] };
  }
}
