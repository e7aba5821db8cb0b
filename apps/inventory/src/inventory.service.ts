import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Events } from '@heddle/messaging';
import type {
  AnyObject,
  CheckRequest,
  EventFact,
  HostHeartbeat,
  HostRegistration,
  HostReport,
  Problem,
  RegistrationResult,
} from '@heddle/model';
import { CONTEXT, Owner, type ServiceContext } from '@heddle/service';
import { checkAfter } from './check';
import { InventoryReign } from './inventory-reign';

/** Owns hosts, endpoints and address blocks. The holder of the lease hears the hosts; every instance answers checks. */
@Injectable()
export class InventoryService implements OnApplicationBootstrap, OnModuleDestroy {
  private owner!: Owner<InventoryReign>;
  private events!: Events;

  constructor(@Inject(CONTEXT) private readonly context: ServiceContext) {}

  async onApplicationBootstrap(): Promise<void> {
    const { store, log } = this.context;
    this.events = await Events.open(store);
    const emit = (fact: EventFact): void => {
      this.events.emit(fact).catch((error: unknown) => log.debug({ err: error }, 'event'));
    };
    this.owner = await Owner.start(this.context, {
      name: 'inventory',
      bucket: 'inventory',
      kinds: ['Host', 'Domain', 'Epg', 'BridgeDomain'],
      begin: (ownership) => InventoryReign.begin(this.context, ownership, emit),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.owner?.stop();
  }

  get reign(): InventoryReign {
    return this.owner.require();
  }

  async check({ basePosition, change }: CheckRequest): Promise<Problem[]> {
    return checkAfter(await this.owner.at(basePosition), this.owner.reign?.blocks, change);
  }

  /** The host's object is made by a change like any other; what people wrote on it is kept. */
  async register(registration: HostRegistration): Promise<RegistrationResult> {
    const { reign } = this;
    const { host, spec, labels } = registration;
    const known = this.owner.view.entries.get(`Host/${host}`);
    if (known?.kind !== 'Host') {
      const object = {
        apiVersion: 'heddle/v1' as const,
        kind: 'Host' as const,
        metadata: { name: host, labels: { ...labels }, annotations: {} },
        spec,
      };
      await this.admit(host, object, `host ${host} joined`);
    } else if (known.spec.underlay !== spec.underlay || !sameCapacity(known.spec.capacity, spec.capacity)) {
      // What the host itself knows best; zone, labels and whether it may be used are for people to change.
      await this.admit(
        host,
        { ...known, spec: { ...known.spec, underlay: spec.underlay, capacity: spec.capacity } },
        `host ${host} has changed`,
      );
    }
    return reign.register(registration);
  }

  heartbeat(heartbeat: HostHeartbeat): boolean {
    return this.reign.heartbeat(heartbeat);
  }

  report(report: HostReport): Promise<boolean> {
    return this.reign.report(report);
  }

  /** Takes what a host tells of itself, in the name of who says so. @returns how many facts were taken */
  async emit(host: string, events: readonly EventFact[], by: string): Promise<number> {
    const facts = this.reign.factsOf(host, events);
    for (const fact of facts) await this.events.emit({ ...fact, by });
    return facts.length;
  }

  status(): { position: number; hosts: number; lost: number } {
    const hosts = this.owner.reign?.hosts() ?? [];
    return {
      position: this.owner.view.position,
      hosts: hosts.length,
      lost: hosts.filter((h) => h.state === 'lost').length,
    };
  }

  private async admit(host: string, object: AnyObject, summary: string): Promise<void> {
    const { bus, rpc } = this.context;
    const context = { ...bus.newContext(), principal: `host:${host}` };
    const { position } = await rpc.call(
      'gateway.admit',
      { verb: 'register', summary, puts: [object], deletes: [] },
      { context },
    );
    await this.owner.at(position);
  }
}

const sameCapacity = (a: { cpu: number; memory: number }, b: { cpu: number; memory: number }): boolean =>
  a.cpu === b.cpu && a.memory === b.memory;
