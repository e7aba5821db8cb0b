import type { MonitoredTables, Replica } from './replica';
import { members, optionalNumber, optionalString, references, stringMap, type Row } from './values';

/** The columns that the facade follows. Statistics are left out on purpose: they change every five seconds. */
export const MONITORED: MonitoredTables = {
  Open_vSwitch: ['bridges', 'next_cfg', 'cur_cfg', 'ovs_version', 'other_config'],
  Bridge: ['name', 'ports', 'datapath_type', 'fail_mode', 'protocols', 'external_ids', 'other_config'],
  Port: ['name', 'interfaces', 'external_ids', 'tag'],
  Interface: [
    'name', 'type', 'options', 'ofport', 'ofport_request', 'mac_in_use', 'link_state', 'admin_state', 'error', 'mtu', 'mtu_request',
    'external_ids',
  ],
}; // prettier-ignore

export type DatapathType = 'system' | 'netdev';
export type FailMode = 'secure' | 'standalone';
/** '' is a network device of the host, such as one end of a veth pair. */
export type InterfaceType = '' | 'internal' | 'vxlan' | 'tap' | 'patch';

/** A bridge as the database holds it. */
export interface BridgeState {
  readonly name: string;
  readonly datapathType: string;
  readonly failMode?: string;
  readonly protocols: readonly string[];
  readonly externalIds: Readonly<Record<string, string>>;
  readonly otherConfig: Readonly<Record<string, string>>;
}

/** A port with its one interface, as the database holds it. */
export interface PortState {
  readonly bridge: string;
  readonly name: string;
  readonly type: string;
  /** The OpenFlow port number; missing until the switch has given one, or when it cannot use the device. */
  readonly ofport?: number;
  readonly mac?: string;
  readonly linkState?: 'up' | 'down';
  readonly adminState?: 'up' | 'down';
  readonly mtu?: number;
  readonly tag?: number;
  readonly options: Readonly<Record<string, string>>;
  /** Those of the port. */
  readonly externalIds: Readonly<Record<string, string>>;
  /** Those of its interface, where managers of virtual machines write `iface-id` and `attached-mac`. */
  readonly interfaceIds?: Readonly<Record<string, string>>;
  /** Why the switch cannot use the device. */
  readonly error?: string;
}

/** A port together with the rows that it is made of. */
export interface PortEntry {
  readonly state: PortState;
  readonly bridgeUuid: string;
  readonly portUuid: string;
  readonly interfaceUuid: string;
  readonly port: Row;
  readonly interface: Row;
}

/** The first (and in a valid database only) row of `Open_vSwitch`. */
export function rootRow(replica: Replica): readonly [uuid: string, row: Row] | undefined {
  return replica.table('Open_vSwitch').entries().next().value;
}

export function findBridge(replica: Replica, name: string): readonly [uuid: string, row: Row] | undefined {
  for (const entry of replica.table('Bridge')) if (entry[1]['name'] === name) return entry;
  return undefined;
}

export function bridgeState(row: Row): BridgeState {
  return {
    name: String(row['name']),
    datapathType: optionalString(row['datapath_type']) || 'system',
    failMode: optionalString(row['fail_mode']),
    protocols: members(row['protocols']).map(String),
    externalIds: stringMap(row['external_ids']),
    otherConfig: stringMap(row['other_config']),
  };
}

const upDown = (text: string | undefined): 'up' | 'down' | undefined =>
  text === 'up' || text === 'down' ? text : undefined;

function portEntry(replica: Replica, bridgeUuid: string, bridge: Row, portUuid: string): PortEntry | undefined {
  const port = replica.table('Port').get(portUuid);
  const interfaceUuid = references(port?.['interfaces'])[0];
  const iface = interfaceUuid === undefined ? undefined : replica.table('Interface').get(interfaceUuid);
  if (port === undefined || interfaceUuid === undefined || iface === undefined) return undefined;
  const ofport = optionalNumber(iface['ofport']);
  return {
    bridgeUuid,
    portUuid,
    interfaceUuid,
    port,
    interface: iface,
    state: {
      bridge: String(bridge['name']),
      name: String(port['name']),
      type: String(iface['type']),
      ofport: ofport !== undefined && ofport > 0 ? ofport : undefined,
      mac: optionalString(iface['mac_in_use']),
      linkState: upDown(optionalString(iface['link_state'])),
      adminState: upDown(optionalString(iface['admin_state'])),
      mtu: optionalNumber(iface['mtu']),
      tag: optionalNumber(port['tag']),
      options: stringMap(iface['options']),
      externalIds: stringMap(port['external_ids']),
      interfaceIds: stringMap(iface['external_ids']),
      error: optionalString(iface['error']),
    },
  };
}

/** The ports of a bridge, by name; the bridge's own local port is one of them. */
export function bridgePorts(replica: Replica, name: string): PortEntry[] {
  const found = findBridge(replica, name);
  if (found === undefined) return [];
  const [uuid, row] = found;
  return references(row['ports'])
    .map((port) => portEntry(replica, uuid, row, port))
    .filter((entry): entry is PortEntry => entry !== undefined)
    .sort((a, b) => (a.state.name < b.state.name ? -1 : 1));
}

/** The port of that name, on whatever bridge it is. */
export function findPort(replica: Replica, name: string): PortEntry | undefined {
  for (const bridge of replica.table('Bridge').values()) {
    const entry = bridgePorts(replica, String(bridge['name'])).find(({ state }) => state.name === name);
    if (entry) return entry;
  }
  return undefined;
}
