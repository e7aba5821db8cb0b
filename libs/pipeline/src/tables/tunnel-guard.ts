import type { Flow } from '../openflow/flow';
import { ip4 } from '../addresses';
import type { PlacedRemote } from '../index-endpoints';
import { load, setFlags } from '../registers';
import { flow, goto, IP, otherwiseDrop, UNTAGGED } from './shared';

/**
 * Admits what arrives from another host or leaf: the outer source is the one that is known to speak for the inner source, and
 * the tunnel carries that endpoint's class. A host can therefore speak for its own endpoints only.
 */
export const admitRemote = (e: PlacedRemote): Flow[] =>
  e.addresses.map((address) =>
    flow(
      'tunnel-guard',
      100,
      { tun_src: ip4(e.underlay), tun_id: BigInt(e.class.classId), ...IP, ...UNTAGGED, ip_src: ip4(address) },
      [
        load('sourceClass', e.class.classId),
        load('bridgeDomain', e.class.bridgeDomain),
        load('vrf', e.class.vrf),
        setFlags('fromTunnel', 'routed'),
        goto('forward'),
      ],
      e.cookie,
    ),
  );

export const tunnelGuardFixed: readonly Flow[] = [otherwiseDrop('tunnel-guard', 'unknown-tunnel-source')];
