import { systemClock, type Clock, type NftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** Whoever loads a firewall anew removes what others put there. */
const CHECK_MS = 2_000;

/** A chain with one rule, as nft writes it when it lists it. */
export interface GuardChain {
  readonly name: string;
  readonly hook: 'prerouting' | 'input' | 'output' | 'forward';
  readonly rule: string;
}

/** A table of ours in one or more families of the packet filter, with the chains of each. */
export interface PacketGuard {
  readonly table: string;
  readonly families: Readonly<Record<string, readonly GuardChain[]>>;
}

/** Puts all of a guard in place in one transaction, whatever was there of it before. */
export function guardScript({ table, families }: PacketGuard): string {
  return [
    // Added first so that there is something to delete, and the whole may be applied again.
    ...Object.keys(families).flatMap((family) => [`add table ${family} ${table}`, `delete table ${family} ${table}`]),
    ...Object.entries(families).flatMap(([family, chains]) => [
      `table ${family} ${table} {`,
      ...chains.map(({ name, hook, rule }) => `  chain ${name} { type filter hook ${hook} priority -300; policy accept; ${rule}; }`), // prettier-ignore
      '}',
    ]),
    '',
  ].join('\n');
}

/**
 * Puts a guard in place unless it is there with exactly its rules: a table whose chains were emptied guards nothing.
 * @returns whether it was missing or not whole
 */
export async function ensureGuard(nft: NftCommand, guard: PacketGuard): Promise<boolean> {
  for (const [family, chains] of Object.entries(guard.families)) {
    const found = await nft.rules(`${family} ${guard.table}`);
    if (found?.join('\n') === chains.map(({ rule }) => rule).join('\n')) continue;
    await nft.apply(guardScript(guard));
    return true;
  }
  return false;
}

/** Takes a guard away. Harmless when there is none. */
export async function removeGuard(nft: NftCommand, { table, families }: PacketGuard): Promise<void> {
  const each = Object.keys(families).flatMap((family) => [
    `add table ${family} ${table}`,
    `delete table ${family} ${table}`,
  ]);
  await nft.apply([...each, ''].join('\n'));
}

export interface KeepGuardOptions {
  /** Somebody had removed or changed the guard; it is back. */
  readonly onMissing: () => void;
  readonly onError: (error: HeddleError) => void;
  readonly clock?: Pick<Clock, 'every'>;
}

/** Looks at a guard from time to time, and puts it back when it is not whole. Returns what ends that. */
export function keepGuard(nft: NftCommand, guard: PacketGuard, options: KeepGuardOptions): () => void {
  const { onMissing, onError, clock = systemClock } = options;
  let looking = false;
  const timer = clock.every(CHECK_MS, () => {
    if (looking) return;
    looking = true;
    ensureGuard(nft, guard)
      .then((missing) => {
        if (missing) onMissing();
      })
      .catch((error: unknown) => onError(HeddleError.from(error)))
      .finally(() => (looking = false));
  });
  return () => timer.cancel();
}
