import { OpenFlowSwitch, OvsDatabase, type TestOvs } from '@heddle/ovs';
import { computeFlows, type DatapathSnapshot, type LocalEndpoint, type RemoteEndpoint } from '@heddle/pipeline';
import { vethAdd } from '@heddle/host';
import { CLIENT, policyOf, SERVER } from './rules';
import { ends, type RungBuilder } from './rungs';
import type { End, Testbed } from './testbed';

export const RULES = 10_000;
/** What fits into a tunnel over 1500 bytes. */
const TUNNEL_MTU = 1_450;
/** A frame of 1500 bytes with a tag. */
const TAGGED_MTU = 1_504;
const FLOWS_MS = 30_000;
/** Of documentation (RFC 5737). */
const UNDERLAY = '192.0.2.';
const BRIDGE = 'br-heddle';
const UPLINK_BRIDGE = 'br-uplink';
const CLIENT_VLAN = 101;
const SERVER_VLAN = 102;

type Datapath = { readonly tso: boolean };
type Ports = Readonly<Record<string, number>>;

/** One switch that learns, as it is without any policy. */
export const withoutPolicy =
  ({ tso }: Datapath): RungBuilder =>
  async (bed, id) => {
    const { client, server } = await ends(bed, id);
    const ovs = await bed.openVSwitch(tso);
    for (const [link, end] of [['client', client], ['server', server]] as const)
      await bed.cable(end, { netns: ovs.netns, link }, { checksumsInSoftware: !tso });
    await ports(ovs, 'standalone', 'client', 'server');
    return { client, server, switches: () => [ovs.pid('ovs-vswitchd')] };
  }; // prettier-ignore

/** One host with both ends, programmed as a host of a cluster is. */
export const withPolicy =
  ({ tso }: Datapath): RungBuilder =>
  async (bed, id) => {
    const { client, server } = await ends(bed, id);
    const ovs = await bed.openVSwitch(tso);
    for (const [link, end] of [['client', client], ['server', server]] as const)
      await bed.cable(end, { netns: ovs.netns, link }, { checksumsInSoftware: !tso });
    const at = await ports(ovs, 'secure', 'client', 'server');
    await program(ovs, {
      local: [local('client', client, at, { linkIndex: 1 }), local('server', server, at, { linkIndex: 2 })],
      remote: [],
      ports: {},
    });
    return { client, server, switches: () => [ovs.pid('ovs-vswitchd')] };
  }; // prettier-ignore

/** Two hosts, each with its own switch and the whole policy, joined by a leaf that only forwards. */
export const acrossTunnel: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  const [leaf, first, second] = await Promise.all([1, 2, 3].map(() => bed.openVSwitch(false)));
  if (!leaf || !first || !second) throw new TypeError('three switches were started');
  const hosts = [
    { role: 'client', end: client, other: server, ovs: first, underlay: `${UNDERLAY}1`, peer: `${UNDERLAY}2` },
    { role: 'server', end: server, other: client, ovs: second, underlay: `${UNDERLAY}2`, peer: `${UNDERLAY}1` },
  ] as const;
  for (const { role, end, ovs, underlay } of hosts) {
    await cable(bed, ovs, leaf, role, 1_500);
    await bed.cable(end, { netns: ovs.netns, link: role }, { mtu: TUNNEL_MTU, checksumsInSoftware: true });
    await onDatabase(ovs, async (database) => {
      await database.ensureBridge({ name: UPLINK_BRIDGE, datapathType: 'netdev', failMode: 'standalone' });
      await database.ensurePort({ bridge: UPLINK_BRIDGE, name: 'uplink', type: '' });
    });
    await bed.raise({ netns: ovs.netns, address: underlay }, UPLINK_BRIDGE);
  }
  await ports(leaf, 'standalone', 'client', 'server');
  for (const { role, end, other, ovs, underlay, peer } of hosts) {
    const at = await ports(ovs, 'secure', role);
    const tunnel = await onDatabase(ovs, (database) => {
      const options = { remote_ip: 'flow', key: 'flow', local_ip: underlay };
      return database.ensurePort({ bridge: BRIDGE, name: 'vxlan', type: 'vxlan', options });
    });
    await program(ovs, {
      local: [local(role, end, at, { linkIndex: 1 })],
      remote: [remote(role === 'client' ? 'server' : 'client', other, { underlay: peer })],
      ports: { tunnel: tunnel.ofport ?? 0 },
    });
  }
  return { client, server, switches: () => [leaf, first, second].map((ovs) => ovs.pid('ovs-vswitchd')) };
};

