import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Events } from '@heddle/messaging';
import {
  HeddleError,
  type AnyObject,
  type CheckRequest,
  type ErrorCode,
  type EventFact,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type Problem,
  type RegistrationResult,
} from '@heddle/model';
import { sameJson } from '@heddle/policy-engine';
import { CONTEXT, Owner, type ServiceContext } from '@heddle/service';
import { checkAfter } from './check';
import { ownFacts } from './check-hosts';
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
      kinds: ['Host', 'Fabric', 'Domain', 'Epg', 'BridgeDomain', 'Endpoint'],
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
    const objects = await this.owner.at(basePosition);
    const { reign } = this.owner;
    return checkAfter(objects, change, reign?.given);
  }

  /**
   * The host's object is made by a change like any other; what people wrote on it is kept. A host that is known goes on as it was
   * when what it says of itself now is refused: it would otherwise be lost with all that runs on it.
   */
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
      return reign.register(registration);
    }
    const described = { ...known.spec, ...ownFacts(spec) };
    if (sameJson(described, known.spec)) return reign.register(registration);
    try {
      await this.admit(host, { ...known, spec: described }, `host ${host} has changed`);
    } catch (error) {
      const { code, message } = HeddleError.from(error);
      if (!REFUSALS.has(code)) throw error;
      return reign.register(registration, message);
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

/** How a change ends that nobody will accept later either. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['invalid', 'refused']);
