import type { Mutation, Operation } from './client';
import type { BridgeState, DatapathType, FailMode, InterfaceType, PortEntry } from './view';
import { mapOf, namedUuid, optionalNumber, setOf, uuid, type Row, type Value } from './values';

/** What a bridge should be. What is left out is not touched on a bridge that exists. */
export interface BridgeSpec {
  readonly name: string;
  readonly datapathType: DatapathType;
  readonly failMode?: FailMode;
  /** OpenFlow versions the bridge speaks, such as `OpenFlow14`. */
  readonly protocols?: readonly string[];
  /** Set under their keys; keys of others stay. */
  readonly externalIds?: Readonly<Record<string, string>>;
  readonly otherConfig?: Readonly<Record<string, string>>;
}

/** What a port should be. What is left out is not touched on a port that exists. */
export interface PortSpec {
  readonly bridge: string;
  readonly name: string;
  readonly type: InterfaceType;
  /** All options of the interface, such as `remote_ip` of a tunnel. */
  readonly options?: Readonly<Record<string, string>>;
  /** Set under their keys; keys of others stay. */
  readonly externalIds?: Readonly<Record<string, string>>;
  /** Makes it an access port of this VLAN. */
  readonly tag?: number;
  /** The OpenFlow port number to ask for, so that it stays the same over restarts. */
  readonly ofportRequest?: number;
  /** Bytes. */
  readonly mtu?: number;
}

const byUuid = (id: string) => [['_uuid', '==', uuid(id)]] as const;

/** Drops the columns that have the value already, or that are undefined. */
function changed(wanted: Readonly<Record<string, Value | undefined>>, isSame: (column: string) => boolean): Row {
  return Object.fromEntries(
    Object.entries(wanted).filter((entry): entry is [string, Value] => entry[1] !== undefined && !isSame(entry[0])),
  );
}

/** Sets keys of a map column and removes those whose value is null, in one mutation that leaves other keys alone. */
export function mapMutations(
  column: string,
  wanted: Readonly<Record<string, string | null>> | undefined,
  actual: Readonly<Record<string, string>>,
): Mutation[] {
  const different = Object.entries(wanted ?? {}).filter(([key, value]) => (actual[key] ?? null) !== value);
  if (different.length === 0) return [];
  const set = Object.fromEntries(different.filter((entry): entry is [string, string] => entry[1] !== null));
  return [
    [column, 'delete', setOf(different.map(([key]) => key))],
    [column, 'insert', mapOf(set)],
  ];
}

