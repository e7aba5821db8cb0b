import { resolvedKey, type ResolvedEntry, type ResolvedRule, type RuleFilter } from '@heddle/model';
import {
  isEmptyChange,
  sightingOf,
  tableNumber,
  TRAFFIC_FILTERS,
  trafficOf,
  type DatapathSnapshot,
  type LocalEndpoint,
  type RemoteEndpoint,
  type SightingAt,
  type Wire,
} from '@heddle/pipeline';
import { cable, TestNode } from './testing/test-node';
import { pingFrame, tag } from './testing/ping-frame';
import { TestStation } from './testing/test-station';
import { waitFor } from './testing/wait-for';

/**
 * The flows of a fabric, on real switches with real packets:
 *
 *   web1 ─ A ══╗                         ╔══ VLAN 103 ── db2, a server
 *              ╠═ leaf (br-heddle) ══════╣
 *   web2 ┐     ║    │                    ╚══ untagged ── web3, api2, two macvlan children in mode vepa
 *   db1  ┴ B ══╝    │ VXLAN
 *          └────────┼──────── C ─ job1
 *                   └──────── leaf2 ── untagged ── db3, a server
 *
 * A ends no tunnels; B ends tunnels and is on the fabric; C is not on it. Leaves reach one another by tunnels, and what is behind
 * the second one is reached by tunnels, but for A, which has only its leaf. Every one of the five has a switch of its own.
 */

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

const EPGS = { web: 16, api: 17, db: 18, job: 19 } as const;
type Epg = keyof typeof EPGS;
const VLANS = { web: 101, db: 103 } as const;
const WRONG_VLAN = 104;
const SQL = 5432;
const HTTP = 8080;

const PLACES = {
  web1: { epg: 'web', address: '10.7.0.11' },
  web2: { epg: 'web', address: '10.7.0.22' },
  web3: { epg: 'web', address: '10.7.0.41' },
  api2: { epg: 'api', address: '10.8.0.42' },
  db1: { epg: 'db', address: '10.8.0.21' },
  db2: { epg: 'db', address: '10.8.0.51' },
  db3: { epg: 'db', address: '10.8.0.61' },
  job1: { epg: 'job', address: '10.8.0.31' },
} as const satisfies Record<string, { epg: Epg; address: string }>;
type Name = keyof typeof PLACES;
const NAMES = Object.keys(PLACES) as Name[];

const UNDERLAY = { leaf: '192.0.2.9', leaf2: '192.0.2.10', B: '192.0.2.12', C: '192.0.2.13' } as const;

const macOf = (name: Name): string =>
  `02:48:${PLACES[name].address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':')}`;
const at = (name: Name) => ({ mac: macOf(name), address: PLACES[name].address });
const gatewayOf = (name: Name): string => (PLACES[name].epg === 'web' ? '10.7.0.1' : '10.8.0.1');
const GATEWAY_MAC = '02:48:00:00:00:01';

const tcp = (port: number): RuleFilter => ({ protocol: 6, destinationPorts: { from: port, to: port }, entry: 'tcp' });
const RULES: readonly (readonly [from: Epg, to: Epg, port?: number])[] = [
  ['web', 'db', SQL],
  ['web', 'api', HTTP],
  ['web', 'job', HTTP],
  ['api', 'db', SQL],
  ['job', 'db', SQL],
  ['job', 'api', HTTP],
  ['web', 'web'],
  ['api', 'api'],
  ['db', 'db'],
  ['job', 'job'],
];
const isAllowed = (from: Name, to: Name, port: number): boolean =>
  RULES.some(([a, b, p]) => a === PLACES[from].epg && b === PLACES[to].epg && (p === undefined || p === port));

const rule = (id: number, part: Partial<ResolvedRule>): ResolvedRule => ({
  type: 'rule', id: id.toString(16).padStart(12, '0'), vrf: 1, source: 0, destination: 0, action: 'permit', priority: 9,
  origin: 'test', ...part,
}); // prettier-ignore
const PING = rule(99, { filter: { protocol: 1, entry: 'ping' } });
const CONTRACTS = [
  PING,
  ...RULES.map(([from, to, port], n) =>
    rule(n + 1, {
      source: EPGS[from],
      destination: EPGS[to],
      ...(port === undefined ? {} : { filter: tcp(port) }),
    }),
  ),
];
/** A policy that lets everything pass. */
const PERMISSIVE = [rule(200, {})];

