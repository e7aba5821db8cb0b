import type { RequestContext } from '@heddle/messaging';
import { HeddleError, keyOf, refKey, splitPath, type HeddleObject, type Kind, type KindInfo } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Injectable } from '@nestjs/common';
import { maySee } from '../auth/access';
import { DesiredState } from '../state/desired-state';
import { endpointObjects } from './endpoint-object';
import { pageOf, type ListQuery, type Page } from './listing';
import { StatusSource } from './status-source';

export interface ObjectPage extends Page<HeddleObject> {
  /** Position of the log that the list shows. */
  readonly position: number;
}

/** Objects as they are shown: desired state with its status, and the derived objects that their owners keep. */
@Injectable()
export class ObjectReader {
  constructor(
    private readonly desired: DesiredState,
    private readonly rpc: RpcClient,
    private readonly statuses: StatusSource,
  ) {}

  async list(kind: KindInfo, query: ListQuery, caller: RequestContext): Promise<ObjectPage> {
    const { position } = this.desired;
    const visible = (await this.all(kind, caller)).filter((object) => maySee(caller, object));
    const page = pageOf(visible, query);
    return { ...page, items: await this.statuses.add(kind.kind, page.items, caller), position };
  }

  /** @throws HeddleError `not-found`, also for what the caller may not see */
  async get(kind: KindInfo, path: string, caller: RequestContext): Promise<HeddleObject> {
    splitPath(kind.kind, path);
    const key = refKey({ kind: kind.kind, path });
    const found = isKeptElsewhere(kind)
      ? (await this.orWritten(kind, key, caller)).find((object) => keyOf(object) === key)
      : this.desired.get(key);
    if (!found || !maySee(caller, found)) throw new HeddleError('not-found', `there is no ${kind.kind} ${path}`);
    const [object] = await this.statuses.add(kind.kind, [found], caller);
    return object as HeddleObject;
  }

  /** All objects of a kind; when their owner does not answer, the one that was asked for as far as a person wrote it. */
  private async orWritten(kind: KindInfo, key: string, caller: RequestContext): Promise<HeddleObject[]> {
    try {
      return await this.all(kind, caller);
    } catch (error) {
      const written = this.desired.get(key);
      if (!written) throw error;
      return [{ ...written, status: { unknown: HeddleError.from(error).message } }];
    }
  }

  private async all(kind: KindInfo, context: RequestContext): Promise<HeddleObject[]> {
    const ofTenant = context.tenant === undefined ? {} : { tenant: context.tenant };
    switch (kind.kind satisfies Kind) {
      case 'Allocation':
        return this.rpc.call('scheduler.allocations', ofTenant, { context });
      case 'Endpoint':
        return endpointObjects(
          this.desired.ofKind('Endpoint'),
          await this.rpc.call('inventory.endpoints', ofTenant, { context }),
        );
      default:
        return this.desired.ofKind(kind.kind);
    }
  }
}

/** Whether objects of a kind, all or some of them, are known to their owner only: hosts report containers by themselves. */
const isKeptElsewhere = (kind: KindInfo): boolean => kind.derived || kind.kind === 'Endpoint';
