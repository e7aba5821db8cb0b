import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SystemFiles } from '@heddle/host';
import { Events } from '@heddle/messaging';
import type { EventFact, FabricPlan, FabricStatus, Kind } from '@heddle/model';
import { CONTEXT, Owner, type ServiceContext } from '@heddle/service';
import { FabricReign } from './fabric-reign';

/** What a Fabric's part of desired state is worked out from. */
export const KINDS: readonly Kind[] = [
  'Fabric', 'Domain', 'Host', 'Tenant', 'Vrf', 'BridgeDomain', 'Epg', 'Contract', 'Filter', 'Endpoint',
]; // prettier-ignore

/** Brings desired state to the fabrics, and tells what is in force there. The holder of the lease alone talks to them. */
@Injectable()
export class FabricService implements OnApplicationBootstrap, OnModuleDestroy {
  private owner!: Owner<FabricReign>;

  constructor(@Inject(CONTEXT) private readonly context: ServiceContext) {}

  async onApplicationBootstrap(): Promise<void> {
    const { store, log } = this.context;
    const events = await Events.open(store);
    const emit = (fact: EventFact): void => {
      events.emit(fact).catch((error: unknown) => log.debug({ err: error }, 'event'));
    };
    this.owner = await Owner.start(this.context, {
      name: 'fabric',
      bucket: 'fabric',
      kinds: KINDS,
      begin: async (ownership) => FabricReign.begin(this.context, ownership, { emit, files: new SystemFiles() }),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.owner?.stop();
  }

  /** @throws HeddleError `not-found`; `refused` where there is nothing to plan; as the controllers answer */
  plan(fabric: string): Promise<FabricPlan> {
    return this.owner.require().plan(fabric);
  }

  /** @throws HeddleError `not-found` for a name that no Fabric has */
  status(fabric?: string): FabricStatus[] {
    return this.owner.require().status(fabric);
  }

  /** @throws HeddleError `conflict` when something else waits now, or nothing */
  confirm(fabric: string, digest: string): Promise<FabricStatus> {
    return this.owner.require().confirm(fabric, digest);
  }
}
