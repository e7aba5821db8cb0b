import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@heddle/host';
import { CONTROL_ADDRESS } from '@heddle/lab';
import { describeRoot, TestCluster } from './cluster';
import { containersOf, direct, linksIn, pick, routed, wireOf, type Container } from './net/containers';
import { arp, BROADCAST, ethernet, GATEWAY_MAC, macOf, ping, tagged, udp, udp6, vxlan, type Link } from './net/frames';
import { Station } from './net/station';
import { Wire } from './net/wire';

/** Everything is permitted between all endpoints: what does not arrive was stopped by a guard. */
const OPEN = `
kind: Tenant
metadata: { name: acme }
---
kind: Filter
metadata: { tenant: acme, name: everything }
spec: { entries: [{ name: all }] }
---
kind: Contract
metadata: { tenant: acme, name: any }
spec: { subjects: [{ name: all, filters: [everything] }] }
---
${['left', 'right']
  .map(
    (name) => `kind: Epg
metadata: { tenant: acme, application: open, name: ${name} }
spec: { provides: [any], consumes: [any] }
---
kind: Service
metadata: { tenant: acme, application: open, name: ${name} }
spec: { image: heddle/demo, replicas: 2, resources: { cpu: 0.05, memory: 16Mi } }
`,
  )
  .join('---\n')}`;

const VXLAN_PORT = 4789;
/** How long what must not arrive is given to do so. */
const QUIET_MS = 700;
const PORTS = { sourcePort: 4_000, destinationPort: 4_001 };

