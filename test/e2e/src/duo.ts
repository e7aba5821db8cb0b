import type { TestCluster } from './cluster';
import { containersOn, type RunningContainer } from './containers';
import { compareFlows, dumpFlows, UNTOUCHED, type DumpedFlow } from './flows';
import { Traffic, type Counts, type Probe } from './traffic/traffic';
import { nodeOf, OVS, type Way } from './ways';

const UDP = 7001;
const TCP = 7002;

/**
 * A client and a stranger on one host, a server on the other. The client may reach the server, the stranger nobody; `spare`
 * is there to be scaled.
 */
const applicationOn = ({ objects, domain }: Way): string => `${objects}
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: duo }
spec:
  domain: ${domain}
  services:
    client: { image: heddle/demo, constraints: [{ attribute: host, operator: '=', value: h1 }] }
    stranger: { image: heddle/demo, constraints: [{ attribute: host, operator: '=', value: h1 }] }
    spare: { image: heddle/demo, replicas: 0, constraints: [{ attribute: host, operator: '=', value: h1 }] }
    server:
      image: heddle/demo
      constraints: [{ attribute: host, operator: '=', value: h2 }]
      ports: { udp: { port: ${UDP}, protocol: udp }, tcp: ${TCP} }
  connect:
    - { from: client, to: server, port: udp }
    - { from: client, to: server, port: tcp }
`;
const HOSTS = ['h1', 'h2'];

export interface DuoSnapshot {
  /** By the name of the service. */
  readonly containers: Readonly<Record<'client' | 'stranger' | 'server', RunningContainer>>;
  readonly ids: readonly string[];
  /** By node whose switch enforces. */
  readonly flows: Readonly<Record<string, ReadonlyMap<string, DumpedFlow>>>;
}

/** The application of the tests that break things, on a cluster of two hosts. */
export class Duo {
  /** {@link states} when nothing is wrong. */
  static readonly well = { client: 'running true', server: 'running true', stranger: 'running true' };

  constructor(
    private readonly cluster: TestCluster,
    private readonly way: Way = OVS,
  ) {}

  get file(): string {
    return applicationOn(this.way);
  }

  apply(): Promise<number> {
    return this.cluster.api.applyAndSettle(this.file);
  }

  async snapshot(): Promise<DuoSnapshot> {
    const on = await Promise.all(HOSTS.map((host) => containersOn(this.cluster.host(host))));
    const found = on.flatMap((containers) => [...containers.values()]);
    const containers = Object.fromEntries(found.map((c) => [c.epg.split('/')[2] as string, c]));
    const flows = await Promise.all(
      this.way.enforcers.map(async (node) => [node, await dumpFlows(nodeOf(this.cluster.lab, node))] as const),
    );
    return {
      containers: containers as DuoSnapshot['containers'],
      ids: found.map((c) => c.id).sort(),
      flows: Object.fromEntries(flows),
    };
  }

  /**
   * The containers are the same ones, and every flow that was there is still the same one.
   * @param options.more other applications may have added flows
   */
  async expectUntouched(before: DuoSnapshot, options: { more?: boolean } = {}): Promise<void> {
    const after = await this.snapshot();
    expect(after.ids).toEqual(before.ids);
    for (const node of this.way.enforcers) {
      const changes = compareFlows(before.flows[node] ?? new Map(), after.flows[node] ?? new Map());
      expect(options.more ? { ...changes, added: [] } : changes).toEqual(UNTOUCHED);
    }
  }

  /** @returns position of the change */
  async scale(service: string, replicas: number): Promise<number> {
    const path = `/api/v1/services/acme/duo/${service}/scale`;
    return (await this.cluster.api.ok<{ position: number }>('POST', path, { replicas })).position;
  }

  /** Starts a container on the first host and stops it again: whatever is needed for that works. */
  async exercise(): Promise<void> {
    for (const replicas of [1, 0]) await this.cluster.api.settled(await this.scale('spare', replicas));
  }

  /** Why a service is not as it should be, as the API says. */
  async reasons(service: string): Promise<string> {
    const path = `/api/v1/services/acme/duo/${service}`;
    const { status } = await this.cluster.api.ok<{ status: { reasons?: string[] } }>('GET', path);
    return (status.reasons ?? []).join('; ');
  }

