import type { EndpointReport, HeddleObject } from '@heddle/model';
import type { PortState } from '@heddle/ovs';
import type { LocalEndpoint } from '@heddle/pipeline';
import { HOST_LINK_ID } from '../attach/host-link';
import { endpointName, endpointOfPort } from '../datapath/port-ids';
import type { AttachedEndpoint } from '../link/protocol';

type Allocation = HeddleObject<'Allocation'>;

/** An attached endpoint with the number that its port has on the bridge. */
export type PortEndpoint = AttachedEndpoint & { readonly ofport: number };

export interface BridgePorts {
  readonly endpoints: readonly PortEndpoint[];
  readonly tunnel?: number;
  readonly hostLink?: { readonly port: number; readonly mac: string };
}

/** Marks the tunnel port in `external_ids`. */
export const TUNNEL_ID = { 'heddle-tunnel': 'true' } as const;

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
    tunnel: marked(TUNNEL_ID)?.ofport,
    hostLink: hostLink?.mac === undefined ? undefined : { port: hostLink.ofport as number, mac: hostLink.mac },
  };
}

/** The endpoint as the pipeline needs it. */
export const localEndpoint = (host: string, e: PortEndpoint, allocation: Allocation | undefined): LocalEndpoint => ({
  id: endpointName(host, e),
  epg: e.epg,
  mac: e.mac,
  addresses: [e.address],
  port: e.ofport,
  linkIndex: e.linkIndex,
  healthPorts: healthPorts(allocation),
});

function healthPorts(allocation: Allocation | undefined): number[] {
  const template = allocation?.spec.template;
  const port = template?.health && template.ports[template.health.port];
  return port ? [port.port] : [];
}

/** The endpoint as it is reported to the inventory. */
export const endpointReport = (
  host: string,
  e: AttachedEndpoint,
  allocation: Allocation | undefined,
  healthy: boolean,
): EndpointReport => ({
  id: endpointName(host, e),
  epg: e.epg,
  mac: e.mac,
  addresses: [e.address],
  host,
  healthy,
  attachment: { driver: 'ovs', port: e.port },
  since: e.since,
  ...(e.allocation === undefined ? {} : { allocation: e.allocation }),
  ...(allocation === undefined ? {} : { service: allocation.spec.service }),
});
