import { PORT_PREFIX } from './ovs/port-names';
import type { GuardChain, PacketGuard } from './packet-guard';

/** The ports of endpoints, those to come as well; `*` at the end of a name stands for any rest. */
export const ENDPOINT_PORTS = [`${PORT_PREFIX}*`] as const;

/**
 * What an endpoint sends is for the switch alone. With a user-space datapath the host's own protocol stack sees it as well: it
 * would answer ARP for the host's addresses, take broadcasts, and speak IPv6 with the endpoint over link-local addresses, all
 * of it around every contract. These rules end that in both directions; the switch reads and writes its ports before them, and
 * children of an interface get their frames before them, too.
 *
 * @param interfaces whose frames are for the switch, or for children, alone
 */
export const portGuard = (interfaces: readonly string[]): PacketGuard => ({
  table: 'heddle-ports',
  families: { inet: chains('prerouting', interfaces), arp: chains('input', interfaces) },
});

const chains = (arrival: 'prerouting' | 'input', interfaces: readonly string[]): GuardChain[] => [
  { name: 'arriving', hook: arrival, rules: interfaces.map((name) => `iifname "${name}" drop`) },
  { name: 'leaving', hook: 'output', rules: interfaces.map((name) => `oifname "${name}" drop`) },
];
