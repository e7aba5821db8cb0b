import { mac } from '../addresses';
import { dropCookie } from '../cookie';
import type { PlacedLocal } from '../index-endpoints';
import type { Flow } from '../openflow/flow';
import { flags, is, REGISTER, whole } from '../registers';
import { copy, flow, otherwiseDrop, pushVlan, pushVlanOf, TO_IN_PORT } from './shared';

/**
 * Delivers to one local endpoint, tagged as its cable wants it: the counters of these flows are what it received. To the
 * port that a packet came in at it goes back only where several endpoints behind that port may reach each other so.
 */
export function deliver(e: PlacedLocal): Flow[] {
  const to = { ...is('outputPort', e.port), ...is('destinationClass', e.class.classId), eth_dst: mac(e.mac) };
  const tag = e.wire?.vlan === undefined ? [] : pushVlan(e.wire.vlan);
  const samePort = { in_port: BigInt(e.port), ...is('outputPort', e.port) };
  return [
    flow('output', 100, to, [...tag, { type: 'output', port: e.port }], e.cookie),
    flow('output', 110, samePort, [], dropCookie('hairpin-refused')),
    ...(e.wire?.hairpin ? [flow('output', 120, { ...samePort, ...to }, [...tag, TO_IN_PORT], e.cookie)] : []),
  ];
}

/** Into the tunnel with the class of the source as its key, or to the fabric in the VLAN of the source. */
export const outputFixed: readonly Flow[] = [
  flow('output', 200, flags(['toTunnel'], []), [
    // The key has 64 bits of which a VXLAN header carries 24; the upper half must be zero.
    { type: 'set_field', field: 'tun_id', value: 0n },
    copy(REGISTER.sourceClass, 'tun_id', 32),
    { type: 'output_reg', source: whole('outputPort') },
  ]),
  flow('output', 200, flags(['toFabric'], ['toTunnel']), [
    ...pushVlanOf('uplinkVlan'),
    { type: 'output_reg', source: whole('uplinkPort') },
  ]),
  otherwiseDrop('output', 'no-destination'),
];
