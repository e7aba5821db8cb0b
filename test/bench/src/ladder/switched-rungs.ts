import { vethAdd } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { OpenFlowSwitch, OvsDatabase, type PortSpec, type PortState, type TestOvs } from '@heddle/ovs';
import { computeFlows, type DatapathSnapshot, type LocalEndpoint, type RemoteEndpoint } from '@heddle/pipeline';
import { CLIENT, policyOf, SERVER } from './rules';
import { ends, ROLES, type Role, type RungBuilder } from './rungs';
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
const UPLINK = 'uplink';
/** One for each EPG. */
const VLAN = { client: 101, server: 102 };

type Ports = Readonly<Record<string, number>>;

/** One switch that learns, as it is without any policy. */
export const withoutPolicy =
  ({ tso }: { tso: boolean }): RungBuilder =>
  async (bed, id) => {
    const { pair, ovs } = await onOneSwitch(bed, id, tso);
    await ports(ovs, 'standalone', ...ROLES);
    return { ...pair, switches: vswitchds(ovs) };
  };

/** One host with both ends, programmed as a host of a cluster is. */
export const withPolicy =
  ({ tso }: { tso: boolean }): RungBuilder =>
  async (bed, id) => {
    const { pair, ovs } = await onOneSwitch(bed, id, tso);
    const at = await ports(ovs, 'secure', ...ROLES);
    const local = ROLES.map((role, i) => localEndpoint(role, pair[role], at, { linkIndex: i + 1 }));
    await program(ovs, { local, remote: [], ports: {} });
    return { ...pair, switches: vswitchds(ovs) };
  };

/** Two hosts, each with its own switch and the whole policy, joined by a leaf that only forwards. */
export const acrossTunnel: RungBuilder = async (bed, id) => {
  const pair = await ends(bed, id);
  const { leaf, hosts } = await twoHosts(bed, { tso: false, mtu: 1_500 });
  const underlay = { client: `${UNDERLAY}1`, server: `${UNDERLAY}2` };
  for (const role of ROLES) {
    const ovs = hosts[role];
    await bed.cable(pair[role], { netns: ovs.netns, link: role }, { mtu: TUNNEL_MTU, checksumsInSoftware: true });
    await onDatabase(ovs, async (database) => {
      await database.ensureBridge({ name: UPLINK_BRIDGE, datapathType: 'netdev', failMode: 'standalone' });
      await database.ensurePort({ bridge: UPLINK_BRIDGE, name: UPLINK, type: '' });
    });
    await bed.raise({ netns: ovs.netns, address: underlay[role] }, UPLINK_BRIDGE);
  }
  await ports(leaf, 'standalone', ...ROLES);
  for (const role of ROLES) {
    const [ovs, peer] = [hosts[role], otherThan(role)];
    const at = await ports(ovs, 'secure', role);
    const options = { remote_ip: 'flow', key: 'flow', local_ip: underlay[role] };
    const vxlan: PortSpec = { bridge: BRIDGE, name: 'vxlan', type: 'vxlan', options };
    const tunnel = await onDatabase(ovs, (database) => database.ensurePort(vxlan));
    await program(ovs, {
      local: [localEndpoint(role, pair[role], at, { linkIndex: 1 })],
      remote: [remoteEndpoint(peer, pair[peer], { underlay: underlay[peer] })],
      ports: { tunnel: numberOf(tunnel) },
    });
  }
  return { ...pair, switches: vswitchds(leaf, hosts.client, hosts.server) };
};

