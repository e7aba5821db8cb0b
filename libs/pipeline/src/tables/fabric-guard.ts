import { ip4 } from '../addresses';
import { objectCookie } from '../cookie';
import type { PlacedLocal, PlacedRemote } from '../index-endpoints';
import type { Flow } from '../openflow/flow';
import { is, load, setFlags } from '../registers';
import { flow, goto, IP, otherwiseDrop, POP_VLAN, tagged, UNTAGGED } from './shared';

/**
 * Admits what arrives on an uplink in the VLAN of an EPG that has endpoints here. A leaf sends in the VLAN of the
 * destination, so the class that this stands for is what the destination must turn out to have.
 */
export const admitVlan = (e: PlacedLocal, uplink: { readonly port: number; readonly vlan: number }): Flow =>
  flow(
    'fabric-guard',
    100,
    { in_port: BigInt(uplink.port), ...tagged(uplink.vlan) },
    [
      POP_VLAN,
      load('destinationClass', e.class.classId),
      load('vrf', e.class.vrf),
      setFlags('fromFabric', 'routed'),
      goto('fabric-source'),
    ],
    objectCookie(`class/${e.epg}`),
  );

/** Finds who sent it by its address in the VRF: the leaf that delivered it has checked where it came in. */
export const admitFromFabric = (e: PlacedRemote): Flow[] =>
  e.addresses.map((address) =>
    flow(
      'fabric-source',
      100,
      { ...is('vrf', e.class.vrf), ...UNTAGGED, ...IP, ip_src: ip4(address) },
      [load('sourceClass', e.class.classId), load('bridgeDomain', e.class.bridgeDomain), goto('forward')],
      e.cookie,
    ),
  );

export const fabricGuardFixed: readonly Flow[] = [
  otherwiseDrop('fabric-guard', 'unknown-vlan'),
  otherwiseDrop('fabric-source', 'unknown-fabric-source'),
];
