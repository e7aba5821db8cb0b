import type { Files } from '@heddle/host';
import { Publisher, Subscriber } from '@heddle/messaging';
import {
  HeddleError,
  TOPICS,
  type DistributedEncapsulation,
  type DistributedFabric,
  type EventFact,
  type FabricPlan,
  type FabricSpec,
  type FabricStatus,
  type HostView,
} from '@heddle/model';
import type { Ownership, Reign, ServiceContext } from '@heddle/service';
import { ApicDriver, type ApicDriverParts } from './apic/apic-driver';
import type { DriverParts, FabricDriver, Known, Wanted } from './driver';
import { LeafDriver, type HostsNow } from './leaves/leaf-driver';

export interface FabricReignParts {
  readonly emit: (fact: EventFact) => void;
  readonly files: Files;
  /** For tests: how often and how long; see {@link ApicDriverParts}. */
  readonly apic?: Pick<ApicDriverParts, 'pace' | 'client'>;
}

/** How often a view that was being read anew is looked at: nothing announces that it is whole again. */
const LOOK_MS = 500;

interface Running {
  readonly spec: string;
  readonly driver: FabricDriver;
}

/** What the holder of the lease does: one driver for each Fabric, given what is wanted as it changes. */
export class FabricReign implements Reign {
  private readonly encapsulations: Subscriber<DistributedEncapsulation>;
  private readonly hosts: Subscriber<HostView>;
  private readonly publisher: Publisher;
  private readonly inForce = new Map<string, DistributedFabric>();
  private readonly running = new Map<string, Running>();
  /** Drivers of one name follow one another: two never talk to the same controllers. */
  private readonly ending = new Map<string, Promise<void>>();
  private readonly stops: (() => void)[] = [];
  private encapsulationPosition = 0;
  private version = 0;
  /** The objects have changed since they were looked at. */
  private behind = false;
  private stopped = false;

  private constructor(
    private readonly context: ServiceContext,
    private readonly ownership: Ownership,
    private readonly parts: FabricReignParts,
  ) {
    const { bus, clock } = context;
    const { identity, term } = ownership;
    this.publisher = new Publisher({ bus, clock, service: 'fabric', identity, epoch: term.epoch });
    this.publish();
    const follow = <T>(topic: string): Subscriber<T> =>
      new Subscriber<T>({
        bus,
        clock,
        service: 'inventory',
        topic,
        onAccepted: ({ watermark }, { put, delete: gone }) => {
          if (topic === TOPICS.encapsulations) {
            this.encapsulationPosition = watermark.position;
            if (put.size + gone.length > 0) this.version++;
          }
          this.changed();
        },
        onRefused: () => undefined,
      });
    this.encapsulations = follow<DistributedEncapsulation>(TOPICS.encapsulations);
    this.hosts = follow<HostView>(TOPICS.hosts);
  }

  static begin(context: ServiceContext, ownership: Ownership, parts: FabricReignParts): FabricReign {
    const reign = new FabricReign(context, ownership, parts);
    const look = context.clock.every(LOOK_MS, () => {
      if (reign.behind) reign.objectsChanged();
    });
    reign.stops.push(
      ownership.view.onChange(({ before, after }) => {
        if (before !== after) reign.version++;
        reign.objectsChanged();
      }),
      () => look.cancel(),
    );
    reign.publisher.start();
    reign.objectsChanged();
    return reign;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const stop of this.stops) stop();
    await Promise.all([this.encapsulations.close(), this.hosts.close(), this.publisher.stop()]);
    for (const name of [...this.running.keys()]) this.end(name);
    await Promise.all(this.ending.values());
  }

  // ---- what people ask -----------------------------------------------------------------------------------------------

  status(fabric?: string): FabricStatus[] {
    if (fabric !== undefined) return [this.driver(fabric).status()];
    return [...this.running].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { driver }]) => driver.status());
  }

  async plan(fabric: string): Promise<FabricPlan> {
    return this.driver(fabric).plan();
  }

  async confirm(fabric: string, digest: string): Promise<FabricStatus> {
    return this.driver(fabric).confirm(digest);
  }

  private driver(fabric: string): FabricDriver {
    const running = this.running.get(fabric);
    if (running) return running.driver;
    throw new HeddleError('not-found', `there is no Fabric ${fabric}`);
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private wanted(): Known<Wanted> {
    const { view } = this.ownership;
    // A view that is being read anew lacks what comes later in the log.
    if (view.problem !== undefined) return { unknown: view.problem };
    if (!this.encapsulations.following) return { unknown: 'the inventory has not told yet which VLANs EPGs have' };
    return {
      value: {
        objects: view.entries,
        position: view.position,
        encapsulations: this.encapsulations.entries,
        encapsulationPosition: this.encapsulationPosition,
        version: this.version,
      },
    };
  }

  private hostsNow(): Known<HostsNow> {
    const { view } = this.ownership;
    if (view.problem !== undefined) return { unknown: view.problem };
    if (!this.hosts.following) return { unknown: 'the inventory has not told yet which hosts there are' };
    return { value: { position: view.position, hosts: this.hosts.entries } };
  }

  private objectsChanged(): void {
    const { view } = this.ownership;
    if (this.stopped) return;
    this.behind = view.problem !== undefined;
    if (this.behind) return this.changed();
    const wanted = new Map<string, FabricSpec>();
    for (const object of view.entries.values())
      if (object.kind === 'Fabric') wanted.set(object.metadata.name, object.spec);
    for (const [name, { spec }] of this.running) {
      const next = wanted.get(name);
      if (next === undefined || JSON.stringify(next) !== spec) this.end(name);
    }
    for (const [name, spec] of wanted) if (!this.running.has(name) && !this.ending.has(name)) this.start(name, spec);
    this.changed();
  }

  private start(name: string, spec: FabricSpec): void {
    const { clock, log } = this.context;
    const { identity, term } = this.ownership;
    const { emit, files, apic } = this.parts;
    const parts: DriverParts = { fabric: name, clock, log, emit };
    const driver =
      spec.driver === 'apic'
        ? new ApicDriver({
            ...parts,
            spec,
            files,
            identity,
            term,
            wanted: () => this.wanted(),
            onInForce: (inForce) => {
              this.inForce.set(name, { fabric: name, inForce });
              this.publish();
            },
            ...apic,
          })
        : new LeafDriver({ ...parts, hosts: () => this.hostsNow() });
    this.running.set(name, { spec: JSON.stringify(spec), driver });
  }

  private end(name: string): void {
    const running = this.running.get(name);
    if (!running) return;
    this.running.delete(name);
    this.inForce.delete(name);
    this.publish();
    const ended = running.driver
      .stop()
      .catch((error: unknown) => this.context.log.error({ err: error, fabric: name }, 'fabric'))
      .then(() => {
        this.ending.delete(name);
        this.objectsChanged();
      });
    this.ending.set(name, ended);
  }

  private publish(): void {
    // Whoever goes on says it anew.
    if (this.stopped) return;
    this.publisher.publish(TOPICS.fabrics, this.inForce, this.ownership.view.position);
  }

  private changed(): void {
    for (const { driver } of this.running.values()) driver.changed();
  }
}
