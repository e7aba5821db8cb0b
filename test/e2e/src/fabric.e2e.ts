import { waitFor } from '@heddle/host';
import type { ServerNode } from '@heddle/lab';
import type { HeddleObject, Traffic } from '@heddle/model';
import { describeRoot, TestCluster } from './cluster';
import { dumpFlows } from './flows';
import { containersOf, ipIn, stationIn, type Container } from './net/containers';
import { lookUp } from './net/dns';
import { arp, BROADCAST } from './net/frames';
import { VirtualMachine } from './machines/virtual-machine';
import { mayOpen, policyObjects } from './oracle';
import { connectsFrom, type Attempt } from './net/connects';
import { Wire } from './net/wire';
import { DOMAINS, domainObject, FABRIC, nodeOf } from './ways';

/** Ways to attach a container, by the name of the Domain: two services of each, so that the same way is tried between EPGs. */
const WAYS = { vxlan: 'default', vlan: 'vlan', bridge: 'bridge', vepa: 'vepa' } as const;
const CONTAINERS = Object.keys(WAYS).flatMap((way) => [`${way}-a`, `${way}-b`]);
/** Two on one host, children of one parent in mode bridge. */
const SIBLINGS = 'siblings';
const MACHINES = ['vm-a', 'vm-b'];
const SERVERS = ['metal-a', 'metal-b'];
const EPGS = [...CONTAINERS, ...MACHINES, ...SERVERS, SIBLINGS];
const [ALLOWED, DENIED] = [8080, 8081];
const GATEWAY = '10.32.0.1';
/** A machine is emulated, and tries everything at once; a packet that is lost is sent again after one second. */
const MACHINE_MS = 5_000;
/** At the end of the subnet, where no block of a host is when these are written down first. */
const replicasOf = (service: string): number => (service.startsWith('vlan') ? 3 : 2);
const addressOf = (epg: string): string => `10.32.250.${10 + EPGS.indexOf(epg)}`;
const macOf = (epg: string): string => `52:54:00:00:00:${(16 + EPGS.indexOf(epg)).toString(16)}`;

const docs = (...objects: object[]): string => objects.map((o) => JSON.stringify(o)).join('\n---\n');

const epg = (name: string, isolation: 'enforced' | 'unenforced', binding: object = {}): object => ({
  kind: 'Epg',
  metadata: { tenant: 'acme', application: 'all', name },
  spec: {
    ...binding,
    domain: name === SIBLINGS ? 'bridge' : (WAYS[name.split('-')[0] as keyof typeof WAYS] ?? 'default'),
    provides: ['web'],
    consumes: ['web'],
    isolation,
  },
});

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
  ...EPGS.map((name) => epg(name, name.startsWith('vepa') ? 'enforced' : 'unenforced')),
  {
    kind: 'Service',
    metadata: { tenant: 'acme', application: 'all', name: SIBLINGS },
    spec: {
      image: 'heddle/demo',
      replicas: 2,
      resources: { cpu: 0.02, memory: '16Mi' },
      constraints: [{ attribute: 'host', operator: '=', value: 'h3' }],
    },
  },
  ...CONTAINERS.map((name) => ({
    kind: 'Service',
    metadata: { tenant: 'acme', application: 'all', name },
    spec: {
      image: 'heddle/demo',
      ports: { http: ALLOWED },
      replicas: replicasOf(name),
      resources: { cpu: 0.02, memory: '16Mi' },
      // In VLANs on every host, all others on the first two.
      constraints: replicasOf(name) === 3 ? [] : [{ attribute: 'host', operator: '!=', value: 'h3' }],
    },
  })),
);

/** The first of two names its EPG; the other is bound to it in another way. */
const isFirst = (name: string): boolean => name.endsWith('-a');

/** A virtual machine, and of the second its EPG, which has it by an attribute. */
const machineObjects = (name: string): object[] => [
  ...(isFirst(name) ? [] : [epg(name, 'unenforced', { attributes: { criteria: [{ label: `role=${name}` }] } })]),
  {
    kind: 'Endpoint',
    metadata: { tenant: 'acme', application: 'all', name, labels: { role: name } },
    spec: {
      endpointKind: 'vm',
      mac: macOf(name),
      addresses: [addressOf(name)],
      ...(isFirst(name) ? { epg: name } : {}),
      attachment: { driver: 'ovs', interfaceId: name },
    },
  },
];

