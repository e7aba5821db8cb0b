import type { Flow } from '../openflow/flow';
import { load } from '../registers';
import { ctHostLink } from './host-link';
import { flow, goto, otherwiseDrop } from './shared';
import type { PlacedLocal } from '../index-endpoints';

/** Loads class, bridge domain and VRF by the port that a local endpoint is attached to: never by an address it claims. */
export const classifyLocal = (e: PlacedLocal): Flow =>
  flow(
    'classify',
    100,
    { in_port: BigInt(e.port) },
    [
      load('sourceClass', e.class.classId),
      load('bridgeDomain', e.class.bridgeDomain),
      load('vrf', e.class.vrf),
      goto('spoof-guard'),
    ],
    e.cookie,
  );

export const classifyTunnel = (port: number): Flow =>
  flow('classify', 100, { in_port: BigInt(port) }, [goto('tunnel-guard')]);

export const classifyHostLink = (port: number): Flow[] => [
  flow('classify', 100, { in_port: BigInt(port), eth_type: 0x0806n }, [goto('arp-responder')]),
  flow('classify', 100, { in_port: BigInt(port), eth_type: 0x0800n }, [ctHostLink]),
];

export const classifyFixed: readonly Flow[] = [otherwiseDrop('classify', 'unknown-port')];