/** Two hosts that send into VLANs, joined by a leaf that enforces too. */
export const acrossFabric: RungBuilder = async (bed, id) => {
  const pair = await ends(bed, id);
  const { leaf, hosts } = await twoHosts(bed, { tso: true, mtu: TAGGED_MTU });
  for (const role of ROLES) {
    const [ovs, peer] = [hosts[role], otherThan(role)];
    await bed.cable(pair[role], { netns: ovs.netns, link: role });
    const at = await ports(ovs, 'secure', UPLINK, role);
    const uplink = { port: portOf(at, UPLINK), vlan: VLAN[role] };
    await program(ovs, {
      local: [localEndpoint(role, pair[role], at, { linkIndex: 1, uplink })],
      remote: [remoteEndpoint(peer, pair[peer], { underlay: `${UNDERLAY}254`, fabric: true })],
      ports: {},
    });
  }
  const at = await ports(leaf, 'secure', ...ROLES);
  const local = ROLES.map((role) => {
    const wire = { vlan: VLAN[role], routed: true, hairpin: false };
    return localEndpoint(role, pair[role], at, { wire });
  });
  await program(leaf, { local, remote: [], ports: {} });
  return { ...pair, switches: vswitchds(leaf, hosts.client, hosts.server) };
};

const otherThan = (role: Role): Role => (role === 'client' ? 'server' : 'client');

/** Both ends cabled to one switch. Without TSO nothing makes up for a checksum that was left out. */
async function onOneSwitch(bed: Testbed, id: string, tso: boolean): Promise<{ pair: Record<Role, End>; ovs: TestOvs }> {
  const pair = await ends(bed, id);
  const ovs = await bed.openVSwitch(tso);
  for (const role of ROLES) {
    await bed.cable(pair[role], { netns: ovs.netns, link: role }, { checksumsInSoftware: !tso });
  }
  return { pair, ovs };
}

/** The switches of two hosts and of a leaf, with a cable from the uplink of each host to the leaf. */
async function twoHosts(
  bed: Testbed,
  { tso, mtu }: { tso: boolean; mtu: number },
): Promise<{ leaf: TestOvs; hosts: Record<Role, TestOvs> }> {
  const [leaf, client, server] = await Promise.all([bed.openVSwitch(tso), bed.openVSwitch(tso), bed.openVSwitch(tso)]);
  const hosts = { client, server };
  for (const role of ROLES) {
    // The end that is made first cannot be up before the other is there.
    await bed.ip.batch([
      vethAdd({ name: UPLINK, netns: hosts[role].netns, mtu, up: true }, { name: role, netns: leaf.netns, mtu }),
    ]);
    await bed.ip.batch([['link', 'set', 'dev', role, 'up']], leaf.netns);
  }
  return { leaf, hosts };
}

const vswitchds = (...switches: readonly TestOvs[]): number[] => switches.map((ovs) => ovs.pid('ovs-vswitchd'));

const EPG = { client: CLIENT.epg, server: SERVER.epg };

const localEndpoint = (role: Role, end: End, at: Ports, more: Partial<LocalEndpoint>): LocalEndpoint => ({
  id: role,
  epg: EPG[role],
  mac: end.mac,
  addresses: [end.address],
  port: portOf(at, role),
  healthPorts: [],
  ...more,
});

const remoteEndpoint = (role: Role, end: End, more: Pick<RemoteEndpoint, 'underlay' | 'fabric'>): RemoteEndpoint => ({
  id: role,
  epg: EPG[role],
  mac: end.mac,
  addresses: [end.address],
  ...more,
});

function portOf(at: Ports, name: string): number {
  const port = at[name];
  if (port === undefined)
    throw new HeddleError('not-found', `there is no port ${name} among ${Object.keys(at).join()}`);
  return port;
}

/** The bridge that is measured, with these ports; their numbers. */
function ports(ovs: TestOvs, failMode: 'secure' | 'standalone', ...links: readonly string[]): Promise<Ports> {
  return onDatabase(ovs, async (database) => {
    await database.ensureBridge({ name: BRIDGE, datapathType: 'netdev', failMode });
    const states = await Promise.all(links.map((name) => database.ensurePort({ bridge: BRIDGE, name, type: '' })));
    return Object.fromEntries(states.map((state) => [state.name, numberOf(state)]));
  });
}

/** A port of a switch that has taken it has a number. */
function numberOf({ name, ofport }: PortState): number {
  if (ofport === undefined) throw new HeddleError('internal', `the port ${name} has no number`);
  return ofport;
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
