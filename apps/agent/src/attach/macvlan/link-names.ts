import { linkName } from '@heddle/host';
import { PORT_PREFIX } from '../ovs/port-names';

/**
 * Names of links on the host. Children and VLAN interfaces begin like ports of the switch: what arrives there is not for the
 * host's own protocol stack either, and the port guard goes by that.
 */
export const childName = (endpointId: string): string => linkName(`${PORT_PREFIX}m`, endpointId);
export const vlanName = (uplink: string, vlan: number): string => linkName(`${PORT_PREFIX}v-`, `${uplink}.${vlan}`);

/** The host does speak through these; what a shim lets through, the shim guard says. */
export const SHIM_PREFIX = 'hs_';
export const shimName = (epg: string): string => linkName(SHIM_PREFIX, epg);
