import type { ResolvedBridgeDomain } from '@heddle/model';
import { GATEWAY_MAC, HOST_LINK_ADDRESS, enforceableGateways, gatewayAddress, ip4, mac } from '../addresses';
import { objectCookie } from '../cookie';
import type { PlacedEndpoint, PlacedLocal, PlacedRemote } from '../index-endpoints';
import type { Action, Flow, Match } from '../openflow/flow';
import { hasFlag, hasNotFlag, is, load, setFlag } from '../registers';
import { BACK, copy, flow, goto, IP, otherwiseDrop, PROTO, set } from './shared';

const local: Match = hasNotFlag('fromTunnel');

/** To an endpoint on this host: from a neighbour in the bridge domain, from the gateway, or out of the tunnel. */
export function forwardToLocal(e: PlacedLocal): Flow[] {
  const deliver = [load('destinationClass', e.class.classId), load('outputPort', e.port), goto('conntrack')];
  return e.addresses.flatMap((address) => [
    ...forward(e, address, deliver),
    // The sending host has routed already, so the frame carries the endpoint's MAC whatever bridge domain it came from.
    flow(
      'forward',
      100,
      { ...hasFlag('fromTunnel'), ...is('vrf', e.class.vrf), ...IP, eth_dst: mac(e.mac), ip_dst: ip4(address) },
      deliver,
      e.cookie,
    ),
  ]);
}

/** To an endpoint on another host. What came out of a tunnel never goes back into one. */
export function forwardToRemote(e: PlacedRemote, tunnel: number): Flow[] {
  const deliver = [
    load('destinationClass', e.class.classId),
    load('outputPort', tunnel),
    setFlag('toTunnel'),
    set('tun_dst', ip4(e.underlay)),
    goto('conntrack'),
  ];
  return e.addresses.flatMap((address) => forward(e, address, deliver));
}

function forward(e: PlacedEndpoint, address: string, deliver: readonly Action[]): Flow[] {
  const to = { ...IP, ip_dst: ip4(address) };
  return [
    flow(
      'forward',
      100,
      { ...local, ...is('bridgeDomain', e.class.bridgeDomain), eth_dst: mac(e.mac), ...to },
      deliver,
      e.cookie,
    ),
    flow(
      'forward',
      100,
      { ...local, ...is('vrf', e.class.vrf), eth_dst: mac(GATEWAY_MAC), ...to },
      [set('eth_src', mac(GATEWAY_MAC)), set('eth_dst', mac(e.mac)), { type: 'dec_ttl' }, ...deliver],
      e.cookie,
    ),
  ];
}

/** The gateway answers a ping from its own bridge domain. */
export const answerPing = (bd: ResolvedBridgeDomain): Flow[] =>
  enforceableGateways(bd.gateways).map((gateway) =>
    flow(
      'forward',
      200,
      {
        ...local,
        ...is('bridgeDomain', bd.id),
        ...IP,
        eth_dst: mac(GATEWAY_MAC),
        ip_dst: gatewayAddress(gateway),
        ip_proto: PROTO.icmp,
        icmp_type: 8n,
        icmp_code: 0n,
      },
      [
        copy('eth_src', 'eth_dst', 48),
        set('eth_src', mac(GATEWAY_MAC)),
        copy('ip_src', 'ip_dst', 32),
        set('ip_src', gatewayAddress(gateway)),
        set('icmp_type', 0n),
        set('nw_ttl', 64n),
        BACK,
      ],
      objectCookie(`bd/${bd.path}`),
    ),
  );

export const forwardFixed: readonly Flow[] = [
  flow('forward', 300, { ...local, ...IP, ip_dst: ip4(HOST_LINK_ADDRESS) }, [goto('host-link')]),
  otherwiseDrop('forward', 'no-destination'),
];
