import path from 'node:path';
import type { Files } from '@heddle/host';
import { Events } from '@heddle/messaging';
import type { LoggedChange } from '@heddle/model';
import {
  nestOptions,
  renderMetrics,
  root,
  serviceContext,
  watchBus,
  type OpsSource,
  type RunningService,
  type ServiceContext,
  type ServiceDeps,
} from '@heddle/service';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { TokenStore } from './auth/token-store';
import { Coordinator } from './coordinator/coordinator';
import { externalBroker, type BrokerUsers } from './credentials/broker-users';
import { EventAnnouncer } from './events/event-announcer';
import { EventFeed } from './events/event-feed';
import { GatewayModule, type GatewayParts } from './gateway.module';
import { accessLog } from './http/access-log';
import { securityHeaders } from './http/headers';
import { listen, type ApiAddress } from './http/listen';
import { readBody } from './http/read-body';
import { requestContext } from './http/request-context';
import { serveDocs } from './openapi/document';
import { DesiredState } from './state/desired-state';
import { StoreGuard } from './store/store-guard';
import { StoreSession } from './store/store-session';

export interface GatewayDeps extends ServiceDeps {
  readonly files: Files;
  /** Keeps the tokens and what was seen of the store. */
  readonly stateDir: string;
  readonly api: ApiAddress;
  readonly brokerUsers?: BrokerUsers;
  /** What /readyz and /metrics show; by default this service alone. */
  readonly ops?: OpsSource;
}

export interface RunningGateway extends RunningService {
  readonly url: string;
  /** Where the administrator's token is. */
  readonly adminTokenFile: string;
}

/** How long the start waits for a first look at the store; the API is there afterwards in any case. */
const FIRST_LOOK_MS = 10_000;
/** Connections that are still open after this long are cut: event streams would never end. */
const HTTP_GRACE_MS = 1_500;

/** Starts the gateway: the API, and when it gets the lease, the coordination of changes. */
export async function startGateway(deps: GatewayDeps): Promise<RunningGateway> {
  const context = serviceContext('gateway', deps);
  const { readiness, metrics, log } = context;
  const parts = await makeParts(deps, context);
  const unwatch = watchBus(context.bus, context);
  parts.session.watch(readiness);
  parts.coordinator.watch(readiness);

  const app = await NestFactory.create<NestExpressApplication>(root(GatewayModule.of(parts), context), {
    ...nestOptions(context),
    bodyParser: false,
  });
  app.disable('x-powered-by');
  app.set('etag', false);
  // Parameters of URLs are flat texts; nested ones would only be surprises.
  app.set('query parser', 'simple');
  app.use(requestContext, accessLog(log, metrics), securityHeaders, readBody);
  serveDocs(app);
  await app.init();

  parts.session.start();
  await parts.session.whenKnown(FIRST_LOOK_MS);
  const listeners = await listen(app.getHttpAdapter().getInstance(), deps.api).catch(async (error: unknown) => {
    await parts.session.stop();
    await app.close();
    throw error;
  });
  return {
    name: context.name,
    readiness,
    metrics,
    url: listeners.url,
    adminTokenFile: parts.tokens.adminTokenFile,
    stop: async (graceMs) => {
      await listeners.close(Math.min(graceMs, HTTP_GRACE_MS));
      await parts.session.stop();
      await app.close();
      unwatch();
    },
  };
}

async function makeParts(deps: GatewayDeps, context: ServiceContext): Promise<GatewayParts> {
  const { store, clock, bus, log, rpc, metrics, readiness, leaseMs } = context;
  const { files, stateDir, brokerUsers = externalBroker } = deps;
  let opened: Promise<Events> | undefined;
  const events = (): Promise<Events> => {
    opened ??= Events.open(store).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const announcer = new EventAnnouncer(events, log);
  const desired = new DesiredState();
  const guard = await StoreGuard.open(store, files, path.join(stateDir, 'seen'));
  const coordinator = new Coordinator({
    bus,
    store,
    guard,
    desired,
    rpc,
    metrics,
    clock,
    log,
    leaseMs,
    announce: (change: LoggedChange) => announcer.announce(change),
  });
  const session = new StoreSession({ store, guard, desired, coordinator, clock, log });
  return {
    desired,
    guard,
    coordinator,
    session,
    events: new EventFeed(events),
    tokens: await TokenStore.open({ files, clock, log, folder: stateDir }),
    brokerUsers,
    ops: deps.ops ?? { readiness: () => readiness.report(), metrics: () => renderMetrics([metrics.registry]) },
  };
}