  /** Phase and health of every instance but the spare ones, as the API says. */
  async states(): Promise<Record<string, string>> {
    const all = await this.cluster.api.list<'Allocation'>('allocations');
    const wanted = all.filter((a) => a.spec.desired === 'run' && a.spec.service in Duo.well);
    return Object.fromEntries(
      wanted
        .map((a) => [a.spec.service, `${String(a.status?.['phase'])} ${String(a.status?.['healthy'])}`] as const)
        .sort(),
    );
  }
}

/** Traffic between the containers: what is allowed, and the same from where it is forbidden. */
export class DuoTraffic {
  private constructor(
    readonly allowed: Traffic,
    private readonly forbidden: Traffic,
    private readonly servers: Traffic,
  ) {}

  static async start({ client, stranger, server }: DuoSnapshot['containers']): Promise<DuoTraffic> {
    const at = { address: server.address };
    const probes: Probe[] = [
      { name: 'udp', protocol: 'udp', port: UDP, ...at },
      { name: 'tcp', protocol: 'tcp', port: TCP, ...at },
      { name: 'connect', protocol: 'connect', port: TCP, ...at },
    ];
    const question = 'server.duo.acme.heddle';
    const names: Probe = { name: 'names', protocol: 'name', address: '169.254.1.1', port: 53, question };
    const servers = await Traffic.start(server.pid, {
      listen: [
        { protocol: 'udp', port: UDP },
        { protocol: 'tcp', port: TCP },
      ],
    });
    const traffic = new DuoTraffic(
      await Traffic.start(client.pid, { probes: [...probes, names] }),
      await Traffic.start(stranger.pid, { probes: probes.map((p) => ({ ...p, name: `not-${p.name}` })) }),
      servers,
    );
    await traffic.more();
    return traffic;
  }

  /** Waits until so many more datagrams have come back. */
  async more(datagrams = 50): Promise<Counts> {
    const { probes } = await this.allowed.count();
    const enough = (probes['udp']?.received ?? 0) + datagrams;
    return this.allowed.until((c) => (c.probes['udp']?.received ?? 0) >= enough, `${enough} datagrams to come back`);
  }

  /** Waits until names were resolved again, and new connections opened. */
  async moreOfAll(): Promise<Counts> {
    const { probes } = await this.allowed.count();
    const { opened } = probes['connect'] as { opened: number };
    const { resolved } = probes['names'] as { resolved: number };
    await this.more();
    return this.allowed.until(
      (c) => (c.probes['connect']?.opened ?? 0) > opened && (c.probes['names']?.resolved ?? 0) > resolved,
      'new connections and names',
    );
  }

  /** Ends it; nothing that is forbidden may have come through. */
  async stop(): Promise<Counts> {
    const [allowed, forbidden] = await Promise.all([this.allowed.stop(), this.forbidden.stop()]);
    const { heard } = await this.servers.stop();
    expect(forbidden.probes['not-udp']?.sent).toBeGreaterThan(50);
    expect(forbidden.probes['not-connect']?.tried).toBeGreaterThan(0);
    expect(Object.keys(heard).filter((name) => name.startsWith('not-'))).toEqual([]);
    return allowed;
  }

  /**
   * Ends it; besides, nothing that is allowed may have been lost. Not for a time in which containers start or stop: when a
   * link comes or goes, the user-space datapath of Open vSwitch 3.1 reads all routes anew, and what it is about to send
   * through a tunnel at that moment may be lost.
   */
  async stopWhole(): Promise<Counts> {
    const counts = await this.stop();
    const { udp, tcp, connect } = counts.probes;
    expect(udp).toMatchObject({ lost: [], received: udp?.sent });
    expect(tcp).toMatchObject({ lost: [], received: tcp?.sent });
    expect(tcp?.broken).toBeUndefined();
    expect(connect?.failed).toBe(0);
    expect(counts.lostSegments).toBe(0);
    return counts;
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await Promise.all([this.allowed.kill(), this.forbidden.kill(), this.servers.kill()]);
  }
}