export function sameMap(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

const sameList = (a: readonly string[], b: readonly string[]): boolean => [...a].sort().join() === [...b].sort().join();

/** A bridge with its local port, which has the same name. */
export function insertBridge(root: string, spec: BridgeSpec): Operation[] {
  return [
    { op: 'insert', table: 'Interface', 'uuid-name': 'iface', row: { name: spec.name, type: 'internal' } },
    { op: 'insert', table: 'Port', 'uuid-name': 'port', row: { name: spec.name, interfaces: namedUuid('iface') } },
    {
      op: 'insert',
      table: 'Bridge',
      'uuid-name': 'bridge',
      row: {
        name: spec.name,
        ports: namedUuid('port'),
        datapath_type: spec.datapathType,
        ...(spec.failMode ? { fail_mode: spec.failMode } : {}),
        ...(spec.protocols ? { protocols: setOf(spec.protocols) } : {}),
        ...(spec.externalIds ? { external_ids: mapOf(spec.externalIds) } : {}),
        ...(spec.otherConfig ? { other_config: mapOf(spec.otherConfig) } : {}),
      },
    },
    {
      op: 'mutate',
      table: 'Open_vSwitch',
      where: byUuid(root),
      mutations: [['bridges', 'insert', namedUuid('bridge')]],
    },
  ];
}

/** What brings an existing bridge to the spec; nothing when it is there already. */
export function updateBridge(id: string, actual: BridgeState, spec: BridgeSpec): Operation[] {
  const row: Row = {
    ...(spec.failMode && spec.failMode !== actual.failMode ? { fail_mode: spec.failMode } : {}),
    ...(spec.protocols && !sameList(spec.protocols, actual.protocols) ? { protocols: setOf(spec.protocols) } : {}),
  };
  const mutations = [
    ...mapMutations('external_ids', spec.externalIds, actual.externalIds),
    ...mapMutations('other_config', spec.otherConfig, actual.otherConfig),
  ];
  return [...updateRow('Bridge', id, row), ...mutateRow('Bridge', id, mutations)];
}

export function deleteBridge(root: string, id: string): Operation[] {
  return [{ op: 'mutate', table: 'Open_vSwitch', where: byUuid(root), mutations: [['bridges', 'delete', uuid(id)]] }];
}

export function insertPort(bridge: string, spec: PortSpec): Operation[] {
  return [
    {
      op: 'wait',
      table: 'Bridge',
      where: byUuid(bridge),
      columns: ['name'],
      until: '==',
      rows: [{ name: spec.bridge }],
      timeout: 0,
    },
    { op: 'insert', table: 'Interface', 'uuid-name': 'iface', row: { name: spec.name, ...interfaceColumns(spec) } },
    {
      op: 'insert',
      table: 'Port',
      'uuid-name': 'port',
      row: {
        name: spec.name,
        interfaces: namedUuid('iface'),
        ...(spec.externalIds ? { external_ids: mapOf(spec.externalIds) } : {}),
        ...(spec.tag === undefined ? {} : { tag: spec.tag }),
      },
    },
    { op: 'mutate', table: 'Bridge', where: byUuid(bridge), mutations: [['ports', 'insert', namedUuid('port')]] },
  ];
}

/** What brings an existing port to the spec; nothing when it is there already. */
export function updatePort(actual: PortEntry, spec: PortSpec): Operation[] {
  const { state } = actual;
  const row = changed(interfaceColumns(spec), (column) => {
    switch (column) {
      case 'type':
        return spec.type === state.type;
      case 'options':
        return sameMap(spec.options ?? {}, state.options);
      default:
        return optionalNumber(actual.interface[column]) === interfaceColumns(spec)[column];
    }
  });
  const port: Row = spec.tag === undefined || spec.tag === state.tag ? {} : { tag: spec.tag };
  return [
    ...updateRow('Interface', actual.interfaceUuid, row),
    ...updateRow('Port', actual.portUuid, port),
    ...mutateRow('Port', actual.portUuid, mapMutations('external_ids', spec.externalIds, state.externalIds)),
  ];
}

export function deletePort(actual: PortEntry): Operation[] {
  return [
    {
      op: 'mutate',
      table: 'Bridge',
      where: byUuid(actual.bridgeUuid),
      mutations: [['ports', 'delete', uuid(actual.portUuid)]],
    },
  ];
}

export function mutateRow(table: string, id: string, mutations: readonly Mutation[]): Operation[] {
  return mutations.length === 0 ? [] : [{ op: 'mutate', table, where: byUuid(id), mutations }];
}

/** Asks vswitchd to say, in `cur_cfg`, when it has seen everything up to this transaction. */
export function requestConfirmation(root: string): Operation[] {
  return [
    { op: 'mutate', table: 'Open_vSwitch', where: byUuid(root), mutations: [['next_cfg', '+=', 1]] },
    { op: 'select', table: 'Open_vSwitch', where: byUuid(root), columns: ['next_cfg'] },
  ];
}

function updateRow(table: string, id: string, row: Row): Operation[] {
  return Object.keys(row).length === 0 ? [] : [{ op: 'update', table, where: byUuid(id), row }];
}

function interfaceColumns(spec: PortSpec): Row {
  return {
    type: spec.type,
    ...(spec.options ? { options: mapOf(spec.options) } : {}),
    ...(spec.ofportRequest === undefined ? {} : { ofport_request: spec.ofportRequest }),
    ...(spec.mtu === undefined ? {} : { mtu_request: spec.mtu }),
  };
}
