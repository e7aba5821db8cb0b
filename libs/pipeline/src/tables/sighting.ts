import { dropCookie } from '../cookie';
import type { Flow } from '../openflow/flow';
import { flow } from './shared';

/**
 * Bounds how many sightings are shown to the agent, whoever sends how much. The switch is made with it, see
 * `DatapathSnapshot.sightings`. Its id is the mark of our cookies, to be nobody else's.
 */
export const SIGHTING_METER = { id: 0x4845, packetsPerSecond: 20, burst: 20 } as const;

/** Shows the packet to the controller where there is a meter to bound that, counts it, and ends it. */
export const sighting = (reported: boolean): Flow =>
  flow(
    'sighting',
    100, // not the lowest: that would be a table miss to OpenFlow, another reason for a packet to be shown
    {},
    reported
      ? [
          { type: 'meter', meter: SIGHTING_METER.id },
          { type: 'output', port: 'controller' },
        ]
      : [],
    dropCookie('address-elsewhere'),
  );
