import type { Flow, Match } from '../openflow/flow';
import { GATEWAY_MAC, ip4, mac } from '../addresses';
import { dropCookie } from '../cookie';
import type { PlacedEndpoint, PlacedLocal } from '../index-endpoints';
import { is, setFlags } from '../registers';
import { ARP, flow, goto, IP, otherwiseDrop, UNTAGGED } from './shared';

/**
 * Admits what a local endpoint may send: IP from its own addresses and ARP about itself, from its own MAC, at its port, in its
 * VLAN and class, and with no tag inside. Behind a cable to a switch that routes, IP may have the gateway's MAC as well.
 */
export function admitLocal(e: PlacedLocal): Flow[] {
  const place = placeOf(e);
  const sources = e.wire?.routed ? [e.mac, GATEWAY_MAC] : [e.mac];
  const routed = e.wire?.routed ? [setFlags('routed')] : [];
  return e.addresses.flatMap((address) => [
    ...sources.map((source) =>
      flow(
        'spoof-guard',
        100,
        { ...place, eth_src: mac(source), ...IP, ip_src: ip4(address) },
        [...routed, goto('forward')],
        e.cookie,
      ),
    ),
    flow(
      'spoof-guard',
      100,
      { ...place, eth_src: mac(e.mac), ...ARP, arp_sha: mac(e.mac), arp_spa: ip4(address) },
      [goto('arp-responder')],
      e.cookie,
    ),
  ]);
}

/**
 * Finds ARP that claims an address or the MAC of a known endpoint and was not admitted: that endpoint is somewhere else, or
 * two have the same. One that speaks from its own place with its own MAC is no such case, whatever address it tries.
 */
export const watchAddresses = (e: PlacedEndpoint): Flow[] => {
  const claim = { ...is('bridgeDomain', e.class.bridgeDomain), ...UNTAGGED, ...ARP };
  return [
    ...e.addresses.map((address) =>
      flow('spoof-guard', 50, { ...claim, arp_spa: ip4(address) }, [goto('sighting')], e.cookie),
    ),
    flow('spoof-guard', 40, { ...claim, eth_src: mac(e.mac) }, [goto('sighting')], e.cookie),
  ];
};

export const excuseOwnPlace = (e: PlacedLocal): Flow =>
  flow('spoof-guard', 45, { ...placeOf(e), eth_src: mac(e.mac), ...ARP }, [], dropCookie('spoofed-source'));

const placeOf = (e: PlacedLocal): Match => ({
  in_port: BigInt(e.port),
  ...is('sourceClass', e.class.classId),
  ...is('arrivalVlan', e.wire?.vlan ?? 0),
  ...UNTAGGED,
});

export const spoofGuardFixed: readonly Flow[] = [otherwiseDrop('spoof-guard', 'spoofed-source')];
