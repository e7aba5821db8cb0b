import type { OpsSource } from '@heddle/service';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { AuthGuard } from './auth/auth.guard';
import { TokenStore } from './auth/token-store';
import { ChangeGate } from './coordinator/change-gate';
import { Coordinator } from './coordinator/coordinator';
import type { BrokerUsers } from './credentials/broker-users';
import { EventFeed } from './events/event-feed';
import { ChangeHistory } from './history/change-history';
import { ChangeProgress } from './history/change-progress';
import { ChangesController } from './http/changes.controller';
import { ErrorFilter } from './http/error.filter';
import { EventsController } from './http/events.controller';
import { FabricsController } from './http/fabrics.controller';
import { FilesController } from './http/files.controller';
import { BROKER_USERS, HostCredentialsController } from './http/hosts.controller';
import { LogsController } from './http/logs.controller';
import { ObjectsController } from './http/objects.controller';
import { OPS, OpsController } from './http/ops.controller';
import { ProbeController } from './http/probe.controller';
import { QueryGuard } from './http/query';
import { RulesController } from './http/rules.controller';
import { SchemaController } from './http/schema.controller';
import { StatusController } from './http/status.controller';
import { StoreController } from './http/store.controller';
import { WorkloadsController } from './http/workloads.controller';
import { Planner } from './plan/planner';
import { Prober } from './probe/prober';
import { ObjectReader } from './read/object-reader';
import { StatusSource } from './read/status-source';
import { DesiredState } from './state/desired-state';
import { StoreGuard } from './store/store-guard';
import { StoreSession } from './store/store-session';

/** The parts of a gateway that are made before its HTTP side. */
export interface GatewayParts {
  readonly desired: DesiredState;
  readonly guard: StoreGuard;
  readonly session: StoreSession;
  readonly coordinator: Coordinator;
  readonly tokens: TokenStore;
  readonly events: EventFeed;
  readonly brokerUsers: BrokerUsers;
  readonly ops: OpsSource;
}

@Module({})
export class GatewayModule {
  static of(parts: GatewayParts): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [
        OpsController,
        StatusController,
        StoreController,
        SchemaController,
        EventsController,
        ChangesController,
        FilesController,
        ProbeController,
        RulesController,
        LogsController,
        HostCredentialsController,
        FabricsController,
        WorkloadsController,
        // Its routes are patterns that match the paths of the others too, so it comes last.
        ObjectsController,
      ],
      providers: [
        { provide: DesiredState, useValue: parts.desired },
        { provide: StoreGuard, useValue: parts.guard },
        { provide: StoreSession, useValue: parts.session },
        { provide: Coordinator, useValue: parts.coordinator },
        { provide: TokenStore, useValue: parts.tokens },
        { provide: EventFeed, useValue: parts.events },
        { provide: BROKER_USERS, useValue: parts.brokerUsers },
        { provide: OPS, useValue: parts.ops },
        { provide: APP_GUARD, useClass: AuthGuard },
        // After the token: who is unknown learns nothing of a request.
        { provide: APP_GUARD, useClass: QueryGuard },
        { provide: APP_FILTER, useClass: ErrorFilter },
        ChangeGate,
        ChangeHistory,
        ChangeProgress,
        ObjectReader,
        Planner,
        Prober,
        StatusSource,
      ],
    };
  }
}