const resolved = (rules: readonly ResolvedRule[]): ReadonlyMap<string, ResolvedEntry> => {
  const entries: ResolvedEntry[] = [
    { type: 'vrf', path: 'acme/default', id: 1, enforcement: 'enforced' },
    { type: 'bridge-domain', path: 'acme/front', id: 7, vrf: 1, gateways: ['10.7.0.1/16'] },
    { type: 'bridge-domain', path: 'acme/back', id: 8, vrf: 1, gateways: ['10.8.0.1/16'] },
    ...(Object.keys(EPGS) as Epg[]).map((epg): ResolvedEntry => ({
      type: 'class', epg, epgUid: epg, classId: EPGS[epg], vrf: 1, bridgeDomain: epg === 'web' ? 7 : 8, domain: 'default',
      isolation: 'unenforced',
    })),
    ...rules,
  ]; // prettier-ignore
  return new Map(entries.map((entry) => [resolvedKey(entry), entry]));
};

const endpoint = (name: Name) => ({
  id: name,
  epg: PLACES[name].epg,
  mac: macOf(name),
  addresses: [PLACES[name].address],
});
const local = (name: Name, port: number, more: Partial<LocalEndpoint> = {}): LocalEndpoint => ({
  ...endpoint(name), port, healthPorts: [], ...more,
}); // prettier-ignore
const wired = (name: Name, port: number, wire: Partial<Wire>): LocalEndpoint =>
  local(name, port, { wire: { routed: false, hairpin: false, ...wire } });
const remote = (name: Name, underlay: keyof typeof UNDERLAY, fabric = false): RemoteEndpoint => ({
  ...endpoint(name), underlay: UNDERLAY[underlay], ...(fabric ? { fabric } : {}),
}); // prettier-ignore