describeRoot('frames that claim what they are not', () => {
  let cluster: TestCluster;
  let sender: Container;
  let sending: Wire;
  /** Everybody else, each with the wire at its interface. */
  let peers: { container: Container; wire: Wire }[];
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start('spo', 2);
    await cluster.api.applyAndSettle(OPEN);
    const containers = await containersOf(cluster, 'acme/open');
    sender = pick(containers, 'left', 'h1');
    sending = await wire(sender);
    peers = await Promise.all(
      containers
        .filter((c) => c.id !== sender.id)
        .map(async (container) => ({ container, wire: await wire(container) })),
    );
    expect(peers).toHaveLength(3);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(closers.map((close) => close()));
    await cluster?.stop();
  }, 60_000);

  async function wire(container: Container): Promise<Wire> {
    const opened = await wireOf(container);
    closers.push(() => opened.close());
    return opened;
  }

  const netnsOf = (node: string): string => `/run/netns/${cluster.lab.name}-${node}`;

  async function stationOn(node: string): Promise<Station> {
    const opened = await Station.in(netnsOf(node));
    closers.push(() => opened.close());
    return opened;
  }

  const to = (peer: Container): { source: string; destination: string } => ({
    source: sender.address,
    destination: peer.address,
  });
  /** Names of the peers at which something with this mark arrived. */
  const reached = (mark: string): string[] =>
    peers.filter((p) => p.wire.count(mark) > 0).map((p) => `${p.container.epg}@${p.container.host}`);
  /** What is sent to each peer by either way. */
  const toAll = (frame: (peer: Container, link: Link) => Buffer): Buffer[] =>
    peers.flatMap(({ container }) => [frame(container, direct(sender, container)), frame(container, routed(sender))]);

  it('arrive when they claim nothing', async () => {
    sending.send(...toAll((peer, link) => udp(link, to(peer), PORTS, 'honest-udp')));
    sending.send(...toAll((peer, link) => ping(link, to(peer), 'honest-ping')));
    for (const mark of ['honest-udp', 'honest-ping']) {
      await waitFor(() => reached(mark).length === 3, {
        deadlineMs: 3_000,
        what: () => `${mark}; is at ${reached(mark)}`,
      });
      expect(peers.map((p) => p.wire.count(mark))).toEqual([2, 2, 2]);
    }
  });

  it('arrive nowhere with a source, a tag or a protocol that is not the endpoint’s', async () => {
    const peer = peers[0]?.container as Container;
    const other = peers[1]?.container as Container;
    const strangers = [
      other.address,
      '10.32.0.250',
      '10.32.0.1',
      '169.254.1.1',
      '169.254.64.1',
      '127.0.0.1',
      '0.0.0.0',
    ];
    const valid = (mark: string): Buffer[] => toAll((p, link) => udp(link, to(p), PORTS, mark));
    const forged: Record<string, Buffer[]> = {
      mac: [other.mac, '02:48:0a:20:00:fa', GATEWAY_MAC, BROADCAST].flatMap((from) =>
        toAll((p, link) => udp({ ...link, from }, to(p), PORTS, 'forged-mac')),
      ),
      address: strangers.flatMap((source) =>
        toAll((p, link) => udp(link, { source, destination: p.address }, PORTS, 'forged-address')),
      ),
      'mac and address': toAll((p, link) =>
        udp({ ...link, from: other.mac }, { source: other.address, destination: p.address }, PORTS, 'forged-both'),
      ),
      // Tag 0 carries a priority only, and many stacks take such a frame for an untagged one.
      tag: [0, 5, 100, 4094].flatMap((vlan) => valid('forged-tag').map((frame) => tagged(frame, vlan))),
      'two tags': valid('forged-tags').map((frame) => tagged(tagged(frame, 5), 6)),
      broadcast: ['255.255.255.255', '10.32.255.255', '224.0.0.1', peer.address].map((destination) =>
        udp({ from: sender.mac, to: BROADCAST }, { source: sender.address, destination }, PORTS, 'broadcast'),
      ),
      multicast: [
        udp(
          { from: sender.mac, to: '01:00:5e:00:00:fb' },
          { source: sender.address, destination: '224.0.0.251' },
          PORTS,
          'multicast',
        ),
      ],
      ipv6: toAll((_peer, link) =>
        udp6(
          link,
          { source: 'fe80:0000:0000:0000:0000:0000:0000:0001', destination: 'ff02:0000:0000:0000:0000:0000:0000:0001' },
          PORTS,
          'ipv6',
        ),
      ),
      'other protocol': toAll((_peer, link) => ethernet(link, 'experiment', Buffer.from('experiment'))),
    };
    for (const frames of Object.values(forged)) sending.send(...frames);
    const marks = [
      'forged-mac',
      'forged-address',
      'forged-both',
      'forged-tag',
      'broadcast',
      'multicast',
      'ipv6',
      'experiment',
    ];
    await sleep(QUIET_MS);
    expect(Object.fromEntries(marks.map((mark) => [mark, reached(mark)]))).toEqual(
      Object.fromEntries(marks.map((mark) => [mark, []])),
    );
    // The switch is still at work for who is honest.
    sending.send(...toAll((p, link) => udp(link, to(p), PORTS, 'honest-after')));
    await waitFor(() => reached('honest-after').length === 3, { deadlineMs: 3_000, what: 'honest frames' });
  });

  it('bring no ARP of theirs to anybody, and no answer to a forged question', async () => {
    const peer = peers[0]?.container as Container;
    const link = { from: sender.mac, to: BROADCAST };
    const asks = (senderMac: string, senderAddress: string, targetAddress: string, from = sender.mac): Buffer =>
      arp({ ...link, from }, { operation: 'request', senderMac, senderAddress, targetAddress });
    const claims = (senderAddress: string, at: string): Buffer =>
      arp({ from: sender.mac, to: at }, { operation: 'reply', senderMac: sender.mac, senderAddress, targetMac: at, targetAddress: peer.address }); // prettier-ignore
    const before = [sending.received.length, ...peers.map((p) => p.wire.received.length)];
    sending.send(
      asks(sender.mac, peer.address, '10.32.0.1'),
      asks(peer.mac, sender.address, '10.32.0.1'),
      asks(peer.mac, peer.address, '10.32.0.1', peer.mac),
      asks(sender.mac, '10.32.0.1', '10.32.0.1'),
      // Gratuitous: about itself, and about somebody else.
      asks(sender.mac, sender.address, sender.address),
      asks(sender.mac, peer.address, peer.address),
      ...[peer.mac, BROADCAST].flatMap((at) => [claims('10.32.0.1', at), claims(sender.address, at)]),
      // Nobody has this address, and the underlay is no endpoint's business.
      asks(sender.mac, sender.address, '10.32.0.250'),
      ...(await underlay()).map((address) => asks(sender.mac, sender.address, address)),
    );
    await sleep(QUIET_MS);
    const heard = sending.received.slice(before[0]).map((frame) => frame.toString('hex'));
    // The one honest question of these, about its own address, is answered as every endpoint's is.
    const own = `08060001080006040002${sender.mac.replaceAll(':', '')}`;
    expect(heard.filter((frame) => !frame.includes(own))).toEqual([]);
    expect(peers.map((p, i) => p.wire.received.slice(before[i + 1]).length)).toEqual([0, 0, 0]);

    sending.send(asks(sender.mac, sender.address, '10.32.0.1'), asks(sender.mac, sender.address, peer.address));
    for (const owner of [GATEWAY_MAC, peer.mac]) {
      const answer = `0806000108000604${'0002'}${owner.replaceAll(':', '')}`;
      await waitFor(() => sending.received.some((f) => f.toString('hex').includes(answer)), {
        deadlineMs: 3_000,
        what: `an answer that ${owner} has it`,
      });
    }
  });

  it('do not reach the host that the container runs on', async () => {
    const host = await stationOn('h1');
    await host.open({ id: 'host', type: 'udp-server', port: PORTS.destinationPort });
    const links = await linksIn(netnsOf('h1'));
    const macs = links.flatMap((l) => (l.ifname !== 'lo' && l.address !== undefined ? [l.address] : []));
    // The addresses of the link between host and containers are for the host's own names and checks.
    const addresses = [
      ...(await underlay()),
      '169.254.1.1',
      '169.254.64.1',
      '169.254.64.2',
      '255.255.255.255',
      '127.0.0.1',
    ];
    const before = sending.received.length;
    sending.send(
      ...[...macs, GATEWAY_MAC, BROADCAST, '33:33:00:00:00:01'].flatMap((at) =>
        addresses.flatMap((destination) => [
          udp({ from: sender.mac, to: at }, { source: sender.address, destination }, PORTS, 'to-host'),
          ping({ from: sender.mac, to: at }, { source: sender.address, destination }, 'ping-host'),
        ]),
      ),
      udp6(
        { from: sender.mac, to: '33:33:00:00:00:01' },
        { source: 'fe80:0000:0000:0000:0000:0000:0000:0001', destination: 'ff02:0000:0000:0000:0000:0000:0000:0001' },
        PORTS,
        'to-host',
      ),
    );
    await sleep(QUIET_MS);
    expect(await host.report('host')).toMatchObject({ datagrams: 0 });
    expect(sending.received.length - before).toBe(0);
    expect(reached('to-host')).toEqual([]);

    // The socket does hear who may speak to it: another host.
    const neighbour = await stationOn('h2');
    await neighbour.open({ id: 'hello', type: 'udp-client', to: (await underlay())[0], port: PORTS.destinationPort });
    await waitFor(async () => (await host.report('host')).datagrams === 1, {
      deadlineMs: 3_000,
      what: 'the neighbour',
    });
  });

  it('do not come in by the tunnel, from a container or from the wrong host', async () => {
    const [first, second] = await underlay();
    const target = peers.find((p) => p.container.epg.endsWith('/right') && p.container.host === 'h2');
    const foreign = peers.find((p) => p.container.epg.endsWith('/left') && p.container.host === 'h2');
    if (!target || !foreign || first === undefined || second === undefined) throw new Error('not placed as expected');

    // A genuine packet of the tunnel, as h2 receives it, tells the class of the sender.
    const uplink = (await linksIn(netnsOf('h2'))).find((l) => l.ifname === `${cluster.lab.name}-up`);
    const cable = await Wire.open(netnsOf('h2'), uplink?.ifindex ?? 0);
    closers.push(() => cable.close());
    sending.send(udp(direct(sender, target.container), to(target.container), PORTS, 'genuine'));
    await waitFor(() => cable.count('genuine') > 0, { deadlineMs: 3_000, what: 'the packet in the tunnel' });
    const genuine = cable.received.find((frame) => frame.includes('genuine')) as Buffer;
    const header = genuine.subarray(14 + 20 + 8);
    const classId = header.readUIntBE(4, 3);
    expect(classId).toBeGreaterThan(15);
    expect(genuine.readUInt16BE(14 + 20 + 2)).toBe(VXLAN_PORT);

    const inner = (mark: string, source: { mac: string; address: string } = sender): Buffer =>
      udp({ from: source.mac, to: target.container.mac }, { source: source.address, destination: target.container.address }, PORTS, mark); // prettier-ignore
    const h1 = await stationOn('h1');
    const control = await stationOn('ctl');
    const forge = (from: Station, identifier: number, frame: Buffer): Promise<unknown> =>
      from.send({ to: second, port: VXLAN_PORT, hex: vxlan(identifier, frame).toString('hex') });

    await forge(control, classId, inner('foreign-host'));
    await forge(h1, classId + 1, inner('wrong-class'));
    await forge(h1, 0, inner('no-class'));
    await forge(h1, classId, inner('unknown-source', { mac: macOf('10.32.0.250'), address: '10.32.0.250' }));
    await forge(h1, classId, inner('local-source', foreign.container));
    await forge(h1, classId, tagged(inner('tagged'), 5));
    await forge(h1, classId, inner('nested').subarray(0, 14));
    // What a container sends to the tunnel's port is not the tunnel.
    const nested = vxlan(classId, inner('from-container'));
    for (const at of [GATEWAY_MAC, BROADCAST, target.container.mac]) {
      for (const destination of [first, second]) {
        sending.send(udp({ from: sender.mac, to: at }, { source: sender.address, destination }, { sourcePort: 40_000, destinationPort: VXLAN_PORT }, nested)); // prettier-ignore
      }
    }
    await sleep(QUIET_MS);
    const marks = [
      'foreign-host',
      'wrong-class',
      'no-class',
      'unknown-source',
      'local-source',
      'tagged',
      'from-container',
    ];
    expect(Object.fromEntries(marks.map((mark) => [mark, reached(mark)]))).toEqual(
      Object.fromEntries(marks.map((mark) => [mark, []])),
    );
    // The same frame arrives when all of it is right, so that what was wrong above is what kept it out.
    await forge(h1, classId, inner('right-in-all'));
    await waitFor(() => reached('right-in-all').length === 1, { deadlineMs: 3_000, what: 'the packet that is right' });
  });

  const underlay = async (): Promise<string[]> => [
    ...(await Promise.all(['h1', 'h2'].map(async (host) => (await cluster.host(host).config()).underlay.address))),
    CONTROL_ADDRESS,
  ];
});
