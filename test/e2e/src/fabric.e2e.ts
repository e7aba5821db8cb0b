import { waitFor } from '@heddle/host';
import type { ServerNode } from '@heddle/lab';
import { describeRoot, TestCluster } from './cluster';
import { containersOf, type Container } from './net/containers';
import { VirtualMachine } from './machines/virtual-machine';
import { mayOpen, policyObjects } from './oracle';
import { connectsFrom, type Attempt } from './net/connects';
import { DOMAINS, domainObject, FABRIC } from './ways';

/** Ways to attach a container, by the name of the Domain: two services of each, so that the same way is tried between EPGs. */
const WAYS = { vxlan: 'default', vlan: 'vlan', bridge: 'bridge', vepa: 'vepa' } as const;
const CONTAINERS = Object.keys(WAYS).flatMap((way) => [`${way}-a`, `${way}-b`]);
const MACHINES = ['vm-a', 'vm-b'];
const SERVERS = ['metal-a', 'metal-b'];
const EPGS = [...CONTAINERS, ...MACHINES, ...SERVERS];
const [ALLOWED, DENIED] = [8080, 8081];
const GATEWAY = '10.32.0.1';
/** A machine is emulated, and tries everything at once; a packet that is lost is sent again after one second. */
const MACHINE_MS = 5_000;
/** At the end of the subnet, where no block of a host is when these are written down first. */
const replicasOf = (service: string): number => (service.startsWith('vlan') ? 3 : 2);
const addressOf = (epg: string): string => `10.32.250.${10 + EPGS.indexOf(epg)}`;
const macOf = (epg: string): string => `52:54:00:00:00:${(16 + EPGS.indexOf(epg)).toString(16)}`;

const docs = (...objects: object[]): string => objects.map((o) => JSON.stringify(o)).join('\n---\n');

/** Everybody may open {@link ALLOWED} to everybody of another EPG, and nothing else. */
const application = docs(
  { kind: 'Tenant', metadata: { name: 'acme' } },
  {
    kind: 'Filter',
    metadata: { tenant: 'acme', name: 'web' },
    spec: { entries: [{ name: 'http', protocol: 'tcp', destinationPorts: ALLOWED }] },
  },
  {
    kind: 'Contract',
    metadata: { tenant: 'acme', name: 'web' },
    spec: { subjects: [{ name: 'web', filters: ['web'] }] },
  },
  ...EPGS.map((name) => ({
    kind: 'Epg',
    metadata: { tenant: 'acme', application: 'all', name },
    spec: {
      domain: WAYS[name.split('-')[0] as keyof typeof WAYS] ?? 'default',
      provides: ['web'],
      consumes: ['web'],
      isolation: name.startsWith('vepa') ? 'enforced' : 'unenforced',
    },
  })),
  ...CONTAINERS.map((name) => ({
    kind: 'Service',
    metadata: { tenant: 'acme', application: 'all', name },
    spec: {
      image: 'heddle/demo',
      replicas: replicasOf(name),
      resources: { cpu: 0.02, memory: '16Mi' },
      // In VLANs on every host, all others on the first two.
      constraints: replicasOf(name) === 3 ? [] : [{ attribute: 'host', operator: '!=', value: 'h3' }],
    },
  })),
);

/** Somebody who can try connections, whatever it is. */
interface Party {
  readonly epg: string;
  readonly where: string;
  readonly address: string;
  /** Tries all of these, and says of each whether packets go both ways. */
  tryAll(targets: readonly Attempt[]): Promise<('open' | 'closed')[]>;
}

