import type { Flow } from '../openflow/flow';
import { hasFlag, REGISTER, whole } from '../registers';
import { copy, flow } from './shared';

/** To a local port, or into the tunnel with the class of the source as its key. */
export const outputFixed: readonly Flow[] = [
  flow('output', 100, hasFlag('toTunnel'), [
    // The key has 64 bits of which a VXLAN header carries 24; the upper half must be zero.
    { type: 'set_field', field: 'tun_id', value: 0n },
    copy(REGISTER.sourceClass, 'tun_id', 32),
    { type: 'output_reg', source: whole('outputPort') },
  ]),
  flow('output', 0, {}, [{ type: 'output_reg', source: whole('outputPort') }]),
];