describeRoot('a fabric of real switches', () => {
  const nodes: TestNode[] = [];
  const stations = new Map<Name, TestStation>();
  const others: TestStation[] = [];
  let A: TestNode, B: TestNode, C: TestNode, leaf: TestNode, leaf2: TestNode;
  /** What each node knows, without the rules. */
  let views: Map<TestNode, Omit<DatapathSnapshot, 'resolved'>>;
  let serverPort: number;
  let accessPort: number;

  const station = (name: Name): TestStation => stations.get(name) as TestStation;
  const program = (
    node: TestNode,
    rules: readonly ResolvedRule[] = CONTRACTS,
    change: Partial<DatapathSnapshot> = {},
  ) => node.program({ ...(views.get(node) as DatapathSnapshot), resolved: resolved(rules), ...change });
  const programAll = async (): Promise<void> => {
    for (const node of nodes) await program(node);
  };

  beforeAll(async () => {
    for (let n = 0; n < 5; n++) nodes.push(await TestNode.start());
    [A, B, C, leaf, leaf2] = nodes as [TestNode, TestNode, TestNode, TestNode, TestNode];
    for (const name of NAMES) stations.set(name, await TestStation.create());

    const end = (node: TestNode, name: string) => ({ netns: node.netns, name });
    // Endpoints of the hosts.
    for (const [node, ...names] of [
      [A, 'web1'],
      [B, 'web2', 'db1'],
      [C, 'job1'],
    ] as const)
      for (const name of names) await cable(end(node, name), { netns: station(name).netns, name: 'eth0' }, 1500);
    // Hosts to the leaf.
    await cable(end(A, 'uplink'), end(leaf, 'toA'), 1504);
    await cable(end(B, 'uplink'), end(leaf, 'toB'), 1504);
    // A network interface that takes the server's tag off and puts it on: a bridge that only does this.
    await leaf.database.ensureBridge({ name: 'nic', datapathType: 'netdev' });
    await leaf.ovs.addVeth('server');
    for (const name of ['server', 'serverp']) await leaf.ovs.exec('ip', 'link', 'set', name, 'mtu', '1504');
    await leaf.database.ensurePort({ bridge: 'nic', name: 'serverp', type: '' });
    await cable(end(leaf, 'db2'), { netns: station('db2').netns, name: 'eth0' }, 1500);
    await leaf.database.ensurePort({ bridge: 'nic', name: 'db2', type: '', tag: VLANS.db });
    await cable(end(leaf2, 'server'), { netns: station('db3').netns, name: 'eth0' }, 1500);
    // A parent with two children.
    const parent = await TestStation.create();
    others.push(parent);
    await cable(end(leaf, 'access'), { netns: parent.netns, name: 'uplink' }, 1500);
    await parent.exec('ethtool', '-K', 'uplink', 'tx', 'off');
    for (const name of ['web3', 'api2'] as const) {
      await parent.exec('ip', 'link', 'add', 'link', 'uplink', 'name', name, 'type', 'macvlan', 'mode', 'vepa');
      await parent.exec('ip', 'link', 'set', name, 'netns', station(name).netns, 'name', 'eth0');
    }
    // The underlay.
    await cable(end(B, 'under'), end(leaf, 'underB'), 1600);
    await cable(end(C, 'under'), end(leaf, 'underC'), 1600);
    await cable(end(leaf2, 'under'), end(leaf, 'underL'), 1600);
    await leaf.joinUnderlay(`${UNDERLAY.leaf}/24`, 'underB', 'underC', 'underL');
    await leaf2.joinUnderlay(`${UNDERLAY.leaf2}/24`, 'under');
    await B.joinUnderlay(`${UNDERLAY.B}/24`, 'under');
    await C.joinUnderlay(`${UNDERLAY.C}/24`, 'under');

    const ports = async (node: TestNode, ...names: string[]) => {
      const numbers: number[] = [];
      for (const name of names) numbers.push(await node.addPort(name));
      return numbers as [number, number, number];
    };
    const [web1, upA] = await ports(A, 'web1', 'uplink');
    const [web2, db1, upB] = await ports(B, 'web2', 'db1', 'uplink');
    const [job1] = await ports(C, 'job1');
    const [toA, toB, server] = await ports(leaf, 'toA', 'toB', 'server');
    serverPort = server;
    accessPort = await leaf.addPort('access');
    const [server2] = await ports(leaf2, 'server');
    const [tunnelB, tunnelC, tunnelLeaf, tunnelLeaf2] = [await B.addTunnel(), await C.addTunnel(), await leaf.addTunnel(), await leaf2.addTunnel()]; // prettier-ignore
    const db3 = remote('db3', 'leaf2');

    const uplink = (port: number, epg: keyof typeof VLANS) => ({ uplink: { port, vlan: VLANS[epg] } });
    const behindLeaf = [remote('web3', 'leaf', true), remote('api2', 'leaf', true), remote('db2', 'leaf', true)];
    views = new Map<TestNode, Omit<DatapathSnapshot, 'resolved'>>([
      [A, { local: [local('web1', web1, uplink(upA, 'web'))], remote: [...behindLeaf, remote('web2', 'B', true), remote('db1', 'B', true), remote('job1', 'C'), db3], ports: {} }],
      [B, {
        local: [local('web2', web2, uplink(upB, 'web')), local('db1', db1, uplink(upB, 'db'))],
        remote: [...behindLeaf, remote('web1', 'leaf', true), remote('job1', 'C'), db3], ports: { tunnel: tunnelB },
      }],
      [C, { local: [local('job1', job1)], remote: [...behindLeaf.map(({ fabric: _, ...e }) => e), remote('web1', 'leaf'), remote('web2', 'B'), remote('db1', 'B'), db3], ports: { tunnel: tunnelC } }],
      [leaf, {
        local: [
          wired('web1', toA, { vlan: VLANS.web, routed: true }),
          wired('web2', toB, { vlan: VLANS.web, routed: true }), wired('db1', toB, { vlan: VLANS.db, routed: true }),
          wired('web3', accessPort, { hairpin: true }), wired('api2', accessPort, { hairpin: true }),
          wired('db2', server, { vlan: VLANS.db }),
        ],
        remote: [remote('job1', 'C'), db3], ports: { tunnel: tunnelLeaf },
      }],
      [leaf2, {
        local: [wired('db3', server2, {})],
        remote: [...behindLeaf, remote('web1', 'leaf', true), remote('web2', 'B'), remote('db1', 'B'), remote('job1', 'C')].map(({ fabric: _, ...e }) => e), ports: { tunnel: tunnelLeaf2 },
      }],
    ]); // prettier-ignore
    await programAll();

    for (const name of NAMES) {
      const address = `${PLACES[name].address}/16`;
      const mtu = ['job1', 'web3', 'api2', 'db3'].includes(name) ? 1450 : 1500;
      await station(name).configure({ name: 'eth0', mac: macOf(name), address, gateway: gatewayOf(name), mtu });
      await station(name).listen(SQL, HTTP);
    }
    // The first packets to a tunnel's other end are lost while that is asked for.
    for (const [from, to] of [
      ['job1', 'db2'],
      ['job1', 'db1'],
      ['db2', 'job1'],
      ['db1', 'job1'],
      ['db2', 'db3'],
      ['db1', 'db3'],
      ['job1', 'db3'],
    ] as const)
      await waitFor(async () => (await station(from).ping(PLACES[to].address)) !== undefined, `${from} to reach ${to}`);
  }, 60_000);

  afterAll(async () => {
    for (const each of [...stations.values(), ...others]) await each.stop();
    for (const node of nodes) await node.stop();
  }, 30_000);

  /** What comes of a connection: 1450 bytes and more fill whole frames. */
  const connect = (from: Name, to: Name, port: number, options: { bytes?: number; timeoutMs?: number } = {}) =>
    station(from).connect(PLACES[to].address, port, options);

  const pairs = NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to] as const));
  const probes = pairs.flatMap(([from, to]) => [SQL, HTTP].map((port) => ({ from, to, port })));
  const verdicts = (which: typeof probes) =>
    Promise.all(
      which.map(async ({ from, to, port }) => {
        const result = await connect(from, to, port, { bytes: 100_000, timeoutMs: isAllowed(from, to, port) ? 15_000 : 1_500 }); // prettier-ignore
        return `${from} -> ${to}:${port} ${result}`;
      }),
    );
  const expected = (which: typeof probes) =>
    which.map(({ from, to, port }) => `${from} -> ${to}:${port} ${isAllowed(from, to, port) ? 'echoed' : 'timeout'}`);

  it('carries what contracts allow between every two, and nothing else', async () => {
    expect(await verdicts(probes)).toEqual(expected(probes));
  }, 60_000);

  it('counts for each endpoint what it sent and what it received', async () => {
    const read = async () => {
      const flows = [];
      for (const filter of TRAFFIC_FILTERS) flows.push(...(await leaf.flows(filter)));
      return trafficOf(['db2', 'web3', 'api2'], flows);
    };
    const before = await read();
    expect(await station('db2').ping(PLACES.web3.address, { count: 3 })).toBe(63);
    expect(await connect('db2', 'web3', SQL, { timeoutMs: 1_500 })).toBe('timeout');
    const after = await read();
    const packets = (name: string) => [after[name]!.sent.packets - before[name]!.sent.packets, after[name]!.received.packets - before[name]!.received.packets]; // prettier-ignore
    const [sent, received] = packets('db2');
    expect(received).toBe(3);
    expect(sent).toBeGreaterThan(3); // and the packets of the connection, which nobody received
    expect(packets('web3')).toEqual([3, 3]);
    expect(packets('api2')).toEqual([0, 0]);
  });

  it('enforces at the leaf what hosts let pass, and at hosts what a leaf lets pass', async () => {
    const denied = probes.filter(({ from, to, port }) => !isAllowed(from, to, port));
    const acrossLeaf = denied.filter(({ from, to }) => PLACES[from].epg !== 'job' && PLACES[to].epg !== 'job' && !(from === 'web2' && to === 'db1') && !(from === 'db1' && to === 'web2')); // prettier-ignore
    try {
      for (const node of [A, B, C]) await program(node, PERMISSIVE);
      expect(await verdicts(acrossLeaf)).toEqual(expected(acrossLeaf));
      await programAll();
      await program(leaf, PERMISSIVE);
      const atHosts = denied.filter(({ from, to }) => [from, to].some((name) => ['web1', 'web2', 'db1', 'job1'].includes(name))); // prettier-ignore
      expect(await verdicts(atHosts)).toEqual(expected(atHosts));
    } finally {
      await programAll();
    }
  }, 60_000);

  it('ends an established connection when the leaf alone revokes its contract', async () => {
    const streaming = connect('web1', 'db2', SQL, { bytes: 2_000_000_000, timeoutMs: 4_000 });
    const passed = async (): Promise<bigint> =>
      (await leaf.flows({ table: tableNumber('contract') })).reduce((sum, f) => sum + f.packets, 0n);
    try {
      const before = await passed();
      await waitFor(async () => (await passed()) > before + 100n, 'the stream to flow');
      await program(leaf, [PING]);
      const refused = async () => (await leaf.drops())['no-contract'] ?? 0;
      const atFirst = await refused();
      await waitFor(async () => (await refused()) > atFirst, 'its packets to be refused');
      expect(await streaming).toBe('timeout');
    } finally {
      await programAll();
    }
  }, 30_000);

  it('routes once, and within a bridge domain not at all', async () => {
    for (const [from, to] of pairs) {
      const routed = gatewayOf(from) !== gatewayOf(to);
      expect([from, to, await station(from).ping(PLACES[to].address)]).toEqual([from, to, routed ? 63 : 64]);
    }
  }, 60_000);

  it('answers for gateways and neighbours in the VLAN in which it is asked', async () => {
    // The server's own interface takes frames of its VLAN only, and the children of the parent untagged ones.
    for (const [name, neighbour] of [
      ['db2', 'db1'],
      ['web3', 'web1'],
      ['api2', 'db2'],
    ] as const) {
      expect(await station(name).ping(gatewayOf(name))).toBe(64);
      expect(await station(name).ping(PLACES[neighbour].address)).toBe(64);
      const table = await station(name).exec('ip', 'neighbour', 'show', 'dev', 'eth0');
      expect(table).toContain(`${gatewayOf(name)} lladdr ${GATEWAY_MAC}`);
      expect(table).toContain(`${PLACES[neighbour].address} lladdr ${macOf(neighbour)}`);
    }
  });

  it('sends back out of the port it came in at only for those who may', async () => {
    expect(await connect('web3', 'api2', HTTP, { bytes: 100_000 })).toBe('echoed');
    const { local: locals } = views.get(leaf) as DatapathSnapshot;
    const before = (await leaf.drops())['hairpin-refused'] ?? 0;
    try {
      const private_ = locals.map((e) => (e.wire ? { ...e, wire: { ...e.wire, hairpin: false } } : e));
      await program(leaf, CONTRACTS, { local: private_ });
      expect(await connect('web3', 'api2', HTTP, { timeoutMs: 1_500 })).toBe('timeout');
      expect((await leaf.drops())['hairpin-refused']).toBeGreaterThan(before);
    } finally {
      await programAll();
    }
    expect(await connect('web3', 'api2', HTTP)).toBe('echoed');
  });

  /** How the counters of drops changed while something was done. */
  const dropped = async (node: TestNode, act: () => Promise<unknown>): Promise<Record<string, number>> => {
    const before = await node.drops();
    await act();
    const after = await node.drops();
    const added = Object.entries(after).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const);
    return Object.fromEntries(added.filter(([, count]) => count > 0));
  };
  /** Has a switch take a frame as if it had come in at a port. */
  const inject = (node: TestNode, port: number, tags: string, from: Name = 'db2', to: Name = 'db1'): Promise<void> =>
    node.bridge.packetOut({
      inPort: port,
      actions: [{ type: 'resubmit', table: 0 }],
      data: pingFrame(at(from), at(to), tags),
    });

  it('drops and counts at a host what a leaf should not have sent', async () => {
    const uplink = views.get(B)?.local[0]?.uplink?.port ?? 0;
    const arriving = (tags: string, from: Name, to: Name) => dropped(B, () => inject(B, uplink, tags, from, to));
    expect(await arriving(tag(VLANS.db), 'db2', 'db1')).toEqual({});
    expect(await arriving(tag(VLANS.web), 'db2', 'db1')).toMatchObject({ 'vlan-mismatch': 1 });
    expect(await arriving(tag(WRONG_VLAN), 'db2', 'db1')).toMatchObject({ 'unknown-vlan': 1 });
    expect(await arriving('', 'db2', 'db1')).toMatchObject({ 'unknown-vlan': 1 });
    expect(await arriving(tag(VLANS.db), 'job1', 'db1')).toMatchObject({ 'unknown-fabric-source': 1 });
    expect(await arriving(tag(VLANS.db), 'web2', 'db1')).toMatchObject({ 'unknown-fabric-source': 1 });
    expect(await arriving(tag(VLANS.db), 'db2', 'web1')).toMatchObject({ 'no-destination': 1 });
    expect(await arriving(tag(VLANS.db), 'db2', 'job1')).toMatchObject({ 'no-destination': 1 });
  });

  describe('drops and counts at the leaf', () => {
    const unanswered = async (name: Name, to: Name, from?: string): Promise<void> => {
      expect(await station(name).ping(PLACES[to].address, from === undefined ? {} : { from })).toBeUndefined();
    };
    it('another MAC', async () => {
      await station('db2').exec('ip', 'link', 'set', 'eth0', 'address', '02:48:00:00:00:99');
      try {
        const neighbour = ['neighbour', 'replace', PLACES.db1.address, 'lladdr', macOf('db1'), 'dev', 'eth0'];
        await station('db2').exec('ip', ...neighbour);
        expect(await dropped(leaf, () => unanswered('db2', 'db1'))).toMatchObject({
          'spoofed-source': expect.any(Number),
        });
      } finally {
        await station('db2').exec('ip', 'link', 'set', 'eth0', 'address', macOf('db2'));
      }
      await waitFor(async () => (await station('db2').ping(PLACES.db1.address)) === 64, 'db2 to be itself again');
    });

    it.each(['db2', 'web3'] as const)('another address of %s', async (name) => {
      const free = PLACES[name].address.replace(/\d+$/, '200');
      await station(name).exec('ip', 'address', 'add', `${free}/32`, 'dev', 'eth0');
      try {
        expect(await dropped(leaf, () => unanswered(name, 'db1', free))).toMatchObject({
          'spoofed-source': expect.any(Number),
        });
      } finally {
        await station(name).exec('ip', 'address', 'del', `${free}/32`, 'dev', 'eth0');
      }
    });

    it('another VLAN', async () => {
      await leaf.ovs.vsctl('set', 'port', 'db2', `tag=${WRONG_VLAN}`);
      try {
        expect(await dropped(leaf, () => unanswered('db2', 'db1'))).toMatchObject({
          'unknown-vlan': expect.any(Number),
        });
      } finally {
        await leaf.ovs.vsctl('set', 'port', 'db2', `tag=${VLANS.db}`);
      }
      await waitFor(async () => (await station('db2').ping(PLACES.db1.address)) === 64, 'db2 to be back in its VLAN');
    });

    it.each<[string, string, string]>([
      ['no tag at a tagged place', '', 'unknown-vlan'],
      ['a tag with a priority only', tag(5 << 13), 'unknown-vlan'],
      ['a VLAN of another EPG', tag(VLANS.web), 'unknown-vlan'],
      ['a second tag', tag(VLANS.db) + tag(VLANS.db), 'spoofed-source'],
      ['a second tag in an outer one of 802.1ad', tag(VLANS.db, '88a8') + tag(VLANS.db), 'spoofed-source'],
    ])('%s, whatever the switch looks behind', async (_, tags, reason) => {
      for (const limit of ['1', '2']) {
        await leaf.ovs.vsctl('set', 'Open_vSwitch', '.', `other_config:vlan-limit=${limit}`);
        expect(await dropped(leaf, () => inject(leaf, serverPort, tags))).toMatchObject({ [reason]: 1 });
      }
    });

    it('a tag at an untagged place, and not what is right at its place', async () => {
      expect(await dropped(leaf, () => inject(leaf, accessPort, tag(VLANS.db)))).toMatchObject({ 'unknown-vlan': 1 });
      expect(await dropped(leaf, () => inject(leaf, serverPort, tag(VLANS.db)))).toEqual({});
      expect(await dropped(leaf, () => inject(leaf, serverPort, tag(VLANS.db | (5 << 13))))).toEqual({});
    });
  });

  it('shows the agent who claims an address of somebody else, and where', async () => {
    const seen: SightingAt[] = [];
    const stop = leaf.bridge.onPacketIn((packet) => {
      const sighting = sightingOf(packet);
      if (sighting) seen.push(sighting);
    });
    const claims = async (name: Name, address: string): Promise<void> => {
      await station(name).exec('ip', 'address', 'add', `${address}/32`, 'dev', 'eth0');
      try {
        const told = seen.length;
        // Asking for somebody new, from that address: the question claims it.
        await station(name).ping(PLACES[name].address.replace(/\d+$/, String(210 + told)), { from: address });
        await waitFor(() => seen.length > told, `the claim of ${name}`);
      } finally {
        await station(name).exec('ip', 'address', 'del', `${address}/32`, 'dev', 'eth0');
      }
    };
    await claims('db2', PLACES.db1.address);
    expect(seen[0]).toEqual({
      mac: macOf('db2'),
      address: PLACES.db1.address,
      port: serverPort,
      vlan: VLANS.db,
    });
    const before = seen.length;
    await claims('web3', PLACES.web1.address);
    expect(seen[before]).toEqual({ mac: macOf('web3'), address: PLACES.web1.address, port: accessPort });
    stop();
    expect((await leaf.drops())['address-elsewhere']).toBeGreaterThanOrEqual(2);
  });

  it('has on every switch what was computed, in no other spelling', async () => {
    for (const node of nodes) expect(isEmptyChange(await program(node))).toBe(true);
  });
});
