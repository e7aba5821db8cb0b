import type { EndpointReport, HeddleObject, ReportedAttachment } from '@heddle/model';
import type { PortState } from '@heddle/ovs';
import { HOST_LINK_ID } from '../attach/host-link';
import { endpointName, endpointOfPort } from '../datapath/port-ids';
import type { AttachedEndpoint } from '../link/protocol';

type Allocation = HeddleObject<'Allocation'>;

/** An attached endpoint with the number that its port has on the bridge. */
export type PortEndpoint = AttachedEndpoint & { readonly ofport: number };

/** A port that somebody else put on the bridge for a virtual machine. */
export interface MachinePort {
  readonly interfaceId: string;
  readonly port: string;
  readonly ofport: number;
  /** What its manager wrote on it, else what the device has on the host's side. */
  readonly mac: string;
}

export interface BridgePorts {
  readonly endpoints: readonly PortEndpoint[];
  readonly machines: readonly MachinePort[];
  readonly tunnel?: number;
  readonly hostLink?: { readonly port: number; readonly mac: string };
  /** The number of every port that the switch can use, by its name. */
  readonly numbers: Readonly<Record<string, number>>;
}

export const NO_PORTS: BridgePorts = { endpoints: [], machines: [], numbers: {} };

/** Marks the tunnel port in `external_ids`. */
export const TUNNEL_ID = { 'heddle-tunnel': 'true' } as const;
/** What managers of virtual machines write on an interface, by the convention of Open vSwitch's integration guide. */
const INTERFACE_ID = 'iface-id';
const ATTACHED_MAC = 'attached-mac';
const NO_MAC = '00:00:00:00:00:00';

/** Sorts the ports of the bridge by what they are. A port that is none of ours gets no flow, and so passes nothing. */
export function readPorts(ports: readonly PortState[]): BridgePorts {
  const usable = ports.filter((port) => port.ofport !== undefined);
  const marked = (mark: Readonly<Record<string, string>>): PortState | undefined =>
    usable.find((port) => Object.entries(mark).every(([key, value]) => port.externalIds[key] === value));
  const hostLink = marked(HOST_LINK_ID);
  return {
    endpoints: usable.flatMap((port) => {
      const endpoint = endpointOfPort(port.name, port.externalIds);
      return endpoint ? [{ ...endpoint, ofport: port.ofport as number }] : [];
    }),
    machines: usable.flatMap((port) => machinePort(port) ?? []),
    tunnel: marked(TUNNEL_ID)?.ofport,
    hostLink: hostLink?.mac === undefined ? undefined : { port: hostLink.ofport as number, mac: hostLink.mac },
    numbers: Object.fromEntries(usable.map((port) => [port.name, port.ofport as number])),
  };
}

function machinePort({ name, ofport, mac, externalIds, interfaceIds = {} }: PortState): MachinePort | undefined {
  const interfaceId = interfaceIds[INTERFACE_ID];
  if (!interfaceId || ofport === undefined || endpointOfPort(name, externalIds)) return undefined;
  return { interfaceId, port: name, ofport, mac: (interfaceIds[ATTACHED_MAC] ?? mac ?? NO_MAC).toLowerCase() };
}

/** TCP ports that the host's health checks of an allocation connect to. */
export function healthPorts(allocation: Allocation | undefined): number[] {
  const template = allocation?.spec.template;
  const port = template?.health && template.ports[template.health.port];
  return port ? [port.port] : [];
}

/**
 * The endpoint as it is reported to the inventory.
 * @param vlan that its frames have on the uplink, of a port of the switch whose EPG travels a fabric
 */
export const endpointReport = (
  host: string,
  e: AttachedEndpoint,
  { allocation, healthy, vlan }: { allocation?: Allocation; healthy: boolean; vlan?: number },
): EndpointReport => ({
  id: endpointName(host, e),
  kind: 'container',
  epg: e.epg,
  mac: e.mac,
  addresses: [e.address],
  host,
  healthy,
  attachment: attachmentOf(e, vlan),
  since: e.since,
  ...(e.allocation === undefined ? {} : { allocation: e.allocation }),
  ...(allocation === undefined ? {} : { service: allocation.spec.service }),
});

/** A port of a virtual machine: that it is there, and nothing that only its Endpoint object says. */
export const machineReport = (
  host: string,
  { interfaceId, port, mac }: MachinePort,
  since: string,
): EndpointReport => ({
  id: `interface:${host}/${interfaceId}`,
  kind: 'vm',
  epg: '',
  mac,
  addresses: [],
  host,
  healthy: true,
  attachment: { driver: 'ovs', port, interfaceId },
  since,
});

function attachmentOf({ port, macvlan }: AttachedEndpoint, vlan: number | undefined): ReportedAttachment {
  if (!macvlan) return { driver: 'ovs', port, ...(vlan === undefined ? {} : { vlan }) };
  return { driver: 'macvlan', port, uplink: macvlan.uplink, mode: macvlan.mode, vlan: macvlan.vlan };
}
