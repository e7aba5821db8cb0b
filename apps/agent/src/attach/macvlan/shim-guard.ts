import type { PacketGuard } from '../packet-guard';
import { SHIM_PREFIX } from './link-names';

/**
 * A shim is the host in an EPG, with one address, and nothing else of the host. Without these rules its containers would reach
 * every other address of the host through it, and have the host forward their packets to wherever it can: around every contract.
 */
export const SHIM_GUARD: PacketGuard = {
  table: 'heddle-shims',
  families: {
    inet: [
      { name: 'arriving', hook: 'prerouting', rule: `iifname "${SHIM_PREFIX}*" fib daddr . iif type != local drop` },
      { name: 'passing', hook: 'forward', rule: `iifname "${SHIM_PREFIX}*" drop` },
      { name: 'leaving', hook: 'forward', rule: `oifname "${SHIM_PREFIX}*" drop` },
    ],
  },
};
