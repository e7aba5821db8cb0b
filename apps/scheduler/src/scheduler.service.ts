import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { applyChange } from '@heddle/admission';
import type { CheckRequest, HeddleObject, SchedulePreview, ServiceView } from '@heddle/model';
import { CONTEXT, Owner, type ServiceContext } from '@heddle/service';
import type { Identity } from './decide';
import { desiredOf } from './desired';
import { hostsAfter } from './hosts-after';
import { preview } from './preview';
import { SchedulerReign } from './scheduler-reign';

/** Names of containers show which service they belong to; the random part makes each one that ever was different. */
export const randomIdentity: Identity = {
  name: (service) => `${service.slice(0, 52)}-${randomBytes(4).toString('hex')}`,
  uid: () => randomUUID(),
};

/** Owns services, allocations and rollouts. Every instance follows; the holder of the lease decides and writes. */
@Injectable()
export class SchedulerService implements OnApplicationBootstrap, OnModuleDestroy {
  private owner!: Owner<SchedulerReign>;

  constructor(@Inject(CONTEXT) private readonly context: ServiceContext) {}

  async onApplicationBootstrap(): Promise<void> {
    this.owner = await Owner.start(this.context, {
      name: 'scheduler',
      bucket: 'workload',
      kinds: ['Service', 'Epg', 'Host', 'Domain', 'Fabric'],
      begin: (ownership) => SchedulerReign.begin(this.context, ownership, randomIdentity),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.owner?.stop();
  }

  async check({ basePosition }: CheckRequest): Promise<void> {
    // Nothing is known here that admission does not check itself; that the view can be had is part of the promise.
    await this.owner.at(basePosition);
  }

  async preview({ basePosition, change }: CheckRequest): Promise<SchedulePreview> {
    const before = await this.owner.at(basePosition);
    const after = applyChange(before, change);
    const snapshot = this.owner.require().snapshot();
    const now = this.context.clock.now();
    return preview(snapshot, { ...desiredOf(after), ...hostsAfter(snapshot, before, after, now) }, now);
  }

  allocations(tenant?: string): HeddleObject<'Allocation'>[] {
    return this.owner.require().allocations(tenant);
  }

  services(tenant?: string): ServiceView[] {
    return this.owner.require().views.filter((view) => tenant === undefined || view.service.startsWith(`${tenant}/`));
  }

  status(): { position: number; pending: number } {
    const pending = this.owner.reign?.views.filter((view) => !view.settled).length ?? 0;
    return { position: this.owner.reign?.position ?? this.owner.view.position, pending };
  }
}
