import { PORT_PREFIX } from './ovs/port-names';
import type { GuardChain, PacketGuard } from './packet-guard';

const chains = (arrival: 'prerouting' | 'input'): GuardChain[] => [
  { name: 'arriving', hook: arrival, rule: `iifname "${PORT_PREFIX}*" drop` },
  { name: 'leaving', hook: 'output', rule: `oifname "${PORT_PREFIX}*" drop` },
];

/**
 * What an endpoint sends is for the switch alone. With a user-space datapath the host's own protocol stack sees it as well: it
 * would answer ARP for the host's addresses, take broadcasts, and speak IPv6 with the endpoint over link-local addresses, all
 * of it around every contract. These rules end that in both directions; the switch reads and writes its ports before them, and
 * so do the children of a VLAN interface.
 */
export const PORT_GUARD: PacketGuard = {
  table: 'heddle-ports',
  families: { inet: chains('prerouting'), arp: chains('input') },
};
