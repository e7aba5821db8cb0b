import type { ResolvedBridgeDomain } from '@heddle/model';
import { GATEWAY_MAC, HOST_LINK_ADDRESS, enforceableGateways, gatewayAddress, ip4, mac } from '../addresses';
import { dropCookie, objectCookie } from '../cookie';
import type { PlacedEndpoint, PlacedLocal, PlacedRemote } from '../index-endpoints';
import type { Action, Flow, Match } from '../openflow/flow';
import { flags, is, load, setFlags } from '../registers';
import { BACK, copy, flow, goto, IP, otherwiseDrop, PROTO, set } from './shared';

/** Flags of what came from elsewhere. Only what has neither, from an endpoint of this bridge, may leave by a tunnel or the fabric. */
const ARRIVED = ['fromTunnel', 'fromFabric'] as const;
/** What has to be routed here if it is to be routed: it came from an endpoint itself. */
const NOT_ROUTED = flags([], [...ARRIVED, 'routed']);

/**
 * Where two are known to have one address, which happens when one moves, the one of this bridge comes first, and the fabric
 * before the tunnel.
 */
const PRIORITY = { here: 120, fabric: 110, tunnel: 100 } as const;

/**
 * To an endpoint of this bridge: from a neighbour in the bridge domain, from the gateway, or from whoever has routed already:
 * the other end of a tunnel or cable, or a leaf.
 */
export function forwardToLocal(e: PlacedLocal): Flow[] {
  const actions = [load('destinationClass', e.class.classId), load('outputPort', e.port), goto('conntrack')];
  return e.addresses.flatMap((address) => [
    ...forward(PRIORITY.here, e, address, NOT_ROUTED, actions),
    forwardRouted(PRIORITY.here, e, address, flags(['routed'], ['fromFabric']), actions),
    // The VLAN that a leaf sent it in stands for a class, which is loaded: it must be the endpoint's.
    ...(e.uplink
      ? [
          forwardRouted(
            PRIORITY.here,
            e,
            address,
            { ...flags(['fromFabric'], []), ...is('destinationClass', e.class.classId) },
            actions,
          ),
        ]
      : []),
  ]);
}

/** A frame for an endpoint in the VLAN of another EPG is a leaf's error: it ends, under a name of its own. */
export const refuseOtherVlans = (e: PlacedLocal): Flow[] =>
  e.addresses.map((address) =>
    flow(
      'forward',
      90,
      { ...flags(['fromFabric'], []), ...inVrf(e, address), eth_dst: mac(e.mac) },
      [],
      dropCookie('vlan-mismatch'),
    ),
  );

/** How endpoints that are not here are reached. */
export interface WaysOut {
  /** Port of the tunnel that leads to this one. */
  readonly tunnel?: number;
  /** From sources with an uplink it is reached by the fabric. */
  readonly fabric: boolean;
  /** Behind some port of this bridge there is a switch that routes: of a leaf. */
  readonly routedSources: boolean;
}

/** To an endpoint elsewhere. What came out of a tunnel or from the fabric never goes back into either. */
export function forwardToRemote(e: PlacedRemote, { tunnel, fabric, routedSources }: WaysOut): Flow[] {
  const toFabric = [load('destinationClass', e.class.classId), setFlags('toFabric'), goto('conntrack')];
  const toTunnel = (port: number): Action[] => [
    load('destinationClass', e.class.classId),
    load('outputPort', port),
    setFlags('toTunnel'),
    set('tun_dst', ip4(e.underlay)),
    goto('conntrack'),
  ];
  const fromUplinked = flags(['hasUplink'], [...ARRIVED, 'routed']);
  return e.addresses.flatMap((address) => [
    ...(fabric ? forward(PRIORITY.fabric, e, address, fromUplinked, toFabric) : []),
    ...(tunnel === undefined ? [] : forward(PRIORITY.tunnel, e, address, NOT_ROUTED, toTunnel(tunnel))),
    ...(tunnel === undefined || !routedSources
      ? []
      : [forwardRouted(PRIORITY.tunnel, e, address, flags(['routed'], ARRIVED), toTunnel(tunnel))]),
  ]);
}

/** From a neighbour in the bridge domain as it is, and from anywhere in the VRF through the gateway. */
function forward(
  priority: number,
  e: PlacedEndpoint,
  address: string,
  from: Match,
  actions: readonly Action[],
): Flow[] {
  return [
    flow(
      'forward',
      priority,
      { ...from, ...is('bridgeDomain', e.class.bridgeDomain), eth_dst: mac(e.mac), ...IP, ip_dst: ip4(address) },
      actions,
      e.cookie,
    ),
    flow(
      'forward',
      priority,
      { ...from, ...inVrf(e, address), eth_dst: mac(GATEWAY_MAC) },
      [set('eth_src', mac(GATEWAY_MAC)), set('eth_dst', mac(e.mac)), { type: 'dec_ttl' }, ...actions],
      e.cookie,
    ),
  ];
}

/** The frame carries the endpoint's MAC already, whatever bridge domain it comes from. */
const forwardRouted = (
  priority: number,
  e: PlacedEndpoint,
  address: string,
  from: Match,
  actions: readonly Action[],
): Flow => flow('forward', priority, { ...from, ...inVrf(e, address), eth_dst: mac(e.mac) }, actions, e.cookie);

const inVrf = (e: PlacedEndpoint, address: string): Match => ({
  ...is('vrf', e.class.vrf),
  ...IP,
  ip_dst: ip4(address),
});

/** The gateway answers a ping from its own bridge domain. */
export const answerPing = (bd: ResolvedBridgeDomain): Flow[] =>
  enforceableGateways(bd.gateways).map((gateway) =>
    flow(
      'forward',
      200,
      {
        ...NOT_ROUTED,
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
  flow('forward', 300, { ...flags([], ARRIVED), ...IP, ip_dst: ip4(HOST_LINK_ADDRESS) }, [goto('host-link')]),
  otherwiseDrop('forward', 'no-destination'),
];