/** Two hosts that send into VLANs, joined by a leaf that enforces too. */
export const acrossFabric: RungBuilder = async (bed, id) => {
  const { client, server } = await ends(bed, id);
  const [leaf, first, second] = await Promise.all([1, 2, 3].map(() => bed.openVSwitch(true)));
  if (!leaf || !first || !second) throw new TypeError('three switches were started');
  const hosts = [
    { role: 'client', end: client, other: server, ovs: first, vlan: CLIENT_VLAN },
    { role: 'server', end: server, other: client, ovs: second, vlan: SERVER_VLAN },
  ] as const;
  for (const { role, end, other, ovs, vlan } of hosts) {
    await cable(bed, ovs, leaf, role, TAGGED_MTU);
    await bed.cable(end, { netns: ovs.netns, link: role });
    const at = await ports(ovs, 'secure', 'uplink', role);
    await program(ovs, {
      local: [local(role, end, at, { linkIndex: 1, uplink: { port: at['uplink'] ?? 0, vlan } })],
      remote: [remote(role === 'client' ? 'server' : 'client', other, { underlay: `${UNDERLAY}254`, fabric: true })],
      ports: {},
    });
  }
  const at = await ports(leaf, 'secure', 'client', 'server');
  await program(leaf, {
    local: hosts.map(({ role, end, vlan }) => local(role, end, at, { wire: { vlan, routed: true, hairpin: false } })),
    remote: [],
    ports: {},
  });
  return { client, server, switches: () => [leaf, first, second].map((ovs) => ovs.pid('ovs-vswitchd')) };
};

type Role = 'client' | 'server';
const EPGS = { client: CLIENT.epg, server: SERVER.epg };

const local = (role: Role, end: End, at: Ports, more: Partial<LocalEndpoint>): LocalEndpoint => ({
  id: role,
  epg: EPGS[role],
  mac: end.mac,
  addresses: [end.address],
  port: at[role] ?? 0,
  healthPorts: [],
  ...more,
});

const remote = (role: Role, end: End, more: Pick<RemoteEndpoint, 'underlay' | 'fabric'>): RemoteEndpoint => ({
  id: role,
  epg: EPGS[role],
  mac: end.mac,
  addresses: [end.address],
  ...more,
});

/** A cable from a host's uplink to a leaf's port. */
async function cable(bed: Testbed, host: TestOvs, leaf: TestOvs, port: string, mtu: number): Promise<void> {
  // The end that is made first cannot be up before the other is there.
  await bed.ip.batch([
    vethAdd({ name: 'uplink', netns: host.netns, mtu, up: true }, { name: port, netns: leaf.netns, mtu }),
  ]);
  await bed.ip.batch([['link', 'set', 'dev', port, 'up']], leaf.netns);
}

/** The bridge that is measured, with these ports; their numbers. */
function ports(ovs: TestOvs, failMode: 'secure' | 'standalone', ...links: readonly string[]): Promise<Ports> {
  return onDatabase(ovs, async (database) => {
    await database.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode });
    const states = await Promise.all(links.map((name) => database.ensurePort({ bridge: BRIDGE, name, type: '' })));
    return Object.fromEntries(states.map(({ name, ofport }) => [name, ofport ?? 0]));
  });
}

async function onDatabase<T>(ovs: TestOvs, work: (database: OvsDatabase) => Promise<T>): Promise<T> {
  const database = await OvsDatabase.connect({ socketPath: ovs.dbSocket });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Puts the flows of a snapshot on the bridge, in one change. */
async function program(ovs: TestOvs, snapshot: Omit<DatapathSnapshot, 'resolved'>): Promise<void> {
  const bridge = new OpenFlowSwitch({ socketPath: ovs.bridgeSocket(BRIDGE) });
  try {
    const flows = computeFlows({ ...snapshot, resolved: policyOf(RULES) });
    await bridge.apply({ add: flows, modify: [], remove: [] }, FLOWS_MS);
  } finally {
    await bridge.close();
  }
}
