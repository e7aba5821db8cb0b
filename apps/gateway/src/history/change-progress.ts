import type { RequestContext } from '@heddle/messaging';
import type { HostView, LoggedChange, ServiceView } from '@heddle/model';
import { RpcClient } from '@heddle/service';
import { Injectable } from '@nestjs/common';

/** How far an accepted change is. */
export interface ChangeStatus {
  readonly position: number;
  readonly policy: {
    /** Hosts on whose switch the change is. */
    readonly inForce: number;
    readonly hosts: number;
    /** Names of the others. */
    readonly missing: readonly string[];
  };
  /** The services whose instances the change concerns. */
  readonly services: readonly ServiceView[];
  /** In force on every host that can be reached, and every service as it should be. */
  readonly settled: boolean;
}

/** Puts together what the hosts and the scheduler say about a change. */
@Injectable()
export class ChangeProgress {
  constructor(private readonly rpc: RpcClient) {}

  async of(change: LoggedChange, context: RequestContext): Promise<ChangeStatus> {
    const ofTenant = context.tenant === undefined ? {} : { tenant: context.tenant };
    const [hosts, services, scheduler] = await Promise.all([
      this.rpc.call('inventory.hosts', {}, { context }),
      this.rpc.call('scheduler.services', ofTenant, { context }),
      this.rpc.call('scheduler.status', {}, { context }),
    ]);
    return changeStatus(change, hosts, services, scheduler.position);
  }
}

export function changeStatus(
  change: LoggedChange,
  hosts: readonly HostView[],
  services: readonly ServiceView[],
  schedulerPosition: number,
): ChangeStatus {
  const { position } = change;
  const behind = hosts.filter((host) => host.policyPosition < position);
  const concerned = new Set(
    change.objects.flatMap(({ key }) => (key.startsWith('Service/') ? [key.slice('Service/'.length)] : [])),
  );
  const views = services.filter((view) => concerned.has(view.service));
  return {
    position,
    policy: { inForce: hosts.length - behind.length, hosts: hosts.length, missing: behind.map((h) => h.name).sort() },
    services: views,
    // A lost host is named above, but nobody should wait for it.
    settled:
      behind.every((host) => host.state === 'lost') &&
      schedulerPosition >= position &&
      views.every((view) => view.settled),
  };
}
