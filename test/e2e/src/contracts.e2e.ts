import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@heddle/host';
import type { Packet } from '@heddle/oracle';
import { describeRoot, TestCluster } from './cluster';
import { arrivals, type Attempt } from './net/arrivals';
import { containersOf, pick, stationIn, wireOf, type Container } from './net/containers';
import { monotonic, type Station, type StreamReport } from './net/station';
import type { Wire } from './net/wire';
import { mayOpen, policyObjects } from './oracle';
import { Traffic, type Counts } from './traffic/traffic';
import { WAYS, type Way } from './ways';

const HOSTS = ['h1', 'h2'];

const app = ({ objects, domain }: Way, connect: readonly string[]): string => `${objects}
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: flow }
spec:
  domain: ${domain}
  services:
    client: { image: heddle/demo, replicas: 2 }
    server:
      image: heddle/demo
      replicas: 2
      ports:
        both: 7001
        push: 7002
        feed: { port: 7003, protocol: udp }
        probe: { port: 7004, protocol: udp }
        steady: 7005
  connect:
${connect.map((port) => `    - { from: client, to: server, port: ${port} }`).join('\n')}
`;

describeRoot.each(WAYS)('contracts, by the packets that arrive ($name)', (way) => {
  let cluster: TestCluster;
  const closers: (() => Promise<void>)[] = [];
  beforeAll(async () => (cluster = await TestCluster.start('con', HOSTS.length)), 120_000);
  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
    await cluster?.stop();
  }, 60_000);

  const station = async (container: Container): Promise<Station> => {
    const opened = await stationIn(container);
    closers.push(() => opened.close());
    return opened;
  };
  const wire = async (container: Container): Promise<Wire> => {
    const opened = await wireOf(container);
    closers.push(() => opened.close());
    return opened;
  };

  it('ends established connections within a second of a removed line, and loses no packet of the others', async () => {
    await cluster.api.applyAndSettle(app(way, ['both', 'push', 'feed', 'probe', 'steady']));
    const containers = await containersOf(cluster, 'acme/flow');
    const [client, bystander] = HOSTS.map((host) => pick(containers, 'client', host)) as [Container, Container];
    const servers = HOSTS.map((host) => pick(containers, 'server', host));
    const near = await station(client);
    const far = await Promise.all(servers.map(station));

    /** To the server on either host: both ends send, or only the server does once it was spoken to. */
    const lines = servers.flatMap(({ address, host }, i) =>
      (
        [
          { name: 'both', type: 'tcp', port: 7001, client: { everyMs: 5 } },
          { name: 'push', type: 'tcp', port: 7002, client: {} },
          { name: 'feed', type: 'udp', port: 7003, client: {} },
        ] as const
      ).map(({ name, type, port, client: own }) => ({
        at: far[i] as Station,
        server: { id: name, type: `${type}-server`, port, everyMs: 5 } as const,
        client: { id: `${name} ${host}`, type: `${type}-client`, port, to: address, ...own } as const,
      })),
    );
    for (const { at, server } of lines) await at.open(server);
    for (const { client: own } of lines) await near.open(own);
    const reports = (): Promise<{ name: string; client: StreamReport; server: StreamReport }[]> =>
      Promise.all(
        lines.map(async ({ at, server, client: own }) => ({
          name: own.id,
          client: await near.report(own.id),
          server: await at.report(server.id),
        })),
      );
    const kept = await keptUp(servers, [client, bystander]);

    // Everything flows: what is said of an end later is said of something that was there.
    let seen = '';
    await waitFor(
      async () => {
        const now = await reports();
        seen = JSON.stringify(now);
        return now.every(
          ({ name, client: c, server: s }) => c.bytes > 1_000 && (s.bytes > 1_000 || !name.startsWith('both')),
        );
      },
      { deadlineMs: 10_000, intervalMs: 100, what: () => `all streams to flow; last seen ${seen}` },
    );

    await cluster.api.apply(app(way, ['probe', 'steady']));
    const accepted = monotonic();
    await sleep(1_000);
    const after = await reports();
    await sleep(2_000);
    const later = await reports();
    for (const [i, { name, client: c, server: s }] of later.entries()) {
      const bytesAfter = [c.bytes - (after[i]?.client.bytes ?? 0), s.bytes - (after[i]?.server.bytes ?? 0)];
      expect({ name, bytesAfter }).toEqual({ name, bytesAfter: [0, 0] });
      expect(Math.max(c.lastAt, s.lastAt) - accepted).toBeLessThan(1_000);
    }

    const [own, bystanders] = (await Promise.all(kept.map((traffic) => traffic.stop()))) as [Counts, Counts];
    for (const [name, { sent, received, lost, broken }] of [own, bystanders].flatMap((c) => Object.entries(c.probes))) {
      expect(sent).toBeGreaterThan(200);
      expect({ name, missing: sent - received, lost, broken }).toEqual({
        name,
        missing: 0,
        lost: [],
        broken: undefined,
      });
    }
    // In a namespace whose connections were all permitted, TCP had nothing to send again.
    expect(bystanders.lostSegments).toBe(0);
  }, 60_000);

  /** Starts probes that are permitted throughout, from the clients to every server. */
  async function keptUp(servers: readonly Container[], clients: readonly Container[]): Promise<Traffic[]> {
    const listen = [
      { protocol: 'udp', port: 7004 },
      { protocol: 'tcp', port: 7005 },
    ] as const;
    for (const { pid } of servers) {
      const listening = await Traffic.start(pid, { listen });
      closers.push(() => listening.kill());
    }
    return Promise.all(
      clients.map(async ({ pid }) => {
        const probes = servers.flatMap(({ host, address }) =>
          listen.map(({ protocol, port }) => ({ name: `${protocol}-${host}`, protocol, address, port })),
        );
        const probing = await Traffic.start(pid, { probes });
        closers.push(() => probing.kill());
        return probing;
      }),
    );
  }

  it('admits of each connection what the objects say: ranges, denies, ICMP types, isolation, and nothing across VRFs', async () => {
    await cluster.api.applyAndSettle(
      way.objects + ['acme', 'beta'].map((name) => tenant(name, way.domain)).join('---\n'),
    );
    const containers = (
      await Promise.all(['acme/plant', 'beta/plant'].map((path) => containersOf(cluster, path)))
    ).flat();
    expect(containers).toHaveLength(12);
    // Both tenants have the same addresses, and with them the same MAC addresses.
    const addresses = (name: string): string[] =>
      containers.filter((c) => c.epg.startsWith(name)).map((c) => c.address);
    expect(addresses('acme').filter((a) => addresses('beta').includes(a)).length).toBeGreaterThan(1);

    const objects = await policyObjects(cluster.api);
    const wires = new Map(await Promise.all(containers.map(async (c) => [c.id, await wire(c)] as const)));
    const pairs = containers.flatMap((source) =>
      containers.filter((destination) => destination.id !== source.id).map((destination) => ({ source, destination })),
    );
    const attempts: Attempt[] = pairs.flatMap((pair) =>
      PACKETS.map((packet, i) => ({ ...pair, packet, by: i % 2 === 0 ? 'gateway' : 'neighbour' })),
    );
    const expected = attempts.map(({ source, destination, packet }) =>
      mayOpen(objects, source.epg, destination.epg, packet),
    );
    expect(expected.filter((e) => e).length).toBeGreaterThan(100);

    const seen = await arrivals(attempts, wires, expected.filter((e) => e).length);
    const told = ({ source, destination, packet, by }: Attempt, arrives: boolean | undefined): string =>
      `${source.epg}@${source.host} ${destination.epg}@${destination.host} ${JSON.stringify(packet)} by ${by}: ${arrives ? 'arrives' : 'does not'}`;
    expect(seen.map((s) => told(s, s.arrived))).toEqual(attempts.map((a, i) => told(a, expected[i])));
  }, 60_000);

  it('delivers a first datagram in fragments on a permitted port, and none of it on another', async () => {
    const containers = await containersOf(cluster, 'acme/plant');
    const left = pick(containers, 'left', 'h1');
    const near = await station(left);
    for (const host of HOSTS) {
      const right = pick(containers, 'right', host);
      const far = await station(right);
      const seen = await wire(right);
      for (const port of [9_000, 9_200]) await far.open({ id: `${port}`, type: 'udp-server', port });
      const fragments = (): number => seen.received.filter((frame) => frame.length > 1_000).length;
      await near.open({ id: `denied ${host}`, type: 'udp-client', to: right.address, port: 9_200, bytes: 4_000 });
      await sleep(500);
      expect({ host, fragments: fragments(), ...(await far.report('9200')) }).toMatchObject({
        host,
        fragments: 0,
        bytes: 0,
      });

      await near.open({ id: `permitted ${host}`, type: 'udp-client', to: right.address, port: 9_000, bytes: 4_000 });
      await waitFor(async () => (await far.report('9000')).bytes === 4_000, {
        deadlineMs: 3_000,
        what: `4,000 bytes on ${host}`,
      });
      expect(await far.report('9000')).toMatchObject({ bytes: 4_000, datagrams: 1 });
      // The wire is read by a process of its own, which may tell later than the server.
      await waitFor(() => fragments() > 0, { deadlineMs: 3_000, what: `its fragments on ${host}` });
    }
  }, 60_000);
});

