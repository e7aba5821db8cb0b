import { parseCidr, maskOf, type ResolvedBridgeDomain } from '@heddle/model';
import {
  GATEWAY_MAC,
  HOST_LINK_ADDRESS,
  LINK_NETWORK,
  enforceableGateways,
  gatewayAddress,
  ip4,
  mac,
} from '../addresses';
import { objectCookie } from '../cookie';
import type { PlacedEndpoint } from '../index-endpoints';
import type { Action, Flow } from '../openflow/flow';
import { is } from '../registers';
import { ARP, BACK, copy, flow, otherwiseDrop, set } from './shared';

/** Turns the request in hand into the reply "`address` is at `owner`" and sends it back. */
const reply = (owner: bigint, address: readonly Action[]): Action[] => [
  copy('eth_src', 'eth_dst', 48),
  set('eth_src', owner),
  set('arp_op', 2n),
  copy('arp_sha', 'arp_tha', 48),
  ...address,
  set('arp_sha', owner),
  BACK,
];

const replyFor = (owner: string, address: bigint): Action[] =>
  reply(mac(owner), [copy('arp_spa', 'arp_tpa', 32), set('arp_spa', address)]);

const request = { ...ARP, arp_op: 1n };

/** Every known endpoint of the bridge domain is answered for; the flow goes with the endpoint, and so does the answer. */
export const answerForEndpoint = (e: PlacedEndpoint): Flow[] =>
  e.addresses.map((address) =>
    flow(
      'arp-responder',
      100,
      { ...request, ...is('bridgeDomain', e.class.bridgeDomain), arp_tpa: ip4(address) },
      replyFor(e.mac, ip4(address)),
      e.cookie,
    ),
  );

/** The gateways of a bridge domain answer with the anycast MAC. */
export const answerForGateways = (bd: ResolvedBridgeDomain): Flow[] =>
  enforceableGateways(bd.gateways).map((gateway) =>
    flow(
      'arp-responder',
      110,
      { ...request, ...is('bridgeDomain', bd.id), arp_tpa: gatewayAddress(gateway) },
      replyFor(GATEWAY_MAC, gatewayAddress(gateway)),
      objectCookie(`bd/${bd.path}`),
    ),
  );

/** The host resolves the link address of any endpoint to the gateway MAC. */
export function answerOnHostLink(port: number): Flow {
  const network = parseCidr(LINK_NETWORK);
  if (!network) throw new RangeError(`bad link network ${LINK_NETWORK}`);
  const match = {
    in_port: BigInt(port),
    ...request,
    arp_spa: ip4(HOST_LINK_ADDRESS),
    arp_tpa: { value: network.value, mask: maskOf(4, network.prefix) },
  };
  // The asked-for address becomes the sender of the reply; the host's own address, known here, its target.
  return flow(
    'arp-responder',
    120,
    match,
    reply(mac(GATEWAY_MAC), [copy('arp_tpa', 'arp_spa', 32), set('arp_tpa', ip4(HOST_LINK_ADDRESS))]),
  );
}

export const arpResponderFixed: readonly Flow[] = [otherwiseDrop('arp-responder', 'unanswered-arp')];
