import type { FakeApic } from '@heddle/fake-apic';
import { FakeFiles, waitFor } from '@heddle/host';
import { TOPICS, type DistributedEncapsulation, type DistributedFabric, type DomainSpec, type EventFact, type FabricPlan, type FabricStatus, type HostView } from '@heddle/model'; // prettier-ignore
import { TestOwnership, type Ownership } from '@heddle/service';
import type { Pace } from '../apic/pace';
import { KINDS } from '../fabric.service';
import { FabricReign } from '../fabric-reign';

export const ANNOTATION = 'orchestrator:heddle';
const IDENTITY = { clusterUid: 'cluster', incarnation: 1 };
const QUICK: Pace = { gatherMs: 10, stirMs: 20, quietMs: 60_000, blindMs: 60_000, retryFirstMs: 100, retryMostMs: 400, refusedMs: 2_000 }; // prettier-ignore

const DOMAIN: DomainSpec = {
  driver: 'macvlan',
  fabric: 'aci',
  uplink: 'data',
  mode: 'vepa',
  tagging: 'trunk',
  vlans: '100-199',
  shim: false,
};

export const epg = (name: string, spec: object = {}): object => ({
  kind: 'Epg',
  metadata: { tenant: 'acme', application: 'shop', name },
  spec: { domain: 'lan', ...spec },
});
export const host = (name: string, port: string): object => ({
  kind: 'Host',
  metadata: { name },
  spec: {
    underlay: '192.0.2.11',
    capacity: { cpu: 1, memory: 1 },
    uplinks: { data: { interface: 'eth1', leaf: '101', port } },
  },
});
export const BASE: readonly object[] = [
  { kind: 'Tenant', metadata: { name: 'acme' } },
  { kind: 'Vrf', metadata: { tenant: 'acme', name: 'default' } },
  { kind: 'BridgeDomain', metadata: { tenant: 'acme', name: 'default' }, spec: { subnets: [{ gateway: '10.32.0.1/16' }] } },
  { kind: 'Domain', metadata: { name: 'lan' }, spec: DOMAIN },
  host('h1', 'eth1/5'),
  epg('web'),
]; // prettier-ignore

/**
 * The holder of the lease on a log and a bus in memory, and real controllers' stand-ins over HTTP. Its clock follows the
 * machine's, so that timers and sockets meet.
 */
export class FabricWorld {
  readonly ownership = new TestOwnership('fabric', KINDS);
  readonly files = new FakeFiles();
  readonly facts: EventFact[] = [];
  reign!: FabricReign;
  private readonly inventory = this.ownership.publisher('inventory');
  private readonly told = this.ownership.subscriber<DistributedFabric>('fabric', TOPICS.fabrics);
  private pumping = true;
  private readonly pump: Promise<void>;

  private constructor(private readonly pace: Partial<Pace>) {
    const { clock } = this.ownership;
    const advance = clock.advance.bind(clock);
    // One at a time, or the clock would go back.
    let turn: Promise<void> = Promise.resolve();
    clock.advance = (ms) => (turn = turn.then(() => advance(ms)));
    this.pump = (async () => {
      for (let last = performance.now(); this.pumping;) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        const now = performance.now();
        await clock.advance(now - last);
        last = now;
      }
    })();
  }

  static async start(pace: Partial<Pace> = {}): Promise<FabricWorld> {
    const world = new FabricWorld(pace);
    await world.files.writeAtomic('/etc/heddle/apic', 'secret\n');
    world.inventory.start();
    return world;
  }

  /** The Fabric `aci`. */
  fabric(apic: FakeApic, more: object = {}): object {
    const spec = { driver: 'apic', controllers: apic.urls, user: 'heddle', passwordFile: '/etc/heddle/apic', ...more };
    return { kind: 'Fabric', metadata: { name: 'aci' }, spec };
  }

  async begin(over: Partial<Ownership> = {}): Promise<void> {
    const ownership = await this.ownership.next({ identity: IDENTITY, ...over });
    this.reign = FabricReign.begin(this.ownership.context, ownership, {
      emit: (fact) => this.facts.push(fact),
      files: this.files,
      apic: { pace: { ...QUICK, ...this.pace }, client: { deadlineMs: 1_000, refreshMs: 200, pingMs: 500 } },
    });
  }

  change(...puts: readonly object[]): Promise<number> {
    return this.ownership.change(puts);
  }

  remove(...keys: readonly string[]): Promise<number> {
    return this.ownership.change([], keys);
  }

  /** VLANs by the names of EPGs of `acme/shop`, as they follow from a position of the log. */
  vlans(given: Readonly<Record<string, number>>, position = 1): void {
    const all = Object.entries(given).map(([name, vlan]): [string, DistributedEncapsulation] => {
      const path = `acme/shop/${name}`;
      return [path, { epg: path, domain: 'lan', spec: DOMAIN, vlan }];
    });
    this.inventory.publish(TOPICS.encapsulations, new Map(all), position);
  }

  hosts(...views: readonly HostView[]): void {
    this.inventory.publish(TOPICS.hosts, new Map(views.map((view) => [view.name, view])), 1);
  }

  status(fabric = 'aci'): FabricStatus {
    return this.reign.status(fabric)[0] as FabricStatus;
  }

  /** The position that everybody is told to be in force. */
  get toldInForce(): number | undefined {
    return this.told.entries.get('aci')?.inForce;
  }

  plan(): Promise<FabricPlan> {
    return this.reign.plan('aci');
  }

  async until(what: string, condition: (status: FabricStatus) => boolean, fabric = 'aci'): Promise<FabricStatus> {
    const status = (): FabricStatus | undefined =>
      this.reign.status().find((status) => status.fabric === fabric && condition(status));
    return waitFor(status, {
      deadlineMs: 15_000,
      intervalMs: 10,
      what: () => `${what}; it is ${JSON.stringify(this.reign.status())}`,
    });
  }

  inForce(position?: number): Promise<FabricStatus> {
    return this.until('it to be in force', (s) => s.state === 'in-force' && s.position >= (position ?? 0));
  }

  async stop(): Promise<void> {
    await this.reign?.stop();
    await this.ownership.close();
    this.pumping = false;
    await this.pump;
  }
}