/** First packets on both sides of every edge that the filters of {@link tenant} have. */
const PACKETS: readonly Packet[] = [
  { protocol: 'icmp', icmpType: 8 },
  ...[7_999, 8_000, 8_005, 8_006, 8_009, 8_010].map((destinationPort) => ({ protocol: 'tcp', destinationPort })),
  ...[8_000, 8_999, 9_000, 9_063, 9_100, 9_101].map((destinationPort) => ({ protocol: 'udp', destinationPort })),
];

/** Full objects, the same for each tenant: same subnet, same names, and so two VRFs with the same addresses. */
const tenant = (name: string, domain: string): string => `
kind: Tenant
metadata: { name: ${name} }
---
kind: Filter
metadata: { tenant: ${name}, name: tools }
spec:
  entries:
    - { name: echo, protocol: icmp, icmpType: 8 }
    - { name: low, protocol: tcp, destinationPorts: 8000-8009 }
    - { name: high, protocol: udp, destinationPorts: 9000-9100 }
---
kind: Filter
metadata: { tenant: ${name}, name: danger }
spec:
  entries:
    - { name: one, protocol: tcp, destinationPorts: 8005 }
---
kind: Contract
metadata: { tenant: ${name}, name: use }
spec:
  subjects:
    - { name: tools, filters: [tools] }
    - { name: never, filters: [danger], action: deny }
---
kind: Epg
metadata: { tenant: ${name}, application: plant, name: left }
spec: { domain: ${domain}, consumes: [use] }
---
kind: Epg
metadata: { tenant: ${name}, application: plant, name: right }
spec: { domain: ${domain}, provides: [use] }
---
kind: Epg
metadata: { tenant: ${name}, application: plant, name: lone }
spec: { domain: ${domain}, isolation: enforced }
---
${['left', 'right', 'lone']
  .map(
    (service) => `kind: Service
metadata: { tenant: ${name}, application: plant, name: ${service} }
spec: { image: heddle/demo, replicas: 2, resources: { cpu: 0.05, memory: 16Mi } }
`,
  )
  .join('---\n')}`;
