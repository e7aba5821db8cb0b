import { GATEWAY_MAC, HOST_LINK_ADDRESS, ip4, linkAddress, mac } from '../addresses';
import type { PlacedLocal } from '../index-endpoints';
import type { Action, Flow } from '../openflow/flow';
import { load } from '../registers';
import { tableNumber } from '../tables';
import { ctState, flow, goto, IP, otherwiseDrop, PROTO, set } from './shared';

/**
 * The link between each endpoint and its host. The endpoint speaks to 169.254.1.1 and may ask for names there; the host
 * speaks to the endpoint's link address and may open the ports of its health checks. Addresses are translated one to one
 * by the endpoint's port, so nothing depends on an address that a container chose.
 */

/** A zone of its own, above all VRF ids that are given out in practice and below the reserved last one. */
const HOST_LINK_ZONE = 65_534;

export const ctHostLink: Action = { type: 'ct', zone: HOST_LINK_ZONE, table: tableNumber('host-link-state') };

export function hostLinkOfLocal(e: PlacedLocal, hostLink: { port: number; mac: string }): Flow[] {
  const address = e.addresses[0];
  // Behind a shared port there is no link: it is to the host that an endpoint runs on, and not to a leaf.
  if (address === undefined || e.linkIndex === undefined || e.wire) return [];
  const link = ip4(linkAddress(e.linkIndex));
  const fromHost = { in_port: BigInt(hostLink.port), ...IP, ip_src: ip4(HOST_LINK_ADDRESS), ip_dst: link };
  return [
    flow(
      'host-link',
      100,
      { in_port: BigInt(e.port), ...IP, ip_src: ip4(address) },
      [set('ip_src', link), ctHostLink],
      e.cookie,
    ),
    ...e.healthPorts.map((port) =>
      flow(
        'host-link-state',
        100,
        { ...ctState(['trk', 'new'], ['inv']), ...fromHost, ip_proto: PROTO.tcp, tcp_dst: BigInt(port) },
        [COMMIT, goto('host-link-output')],
        e.cookie,
      ),
    ),
    flow(
      'host-link-output',
      100,
      fromHost,
      [
        set('ip_dst', ip4(address)),
        set('eth_src', mac(GATEWAY_MAC)),
        set('eth_dst', mac(e.mac)),
        load('destinationClass', e.class.classId),
        load('outputPort', e.port),
        goto('output'),
      ],
      e.cookie,
    ),
    flow(
      'host-link-output',
      100,
      { in_port: BigInt(e.port), ...IP },
      [set('eth_src', mac(GATEWAY_MAC)), set('eth_dst', mac(hostLink.mac)), { type: 'output', port: hostLink.port }],
      e.cookie,
    ),
  ];
}

const COMMIT: Action = { type: 'ct', commit: true, zone: HOST_LINK_ZONE };

/** Names: every endpoint may ask its host. Built in, and the only thing that is. */
const nameQueries: readonly Flow[] =
  ([['udp', 'udp_dst'], ['tcp', 'tcp_dst']] as const).map(([protocol, field]) =>
    flow('host-link-state', 90, { ...ctState(['trk', 'new'], ['inv']), ...IP, ip_dst: ip4(HOST_LINK_ADDRESS), ip_proto: PROTO[protocol], [field]: 53n }, [COMMIT, goto('host-link-output')]),
  ); // prettier-ignore

export const hostLinkFixed: readonly Flow[] = [
  otherwiseDrop('host-link', 'host-link-refused'),
  ...nameQueries,
  flow('host-link-state', 80, { ...ctState(['trk'], ['new', 'inv']), ...IP }, [goto('host-link-output')]),
  otherwiseDrop('host-link-state', 'host-link-refused'),
  otherwiseDrop('host-link-output', 'host-link-refused'),
];
