import type { CheckRequest, PolicyPreview, SchedulePreview } from '@heddle/model';
import { RpcClient, type CallOptions } from '@heddle/service';
import { Injectable } from '@nestjs/common';
import { changedKeys, type Action } from '../coordinator/event-facts';

/** What a change would do. */
export interface Plan {
  readonly changed: readonly { readonly key: string; readonly action: Action }[];
  readonly containers: SchedulePreview;
  readonly paths: PolicyPreview;
}

/** Asks the owners what a change would do to containers and connections. Changes nothing. */
@Injectable()
export class Planner {
  constructor(private readonly rpc: RpcClient) {}

  async plan(request: CheckRequest, options: CallOptions): Promise<Plan> {
    const changed = changedKeys(request.change.objects);
    if (changed.length === 0) {
      return { changed, containers: { start: [], stop: [] }, paths: { opened: [], closed: [] } };
    }
    const [containers, paths] = await Promise.all([
      this.rpc.call('scheduler.preview', request, options),
      this.rpc.call('policy.preview', request, options),
    ]);
    return { changed, containers, paths };
  }
}