/** What is observed of an endpoint. */
interface EndpointStatus {
  readonly epg?: string;
  readonly host?: string;
  readonly since?: string;
  readonly fabric?: object;
  readonly problems?: readonly string[];
  readonly traffic?: Traffic;
}

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
    await api.applyAndSettle(docs(...(await Promise.all(SERVERS.map((name) => serverObjects(name)))).flat()));
    await api.applyAndSettle(docs(...MACHINES.flatMap(machineObjects)));
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

  /** A server, and of the second its EPG, which has it by its place. */
  async function serverObjects(name: string, mac = macOf(name)): Promise<object[]> {
    const attachment = await (servers.get(name) as ServerNode).attachment();
    const { driver: _driver, ...place } = attachment;
    const spec = { endpointKind: 'baremetal', mac, addresses: [addressOf(name)], attachment };
    const metadata = { tenant: 'acme', application: 'all', name };
    if (isFirst(name)) return [{ kind: 'Endpoint', metadata, spec: { ...spec, epg: name } }];
    return [epg(name, 'unenforced', { staticBindings: [place] }), { kind: 'Endpoint', metadata, spec }];
  }

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
    expect(containers).toHaveLength(CONTAINERS.reduce((sum, service) => sum + replicasOf(service), 2));
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

  const statusOf = async (name: string): Promise<EndpointStatus> =>
    (await cluster.api.ok<{ status?: EndpointStatus }>('GET', `/api/v1/endpoints/acme/all/${name}`)).status ?? {};
  const events = async (name: string): Promise<string[]> =>
    (await cluster.api.ok<{ items: { what: string }[] }>('GET', `/api/v1/events?kind=Endpoint&tenant=acme&name=all/${name}`))
      .items.map(({ what }) => what); // prettier-ignore
  const until = <T>(what: string, met: () => Promise<T>) => waitFor(met, { deadlineMs: 20_000, intervalMs: 100, what });
  const from = (service: string): Container => containers.find((c) => c.epg.endsWith(`/${service}`)) as Container;
  const tries = async (source: Container, address: string, port = ALLOWED): Promise<string | undefined> =>
    (await connectsFrom(source.netns, [{ address, port: port as number }]))[0];

  it('is probed by the product itself, machines and servers among the destinations', async () => {
    const { results, mismatches } = await cluster.api.probe('acme', 'all');
    expect(mismatches).toBe(0);
    expect(results.filter((r) => r.destination.allocation.startsWith('endpoint:')).length).toBeGreaterThan(0);
  }, 120_000);

  it('shows every endpoint whatever its kind: where, since when, its EPG, its traffic', async () => {
    const endpoints = await until('the traffic of all to be counted', async () => {
      const all = await cluster.api.list<'Endpoint'>('endpoints');
      const counted = all.every(({ status }) => {
        const { traffic } = status as EndpointStatus;
        return traffic && traffic.sent.packets > 0 && traffic.received.packets > 0;
      });
      return counted ? all : undefined;
    });
    expect(endpoints).toHaveLength(containers.length + MACHINES.length + SERVERS.length);
    for (const { spec, status = {}, metadata } of endpoints) {
      const { problems, ...where } = status as EndpointStatus;
      expect({ name: metadata.name, problems }).toEqual({ name: metadata.name, problems: [] });
      expect(where).toMatchObject({ epg: expect.any(String), host: expect.any(String), since: expect.any(String) });
      expect(['container', 'vm', 'baremetal']).toContain(spec.endpointKind);
    }
  }, 60_000);

  it('answers names inside containers of every kind, for machines and servers too', async () => {
    for (const service of ['vxlan-a', 'vlan-a', 'vepa-a', 'bridge-a']) {
      const station = await stationIn(from(service));
      try {
        for (const name of ['vm-a', 'metal-b']) {
          const answer = await lookUp(station, `${name}.all.acme.heddle`);
          expect({ service, name, ...answer }).toEqual({ service, name, code: 'ok', addresses: [addressOf(name)] });
        }
        const answer = await lookUp(station, 'vepa-b.all.acme.heddle', { protocol: 'tcp' });
        expect(answer.addresses).toHaveLength(2);
      } finally {
        await station.close();
      }
    }
  }, 60_000);

  it('has no sibling reach another around the contracts, from the moment that their EPG is isolated', async () => {
    const [one, other] = containers.filter((c) => c.epg.endsWith(`/${SIBLINGS}`)) as [Container, Container];
    const modes = async (): Promise<(string | undefined)[]> =>
      Promise.all(
        [one, other].map(async ({ netns }) => {
          const links = await ipIn<{ linkinfo?: { info_kind?: string; info_data?: { mode?: string } } }>(netns, 'link', 'show');
          return links.find((l) => l.linkinfo?.info_kind === 'macvlan')?.linkinfo?.info_data?.mode;
        }),
      ); // prettier-ignore
    expect([await modes(), await tries(one, other.address, DENIED)]).toEqual([['bridge', 'bridge'], 'open']);
    await cluster.api.applyAndSettle(docs(epg(SIBLINGS, 'enforced')));
    await until('both to be in mode vepa', async () => (await modes()).every((mode) => mode === 'vepa'));
    expect([await tries(one, other.address, DENIED), await tries(one, other.address)]).toEqual(['closed', 'closed']);
    await cluster.api.applyAndSettle(docs(epg(SIBLINGS, 'unenforced')));
    await until('both to be in mode bridge', async () => (await modes()).every((mode) => mode === 'bridge'));
    expect(await tries(one, other.address, DENIED)).toBe('open');
  }, 60_000);

  it('tells of an address that is claimed where its endpoint is not, and lets nothing of it through', async () => {
    const { address } = from('vepa-a');
    const rogue = servers.get('metal-a') as ServerNode;
    await rogue.exec(['ip', 'address', 'add', `${address}/32`, 'dev', rogue.link()]);
    try {
      const [name] = (await cluster.api.list<'Endpoint'>('endpoints'))
        .filter((e) => e.spec.addresses.includes(address))
        .map((e) => e.metadata.name);
      await rogue.exec(['busybox', 'arping', '-U', '-c', '2', '-I', rogue.link(), address], { okCodes: [0, 1] });
      await until('the claim to be told', async () => (await events(name as string)).includes('address-elsewhere'));
      expect((await statusOf(name as string)).problems?.join()).toMatch(/claimed/);
      expect(await tries(from('vxlan-a'), address)).toBe('open');
    } finally {
      await rogue.exec(['ip', 'address', 'del', `${address}/32`, 'dev', rogue.link()]);
    }
  }, 60_000);

  it('tells of a MAC that is used elsewhere and of a changed one, and lets nothing of that through', async () => {
    const victim = from('vepa-a');
    const [{ metadata, spec }] = (await cluster.api.list<'Endpoint'>('endpoints')).filter((e) => e.spec.addresses.includes(victim.address)) as [HeddleObject<'Endpoint'>]; // prettier-ignore
    const rogue = servers.get('metal-a') as ServerNode;
    const send = (): Promise<unknown> =>
      rogue.exec(['busybox', 'arping', '-U', '-c', '1', '-I', rogue.link(), addressOf('metal-a')], { okCodes: [0, 1] });
    expect((await parties().find((p) => p.epg.endsWith('/metal-a'))?.tryAll([{ address: victim.address, port: ALLOWED }]))?.[0]).toBe('open'); // prettier-ignore
    await rogue.exec(['ip', 'link', 'set', 'dev', rogue.link(), 'address', spec.mac]);
    try {
      await send();
      await until('both to be told', async () => (await events(metadata.name)).includes('mac-elsewhere') && (await events('metal-a')).includes('other-mac')); // prettier-ignore
      const { problems = [] } = await statusOf('metal-a');
      expect(problems.join()).toContain(`used with MAC ${spec.mac}`);
      const [open] = await connectsFrom(`/run/netns/${rogue.netns}`, [{ address: victim.address, port: ALLOWED as number }]); // prettier-ignore
      expect([open, await tries(from('vxlan-a'), victim.address)]).toEqual(['closed', 'open']);
    } finally {
      await rogue.exec(['ip', 'link', 'set', 'dev', rogue.link(), 'address', macOf('metal-a')]);
    }
    await until('it to be let through again', async () => (await tries(from('vxlan-a'), addressOf('metal-a'))) === 'open'); // prettier-ignore
  }, 60_000);

  it('follows an interface id that two hosts have to the later port, and back', async () => {
    const [name, source] = ['vm-a', from('vxlan-a')];
    const network = { mac: macOf(name), address: `${addressOf(name)}/16`, gateway: GATEWAY };
    const twin = await VirtualMachine.startOn(cluster.host('h2'), { name: 'twin', tap: 'hd_twin', interfaceId: name, ...network }); // prettier-ignore
    try {
      await until('the twin to be the one', async () => (await statusOf(name)).host === 'h2');
      expect((await statusOf(name)).problems).toEqual(['h1 has a port with its interface id, too, of earlier']);
      const [h1] = (await cluster.api.hosts()).filter((host) => host.name === 'h1');
      expect(h1?.problems.join()).toContain('nothing passes from or to it here; remove the port');
      await until('connections to the twin', async () => (await tries(source, addressOf(name))) === 'open');
      expect(await machines.get(name)?.connect(source.address, ALLOWED as number, MACHINE_MS)).toBe('closed');
    } finally {
      await twin.stop();
    }
    await until('it to be back on h1', async () => (await statusOf(name)).host === 'h1');
    await until('connections to it', async () => (await tries(source, addressOf(name))) === 'open');
    expect((await statusOf(name)).problems).toEqual([]);
  }, 90_000);

  it('takes the flows of a machine that is gone, and follows one that moves', async () => {
    const [name, source] = ['vm-b', from('vxlan-a')];
    const flowsWith = async (node: string): Promise<number> =>
      [...(await dumpFlows(nodeOf(cluster.lab, node))).keys()].filter((flow) => flow.includes(addressOf(name))).length;
    expect([await flowsWith('h2') > 0, await flowsWith('leaf') > 0, await tries(source, addressOf(name))]).toEqual([true, true, 'open']); // prettier-ignore
    await machines.get(name)?.stop();
    await until('it to be nowhere', async () => (await statusOf(name)).host === undefined);
    await until('its flows to be gone', async () => (await flowsWith('h2')) + (await flowsWith('leaf')) === 0);
    expect((await statusOf(name)).problems?.join()).toMatch(/no host has a port with its interface id/);

    const network = { mac: macOf(name), address: `${addressOf(name)}/16`, gateway: GATEWAY };
    machines.set(name, await VirtualMachine.startOn(cluster.host('h1'), { name, tap: `hd_${name}`, ...network }));
    await until('it to be on h1', async () => (await statusOf(name)).host === 'h1');
    await until('connections to it', async () => (await tries(source, addressOf(name))) === 'open');
    expect(await tries(source, addressOf(name), DENIED)).toBe('closed');
    expect(await events(name)).toContain('moved');
  }, 90_000);

  it('tells the fabric at once of a container that comes up behind an uplink', async () => {
    const service = '/api/v1/services/acme/all/vlan-b';
    const scale = async (replicas: number): Promise<void> =>
      cluster.api.settled((await cluster.api.ok<{ position: number }>('POST', `${service}/scale`, { replicas })).position); // prettier-ignore
    const netns = `/run/netns/${cluster.lab.leaf.netns}`;
    const wires = await Promise.all(
      cluster.hostNames.map(async (host) => {
        const { port } = (await cluster.host(host).config()).uplinks.fabric;
        const [link] = await ipIn<{ ifindex: number }>(netns, 'link', 'show', port);
        return [host, await Wire.open(netns, link?.ifindex ?? 0)] as const;
      }),
    );
    try {
      const before = new Set(containers.map(({ id }) => id));
      await scale(4);
      const [{ host, mac, address }] = (await containersOf(cluster, 'acme/all')).filter(({ id }) => !before.has(id)) as [Container]; // prettier-ignore
      const announced = arp({ from: mac, to: BROADCAST }, { operation: 'request', senderMac: mac, senderAddress: address, targetAddress: address }); // prettier-ignore
      const wire = new Map(wires).get(host) as Wire;
      await until('it to be announced', async () => wire.received.some((frame) => frame.includes(announced)));
    } finally {
      await Promise.all(wires.map(([, wire]) => wire.close()));
      await scale(3);
    }
  }, 60_000);

  it('has moved every container when a change of the Domain is settled', async () => {
    const name = 'vxlan-b';
    const placed = async (domain: string): Promise<boolean[]> => {
      await cluster.api.applyAndSettle(docs({ ...epg(name, 'unenforced'), spec: { domain, provides: ['web'], consumes: ['web'] } })); // prettier-ignore
      const endpoints = (await cluster.api.list<'Endpoint'>('endpoints')).filter((e) => (e.status as EndpointStatus).epg === `acme/all/${name}`); // prettier-ignore
      return endpoints.map(({ status }) => (status as EndpointStatus).fabric !== undefined);
    };
    expect(await placed('vlan')).toEqual([true, true]);
    expect(await placed('default')).toEqual([false, false]);
  }, 60_000);

  it('tells neighbours at once of an address that another interface has now', async () => {
    const [name, source, mac] = ['metal-a', from('vxlan-a'), '52:54:00:00:01:99'];
    expect(await tries(source, addressOf(name))).toBe('open');
    const known = async (): Promise<string | undefined> =>
      (await ipIn<{ lladdr?: string }>(source.netns, 'neighbour', 'show', 'to', addressOf(name)))[0]?.lladdr;
    expect(await known()).toBe(macOf(name));
    const server = servers.get(name) as ServerNode;
    await server.exec(['ip', 'link', 'set', 'dev', server.link(), 'address', mac]);
    await cluster.api.applyAndSettle(docs(...(await serverObjects(name, mac))));
    await until('the neighbour to know', async () => (await known()) === mac);
    expect(await tries(source, addressOf(name))).toBe('open');
  }, 60_000);
});
