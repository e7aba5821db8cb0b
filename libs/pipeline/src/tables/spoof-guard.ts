import type { Flow } from '../openflow/flow';
import { ip4, mac } from '../addresses';
import type { PlacedLocal } from '../index-endpoints';
import { ARP, flow, goto, IP, otherwiseDrop, UNTAGGED } from './shared';

/** Admits what a local endpoint may send: IP from its own addresses and ARP about itself, from its own MAC, untagged. */
export function admitLocal(e: PlacedLocal): Flow[] {
  const origin = { in_port: BigInt(e.port), eth_src: mac(e.mac), ...UNTAGGED };
  return e.addresses.flatMap((address) => [
    flow('spoof-guard', 100, { ...origin, ...IP, ip_src: ip4(address) }, [goto('forward')], e.cookie),
    flow(
      'spoof-guard',
      100,
      { ...origin, ...ARP, arp_sha: mac(e.mac), arp_spa: ip4(address) },
      [goto('arp-responder')],
      e.cookie,
    ),
  ]);
}

export const spoofGuardFixed: readonly Flow[] = [otherwiseDrop('spoof-guard', 'spoofed-source')];
