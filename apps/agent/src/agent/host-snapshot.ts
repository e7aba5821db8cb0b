import type { DistributedEncapsulation, DistributedEndpoint, HeddleObject, Uplink } from '@heddle/model';
import type { LocalEndpoint, RemoteEndpoint } from '@heddle/pipeline';
import { endpointName } from '../datapath/port-ids';
import { healthPorts, type BridgePorts, type MachinePort } from './local-endpoints';

/** What a host's endpoints are told apart by, as its agent knows it. */
export interface HostSituation {
  readonly host: string;
  readonly ports: BridgePorts;
  /** Every endpoint of the cluster. */
  readonly endpoints: ReadonlyMap<string, DistributedEndpoint>;
  /** By path of the EPG. */
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
  readonly uplinks: Readonly<Record<string, Uplink>>;
  readonly allocation: (path: string) => HeddleObject<'Allocation'> | undefined;
}

export interface Sides {
  readonly local: readonly LocalEndpoint[];
  readonly remote: readonly RemoteEndpoint[];
}

/**
 * Who is at a port of this host's bridge, and who is elsewhere. What is attached here is local, whatever others say of it. A
 * child of an uplink of this host is elsewhere: it is reached by way of its leaf, like everybody behind that. Pure.
 */
export function hostSides(situation: HostSituation): Sides {
  const { host, ports, endpoints, allocation } = situation;
  const leaves = switchedLeaves(situation);
  const machines = new Map(ports.machines.map((machine) => [machine.interfaceId, machine]));
  const containers = ports.endpoints.map((e): LocalEndpoint => ({
    id: endpointName(host, e),
    epg: e.epg,
    mac: e.mac,
    addresses: [e.address],
    port: e.ofport,
    linkIndex: e.linkIndex,
    healthPorts: healthPorts(e.allocation === undefined ? undefined : allocation(e.allocation)),
    ...uplinkOf(situation, e.epg),
  }));
  const virtual = [...endpoints.values()].flatMap((e): LocalEndpoint[] => {
    const machine = machineOf(host, machines, e);
    if (!machine) return [];
    const { id, epg, mac, addresses } = e;
    return [{ id, epg, mac, addresses, port: machine.ofport, healthPorts: [], ...uplinkOf(situation, epg) }];
  });
  return {
    local: [...containers, ...virtual],
    remote: [...endpoints.values()]
      .filter((e) => e.host !== host || e.fabric?.via === 'macvlan')
      .map((e) => remoteEndpoint(e, leaves)),
  };
}

/** The port of an endpoint that the inventory says is a virtual machine of this host. */
const machineOf = (
  host: string,
  machines: ReadonlyMap<string, MachinePort>,
  { host: where, interfaceId }: DistributedEndpoint,
): MachinePort | undefined => (where === host && interfaceId !== undefined ? machines.get(interfaceId) : undefined);

/**
 * @param leaves that this host is cabled to: who is behind another one is reached by a tunnel, or its packets and the answers
 *   would go different ways, and each way sees half a connection
 */
export const remoteEndpoint = (
  { id, epg, mac, addresses, underlay, fabric }: DistributedEndpoint,
  leaves: ReadonlySet<string>,
): RemoteEndpoint => ({
  id,
  epg,
  mac,
  addresses,
  underlay,
  fabric: fabric !== undefined && leaves.has(fabric.leaf),
});

/** The leaves that the switch itself is cabled to: an uplink of children leads none of its packets anywhere. */
const switchedLeaves = ({ uplinks, ports }: HostSituation): ReadonlySet<string> =>
  new Set(
    Object.values(uplinks).flatMap((uplink) =>
      uplink.leaf !== undefined && ports.numbers[uplink.interface] !== undefined ? [uplink.leaf] : [],
    ),
  );

/** By which port and in which VLAN the endpoints of an EPG reach a fabric. */
function uplinkOf({ encapsulations, uplinks, ports }: HostSituation, epg: string): Pick<LocalEndpoint, 'uplink'> {
  const { spec, vlan } = encapsulations.get(epg) ?? {};
  if (spec?.driver !== 'ovs' || spec.uplink === undefined || vlan === undefined) return {};
  const port = ports.numbers[uplinks[spec.uplink]?.interface ?? ''];
  return port === undefined ? {} : { uplink: { port, vlan } };
}

/** The VLAN of an EPG whose endpoints attach to the switch and travel a fabric. */
export function switchedVlan(encapsulation: DistributedEncapsulation | undefined): number | undefined {
  return encapsulation?.spec.driver === 'ovs' ? encapsulation.vlan : undefined;
}

/** Names of the uplinks whose interfaces are to be ports of the bridge: those that Domains of the switch use. */
export const switchedUplinks = (encapsulations: Iterable<DistributedEncapsulation>): ReadonlySet<string> =>
  new Set(
    [...encapsulations].flatMap(({ spec }) =>
      spec.driver === 'ovs' && spec.encapsulation === 'vlan' && spec.uplink !== undefined ? [spec.uplink] : [],
    ),
  );
