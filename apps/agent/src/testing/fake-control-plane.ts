import type { Clock } from '@heddle/host';
import { MemoryBus, Publisher, subjects, type BusRequest } from '@heddle/messaging';
import { HeddleError, type EventFact, type HostHeartbeat, type HostRegistration, type HostReport } from '@heddle/model';

type Hub = MemoryBus['hub'];

/** The control plane as an agent sees it: what is distributed to it, and what it is asked and told. */
export class FakeControlPlane {
  readonly registrations: HostRegistration[] = [];
  readonly heartbeats: HostHeartbeat[] = [];
  readonly reports: HostReport[] = [];
  readonly events: EventFact[] = [];
  readonly leases: { bridgeDomain: string; have: readonly string[] }[] = [];
  blocks: readonly { bridgeDomain: string; block: string }[] = [];
  known = true;
  /** Makes requests of a method fail for as long as it is set. */
  readonly failing = new Map<string, HeddleError>();
  readonly hub: Hub;
  private readonly bus: MemoryBus;
  private readonly publishers = new Map<string, Publisher>();

  constructor(
    private readonly clock: Clock,
    readonly clusterUid = 'cluster',
    private readonly epoch = 1,
    hub?: Hub,
  ) {
    this.bus = new MemoryBus({ name: 'inventory', clock, ...(hub ? { hub } : {}) });
    this.hub = this.bus.hub;
    const answer = <T>(method: string, handler: (body: T) => unknown): void => {
      const serve = (request: BusRequest): unknown => {
        const failure = this.failing.get(method);
        if (failure) throw failure;
        return handler(request.body as T);
      };
      this.bus.serve(subjects.fromAnyHost('inventory', method), {}, serve);
    };
    answer<HostRegistration>('register', (registration) => {
      this.registrations.push(registration);
      return { cluster: { clusterUid, incarnation: 1, position: 1 }, blocks: this.blocks };
    });
    answer<HostHeartbeat>('heartbeat', (heartbeat) => {
      this.heartbeats.push(heartbeat);
      return { known: this.known };
    });
    answer<HostReport>('report', (report) => {
      this.reports.push(report);
      return { accepted: true };
    });
    answer<{ events: EventFact[] }>('events', ({ events }) => {
      this.events.push(...events);
      return { accepted: events.length };
    });
    answer<{ bridgeDomain: string; have: readonly string[] }>('leaseBlock', ({ bridgeDomain, have }) => {
      this.leases.push({ bridgeDomain, have });
      return { block: `10.32.${have.length + 1}.0/24` };
    });
  }

  /** Distributes a set on a topic, as the service that writes it does. */
  publish<T>(service: string, topic: string, entries: Readonly<Record<string, T>>, position: number): void {
    let publisher = this.publishers.get(service);
    if (!publisher) {
      publisher = new Publisher({
        bus: this.bus,
        clock: this.clock,
        service,
        identity: { clusterUid: this.clusterUid, incarnation: 1 },
        epoch: this.epoch,
      });
      this.publishers.set(service, publisher);
      publisher.publish(topic, new Map(Object.entries(entries)), position);
      publisher.start();
      return;
    }
    publisher.publish(topic, new Map(Object.entries(entries)), position);
  }

  async stop(): Promise<void> {
    for (const publisher of this.publishers.values()) await publisher.stop();
    await this.bus.close();
  }
}
