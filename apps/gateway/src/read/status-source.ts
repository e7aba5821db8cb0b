import type { RequestContext } from '@heddle/messaging';
import {
  HeddleError,
  pathOf,
  type DomainView,
  type FabricView,
  type HeddleObject,
  type HostView,
  type Kind,
  type ServiceView,
} from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Injectable } from '@nestjs/common';

type Status = Record<string, unknown>;
/** The status of objects of one kind, by path. */
type Statuses = (path: string) => Status | undefined;

/** Milliseconds that a read waits for the owner of a status; without it the object is shown all the same. */
const DEADLINE_MS = 1_500;

/** Adds what the owners observe to objects of desired state. */
@Injectable()
export class StatusSource {
  constructor(private readonly rpc: RpcClient) {}

  /** The objects with their `status`; where its owner does not answer, the status says so. */
  async add<K extends Kind>(
    kind: K,
    objects: readonly HeddleObject<K>[],
    caller: RequestContext,
  ): Promise<HeddleObject<K>[]> {
    if (objects.length === 0) return [];
    const statusOf = await this.read(kind, caller);
    return objects.map((object) => {
      const status = statusOf?.(pathOf(kind, object.metadata));
      return status === undefined ? object : { ...object, status };
    });
  }

  private async read(kind: Kind, context: RequestContext): Promise<Statuses | undefined> {
    const options = { context, deadlineMs: DEADLINE_MS, disconnected: 'fail' } as const;
    const { tenant } = context;
    const ofTenant = tenant === undefined ? {} : { tenant };
    try {
      switch (kind) {
        case 'Fabric':
          return byPath(await this.rpc.call('inventory.fabrics', {}, options), (v) => v.name, fabricStatus);
        case 'Domain':
          return byPath(await this.rpc.call('inventory.domains', {}, options), (v) => v.name, domainStatus);
        case 'Host':
          return byPath(await this.rpc.call('inventory.hosts', {}, options), (v) => v.name, hostStatus);
        case 'Service':
          return byPath(await this.rpc.call('scheduler.services', ofTenant, options), (v) => v.service, serviceStatus);
        case 'App':
          return appStatuses(await this.rpc.call('scheduler.services', ofTenant, options));
        default:
          return undefined;
      }
    } catch (error) {
      const unknown = { unknown: HeddleError.from(error).message };
      return () => unknown;
    }
  }
}

function byPath<V>(views: readonly V[], path: (view: V) => string, status: (view: V) => Status): Statuses {
  const found = new Map(views.map((view) => [path(view), view]));
  return (wanted) => {
    const view = found.get(wanted);
    return view === undefined ? undefined : status(view);
  };
}

const fabricStatus = ({ name: _name, ...observed }: FabricView): Status => ({ ...observed });
const domainStatus = ({ name: _name, fabric: _fabric, ...observed }: DomainView): Status => ({ ...observed });
const hostStatus = ({ name: _name, spec: _spec, labels: _labels, ...observed }: HostView): Status => ({ ...observed });
const serviceStatus = ({ service: _service, epg: _epg, deleted: _deleted, ...observed }: ServiceView): Status => ({
  ...observed,
});

/** The sums over the services of each application. */
function appStatuses(views: readonly ServiceView[]): Statuses {
  const byApp = new Map<string, ServiceView[]>();
  for (const view of views) {
    const app = view.service.slice(0, view.service.lastIndexOf('/'));
    byApp.set(app, [...(byApp.get(app) ?? []), view]);
  }
  return (path) => {
    const services = byApp.get(path);
    if (!services) return undefined;
    const sum = (pick: (view: ServiceView) => number): number => services.reduce((total, v) => total + pick(v), 0);
    return {
      services: services.filter((v) => !v.deleted).length,
      replicas: sum((v) => v.replicas),
      running: sum((v) => v.running),
      healthy: sum((v) => v.healthy),
      settled: services.every((v) => v.settled),
      reasons: services.flatMap((v) => v.reasons.map((reason) => `${v.service}: ${reason}`)),
    };
  };
}
