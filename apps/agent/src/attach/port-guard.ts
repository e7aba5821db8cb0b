import { systemClock, type Clock, type NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { PORT_PREFIX } from './ovs/port-names';

const TABLE = 'heddle-ports';
const FAMILIES = ['inet', 'arp'] as const;
/** Whoever loads a firewall anew removes what others put there. */
const CHECK_MS = 2_000;

/** Interfaces whose frames are for the switch alone; `*` at the end of a name stands for any rest. */
export type GuardedInterfaces = readonly string[];

/** The ports of endpoints, those to come as well. */
export const ENDPOINT_PORTS: GuardedInterfaces = [`${PORT_PREFIX}*`];

/**
 * What an endpoint sends is for the switch alone. With a user-space datapath the host's own protocol stack sees it as well: it
 * would answer ARP for the host's addresses, take broadcasts, and speak IPv6 with the endpoint over link-local addresses, all
 * of it around every contract. These rules end that in both directions; the switch reads and writes its ports before them, and
 * children of an uplink get their frames before them, too.
 */
export const portGuardScript = (interfaces: GuardedInterfaces): string =>
  [
    // Added first so that there is something to delete: the whole is one transaction, and may be applied again.
    ...FAMILIES.flatMap((family) => [`add table ${family} ${TABLE}`, `delete table ${family} ${TABLE}`]),
    ...table('inet', 'prerouting', interfaces),
    ...table('arp', 'input', interfaces),
    '',
  ].join('\n');

/** As nft writes them when it lists them. */
const arriving = (interfaces: GuardedInterfaces): string[] => interfaces.map((name) => `iifname "${name}" drop`);
const leaving = (interfaces: GuardedInterfaces): string[] => interfaces.map((name) => `oifname "${name}" drop`);

function table(
  family: (typeof FAMILIES)[number],
  arrival: 'prerouting' | 'input',
  interfaces: GuardedInterfaces,
): string[] {
  const chain = (name: string, hook: string, rules: readonly string[]): string =>
    `  chain ${name} { type filter hook ${hook} priority -300; policy accept; ${rules.map((rule) => `${rule}; `).join('')}}`;
  return [
    `table ${family} ${TABLE} {`,
    chain('arriving', arrival, arriving(interfaces)),
    chain('leaving', 'output', leaving(interfaces)),
    '}',
  ];
}

/**
 * Puts the guard in place unless it is there with exactly its rules: a table whose chains were emptied guards nothing.
 * @returns whether it was missing or not whole
 */
export async function ensurePortGuard(nft: NftCommand, interfaces: GuardedInterfaces): Promise<boolean> {
  const wanted = [...arriving(interfaces), ...leaving(interfaces)].join('\n');
  for (const family of FAMILIES) {
    const found = await nft.rules(`${family} ${TABLE}`);
    if (found?.join('\n') === wanted) continue;
    await nft.apply(portGuardScript(interfaces));
    return true;
  }
  return false;
}

export interface PortGuardOptions {
  /** What is to be guarded at the moment. */
  readonly interfaces: () => GuardedInterfaces;
  /** Somebody had removed or changed the guard; it is back. */
  readonly onMissing: () => void;
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'every'>;
}

/** Looks at the guard from time to time, and puts it back when it is not whole. Returns what ends that. */
export function keepPortGuard(nft: NftCommand, options: PortGuardOptions): () => void {
  const { interfaces, onMissing, onError, clock = systemClock } = options;
  let looking = false;
  const timer = clock.every(CHECK_MS, () => {
    if (looking) return;
    looking = true;
    ensurePortGuard(nft, interfaces())
      .then((missing) => {
        if (missing) onMissing();
      })
      .catch((error: unknown) => onError(HeddleError.from(error)))
      .finally(() => (looking = false));
  });
  return () => timer.cancel();
}