describeRoot('one policy over every kind of endpoint', () => {
  let cluster: TestCluster;
  let containers: Container[];
  const machines = new Map<string, VirtualMachine>();
  const servers = new Map<string, ServerNode>();

  beforeAll(async () => {
    // The third ends no tunnels, and so its user-space switch has segmentation offload.
    cluster = await TestCluster.start('fab', [{ name: 'h1' }, { name: 'h2' }, { name: 'h3', tunnels: false }]);
    const { api, lab } = cluster;
    await api.applyAndSettle(
      `${FABRIC}${(Object.keys(DOMAINS) as (keyof typeof DOMAINS)[]).map(domainObject).join('')}\n---\n${application}`,
      90_000,
    );
    for (const [i, name] of SERVERS.entries()) {
      // One untagged, one in a VLAN of its own.
      const tag = i === 0 ? {} : { vlan: 700 };
      const spec = { name: `srv${i}`, address: `${addressOf(name)}/16`, gateway: GATEWAY, mac: macOf(name), ...tag };
      await lab.serverUp(spec);
      servers.set(name, lab.server(spec.name));
    }
    const written = await Promise.all(
      SERVERS.map(async (name) => ({
        kind: 'Endpoint',
        metadata: { tenant: 'acme', application: 'all', name },
        spec: {
          endpointKind: 'baremetal',
          mac: macOf(name),
          addresses: [addressOf(name)],
          epg: name,
          attachment: await servers.get(name)?.attachment(),
        },
      })),
    );
    const virtual = MACHINES.map((name) => ({
      kind: 'Endpoint',
      metadata: { tenant: 'acme', application: 'all', name },
      spec: {
        endpointKind: 'vm',
        mac: macOf(name),
        addresses: [addressOf(name)],
        epg: name,
        attachment: { driver: 'ovs', interfaceId: name },
      },
    }));
    await api.applyAndSettle(docs(...written, ...virtual));
    for (const [i, name] of MACHINES.entries()) {
      const network = { mac: macOf(name), address: `${addressOf(name)}/16`, gateway: GATEWAY };
      const tap = `hd_${name}`;
      machines.set(name, await VirtualMachine.startOn(cluster.host(`h${i + 1}`), { name, tap, ...network }));
    }
    containers = await containersOf(cluster, 'acme/all');
  }, 240_000);
  afterAll(async () => {
    await Promise.all([...machines.values()].map((machine) => machine.stop()));
    await cluster?.stop();
  }, 60_000);

  const parties = (): Party[] => [
    ...containers.map(({ epg, host, address, netns }) => ({
      epg,
      where: host,
      address,
      tryAll: (targets: readonly Attempt[]) => connectsFrom(netns, targets),
    })),
    ...[...servers].map(([name, server]) => ({
      epg: `acme/all/${name}`,
      where: 'leaf',
      address: addressOf(name),
      tryAll: (targets: readonly Attempt[]) => connectsFrom(`/run/netns/${server.netns}`, targets),
    })),
    ...[...machines].map(([name, machine], i) => ({
      epg: `acme/all/${name}`,
      where: `h${i + 1}`,
      address: addressOf(name),
      tryAll: (targets: readonly Attempt[]) =>
        Promise.all(targets.map(({ address, port }) => machine.connect(address, port, MACHINE_MS))),
    })),
  ];

  it('lets through in every direction what the contracts say, and nothing else', async () => {
    expect(containers).toHaveLength(CONTAINERS.reduce((sum, service) => sum + replicasOf(service), 0));
    const everybody = parties();
    const objects = await policyObjects(cluster.api);
    await waitFor(async () => (await cluster.api.hosts()).every((h) => h.problems.length === 0), {
      deadlineMs: 20_000,
      what: 'hosts and leaf to be in order',
    });
    const lines = await Promise.all(
      everybody.map(async (source) => {
        const cases = everybody
          .filter((destination) => destination !== source)
          .flatMap((destination) => [ALLOWED, DENIED].map((port) => ({ destination, port })));
        const seen = await source.tryAll(cases.map(({ destination: { address }, port }) => ({ address, port })));
        return cases.map(({ destination, port }, i) => {
          const packet = { protocol: 'tcp', destinationPort: port } as const;
          const expected = mayOpen(objects, source.epg, destination.epg, packet) ? 'open' : 'closed';
          const way = `${source.epg}@${source.where} -> ${destination.epg}@${destination.where}:${port}`;
          return { way, expected, seen: seen[i] };
        });
      }),
    );
    const all = lines.flat();
    expect(all.filter(({ expected, seen }) => expected !== seen)).toEqual([]);
    const count = (outcome: string): number => all.filter(({ seen }) => seen === outcome).length;
    // Both outcomes between every two kinds, on one host and across hosts.
    expect([count('open') > 200, count('closed') > 200]).toEqual([true, true]);
  }, 180_000);
});
