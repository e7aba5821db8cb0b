import { formatFlow, type Flow, type Match } from '@heddle/pipeline';
import { OpenFlowClient } from '../openflow/client';
import { OvsDatabase } from '../ovsdb/database';
import { TestOvs } from '../testing/test-ovs';
import { UnixctlClient } from './client';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const BRIDGE = 'br0';
const IP = 0x0800n;

const FLOWS: readonly Flow[] = [
  {
    table: 0,
    priority: 100,
    cookie: 0xa1n,
    match: { in_port: 1n, eth_type: IP },
    actions: [{ type: 'ct', zone: 7, table: 5 }],
  },
  {
    table: 5,
    priority: 10,
    cookie: 0xb2n,
    match: { eth_type: IP, ip_proto: 17n, udp_dst: 53n, ct_state: { value: 0x21n, mask: 0x21n } },
    actions: [
      { type: 'ct', commit: true, zone: 7, exec: [{ type: 'set_field', field: 'ct_mark', value: 5n }] },
      { type: 'output', port: 2 },
    ],
  },
  {
    table: 0,
    priority: 50,
    cookie: 0xc3n,
    match: { eth_type: 0x0806n },
    actions: [{ type: 'output', port: 'controller' }],
  },
];

/** Ethernet, IPv4 and UDP 10.0.0.1:1000 -> 10.0.0.2:53, without payload; the IPv4 checksum is right. */
const UDP_PACKET = Buffer.from(
  '020000000002020000000001' + '0800' + '4500001c000000004011' + '66cf' + '0a0000010a000002' + '03e80035' + '00080000',
  'hex',
);

const DNS_QUERY: Match = {
  in_port: 1n,
  eth_type: IP,
  ip_proto: 17n,
  ip_src: 0x0a000001n,
  ip_dst: 0x0a000002n,
  udp_src: 1000n,
  udp_dst: 53n,
};

describeRoot('the control socket of a real vswitchd', () => {
  let ovs: TestOvs;
  let unixctl: UnixctlClient;

  beforeAll(async () => {
    ovs = await TestOvs.start();
    unixctl = new UnixctlClient({ rundir: ovs.rundir });
    const db = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
    await db.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode: 'secure' });
    for (const [index, name] of ['v1', 'v2'].entries()) {
      await ovs.addVeth(name);
      await db.ensurePort({ bridge: BRIDGE, name, type: '', ofportRequest: index + 1 });
    }
    await db.close();
    const openflow = new OpenFlowClient({ socketPath: ovs.bridgeSocket(BRIDGE) });
    await openflow.applyBundle({ add: FLOWS, modify: [], remove: [] });
    await openflow.packetOut({ inPort: 1, actions: [{ type: 'resubmit', table: 0 }], data: UDP_PACKET });
    await openflow.close();
  });

  afterAll(async () => {
    await unixctl?.close();
    await ovs?.stop();
  });

  it('traces a packet through conntrack to its port, with the flows it met', async () => {
    const trace = await unixctl.trace(BRIDGE, DNS_QUERY);
    expect(trace).toMatchObject({
      verdict: 'output',
      outputs: [expect.any(Number)],
      steps: [
        { table: 0, priority: 100, cookie: 0xa1n },
        { table: 5, priority: 10, cookie: 0xb2n },
      ],
    });
    expect(trace.datapathActions).toHaveLength(2);
  });

  it('traces under the connection state it is given', async () => {
    const trace = await unixctl.trace(BRIDGE, DNS_QUERY, ['trk,est']);
    expect(trace).toMatchObject({ verdict: 'drop', outputs: [], steps: [{ table: 0 }, { table: 5 }] });
    expect(trace.steps[1]?.priority).toBeUndefined();
  });

  it('traces a packet of every protocol', async () => {
    const packets: readonly Match[] = [
      { eth_type: IP, ip_proto: 6n, tcp_dst: 1n, ip_dscp: 46n, nw_ttl: 64n },
      { eth_type: IP, ip_proto: 132n, sctp_src: 1n, sctp_dst: 2n },
      { eth_type: IP, ip_proto: 1n, icmp_type: 8n, icmp_code: 0n },
      { eth_type: 0x86ddn, ip_proto: 58n, icmpv6_type: 135n, icmpv6_code: 0n, nd_target: 1n },
      { eth_type: 0x86ddn, ip_proto: 17n, ipv6_src: 1n, udp_dst: 53n },
      { eth_type: 0x0806n, arp_op: 1n, arp_tpa: 0x0a000001n, arp_sha: 1n, eth_dst: 0xffffffffffffn },
      { vlan_tci: 0x1064n, tun_id: 5n, tun_src: 1n, tun_dst: 2n, metadata: 3n, reg3: 4n },
    ];
    for (const packet of packets) {
      expect((await unixctl.trace(BRIDGE, { in_port: 2n, ...packet })).text).toContain(`bridge("${BRIDGE}")`);
    }
  });

  it('tells a packet for the controller from one that is dropped', async () => {
    expect((await unixctl.trace(BRIDGE, 'in_port=1,arp')).verdict).toBe('controller');
    expect((await unixctl.trace(BRIDGE, 'in_port=1,ipv6')).verdict).toBe('drop');
  });

  it('shows what the switch said about a packet that it cannot read', async () => {
    await expect(unixctl.trace(BRIDGE, 'nonsense=1')).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('unknown field nonsense'),
    });
  });

  it('dumps the connections of a zone', async () => {
    const connections = await unixctl.dumpConntrack(7);
    expect(connections).toMatchObject([
      {
        protocol: 'udp',
        original: { src: '10.0.0.1', dst: '10.0.0.2', sport: 1000, dport: 53 },
        reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 53, dport: 1000 },
        zone: 7,
        mark: 5,
      },
    ]);
    expect(await unixctl.dumpConntrack(8)).toEqual([]);
    expect(await unixctl.dumpConntrack()).toHaveLength(1);
  });

  it('makes a tunnel peer known', async () => {
    await unixctl.setTunnelNeighbour(BRIDGE, '10.255.0.2', '02:00:00:00:00:09');
    expect(await unixctl.call('tnl/neigh/show')).toMatch(/10\.255\.0\.2\s+02:00:00:00:00:09\s+br0/);
  });

  it('reads the version and purges the cache', async () => {
    expect(await unixctl.version()).toMatch(/^\d+\.\d+\.\d+$/);
    await unixctl.purgeRevalidator();
  });

  it('finds the new socket after a restart, and says when there is none', async () => {
    await unixctl.version();
    await ovs.stopDaemon('ovs-vswitchd', 'SIGKILL');
    await expect(unixctl.version()).rejects.toMatchObject({ code: 'unavailable', retryable: true });
    await ovs.startDaemon('ovs-vswitchd');
    expect(await unixctl.version()).toMatch(/^\d+/);
  });

  it('does not wait for ever', async () => {
    await unixctl.version();
    ovs.pauseDaemon('ovs-vswitchd');
    try {
      await expect(unixctl.call('version', [], 200)).rejects.toMatchObject({ code: 'deadline' });
    } finally {
      ovs.resumeDaemon('ovs-vswitchd');
    }
    expect(await unixctl.version()).toMatch(/^\d+/);
  });

  it('passes arguments as they are', async () => {
    await expect(unixctl.call('ofproto/trace', [BRIDGE, formatFlow(FLOWS[0] as Flow), '; id'])).rejects.toMatchObject({
      code: 'invalid',
    });
  });
});
