import { systemClock, type Clock, type NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { PORT_PREFIX } from './ovs/port-names';

const TABLE = 'heddle-ports';
const FAMILIES = ['inet', 'arp'] as const;
/** As nft writes them when it lists them. */
const DROP_ARRIVING = `iifname "${PORT_PREFIX}*" drop`;
const DROP_LEAVING = `oifname "${PORT_PREFIX}*" drop`;
/** Whoever loads a firewall anew removes what others put there. */
const CHECK_MS = 2_000;

/**
 * What an endpoint sends is for the switch alone. With a user-space datapath the host's own protocol stack sees it as well: it
 * would answer ARP for the host's addresses, take broadcasts, and speak IPv6 with the endpoint over link-local addresses, all
 * of it around every contract. These rules end that in both directions; the switch reads and writes its ports before them.
 */
export const PORT_GUARD_SCRIPT = [
  // Added first so that there is something to delete: the whole is one transaction, and may be applied again.
  ...FAMILIES.flatMap((family) => [`add table ${family} ${TABLE}`, `delete table ${family} ${TABLE}`]),
  ...table('inet', 'prerouting'),
  ...table('arp', 'input'),
  '',
].join('\n');

function table(family: (typeof FAMILIES)[number], arrival: 'prerouting' | 'input'): string[] {
  return [
    `table ${family} ${TABLE} {`,
    `  chain arriving { type filter hook ${arrival} priority -300; policy accept; ${DROP_ARRIVING}; }`,
    `  chain leaving { type filter hook output priority -300; policy accept; ${DROP_LEAVING}; }`,
    '}',
  ];
}

/**
 * Puts the guard in place unless it is there with exactly its rules: a table whose chains were emptied guards nothing.
 * @returns whether it was missing or not whole
 */
export async function ensurePortGuard(nft: NftCommand): Promise<boolean> {
  const wanted = [DROP_ARRIVING, DROP_LEAVING].join('\n');
  for (const family of FAMILIES) {
    const found = await nft.rules(`${family} ${TABLE}`);
    if (found?.join('\n') === wanted) continue;
    await nft.apply(PORT_GUARD_SCRIPT);
    return true;
  }
  return false;
}

export interface PortGuardOptions {
  /** Somebody had removed or changed the guard; it is back. */
  readonly onMissing: () => void;
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'every'>;
}

/** Looks at the guard from time to time, and puts it back when it is not whole. Returns what ends that. */
export function keepPortGuard(nft: NftCommand, options: PortGuardOptions): () => void {
  const { onMissing, onError, clock = systemClock } = options;
  let looking = false;
  const timer = clock.every(CHECK_MS, () => {
    if (looking) return;
    looking = true;
    ensurePortGuard(nft)
      .then((missing) => {
        if (missing) onMissing();
      })
      .catch((error: unknown) => onError(HeddleError.from(error)))
      .finally(() => (looking = false));
  });
  return () => timer.cancel();
}
