import type { Flow } from '../openflow/flow';
import { REGISTER, SWAP_CLASSES } from '../registers';
import { tableNumber } from '../tables';
import { dropCookie } from '../cookie';
import { ctState, flow, goto, IP, otherwiseDrop } from './shared';

const zone = { field: REGISTER.vrf, offset: 0, bits: 16 } as const;

/**
 * Connections. The contract table sees every packet of both directions: for a reply the two classes are exchanged, so that
 * one rule, written for the opener, decides both. Taking the rule away therefore ends the connection at the next packet,
 * whoever sends it, with nothing to flush.
 */
export const connectionFixed: readonly Flow[] = [
  flow('conntrack', 100, IP, [{ type: 'ct', zone, table: tableNumber('connection-state') }]),
  otherwiseDrop('conntrack', 'not-ip'),

  flow('connection-state', 200, { ...ctState(['trk', 'inv']), ...IP }, [], dropCookie('invalid-connection-state')),
  flow('connection-state', 150, { ...ctState(['trk', 'rpl']), ...IP }, [...SWAP_CLASSES, goto('contract')]),
  flow('connection-state', 140, { ...ctState(['trk']), ...IP }, [goto('contract')]),
  otherwiseDrop('connection-state', 'invalid-connection-state'),

  flow('commit', 150, { ...ctState(['trk', 'rpl']), ...IP }, [...SWAP_CLASSES, goto('output')]),
  flow('commit', 140, { ...ctState(['trk', 'new']), ...IP }, [{ type: 'ct', commit: true, zone }, goto('output')]),
  flow('commit', 0, {}, [goto('output')]),
];
