import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { HostAddresses } from './addresses';
import type { AttachmentDriver } from './attachment-driver';
import type { Journal, JournalEndpoint } from './journal';
import { isAnonymous } from './options';

/** Longer than the engine takes from creating an endpoint to joining it, with every retry it makes. */
const YOUNG_MS = 10 * 60_000;
const COLLECT_MS = 60_000;

export interface CollectParts {
  readonly journal: Journal;
  readonly addresses: HostAddresses;
  readonly attachments: Pick<AttachmentDriver, 'gone' | 'detach'>;
  readonly now: () => number;
}

/**
 * Forgets endpoints whose device is gone. The engine tells of an endpoint's end only once, and not at all when the daemon was
 * away longer than it retries; but an endpoint's device dies with its container, so one without a device is over.
 *
 * @returns the endpoints that were forgotten
 */
export async function collect({ journal, addresses, attachments, now }: CollectParts): Promise<JournalEndpoint[]> {
  const old = Object.values(journal.state.endpoints).filter((e) => now() - Date.parse(e.since) > YOUNG_MS);
  const forgotten: JournalEndpoint[] = [];
  for (const endpoint of await attachments.gone(old)) {
    // The engine may have ended it since, or made it anew: then its address is no longer ours to release.
    if (journal.state.endpoints[endpoint.endpointId] !== endpoint) continue;
    await attachments.detach(endpoint);
    await journal.removeEndpoint(endpoint.endpointId);
    forgotten.push(endpoint);
    // That of an allocation is the agent's to give back.
    const owner = addresses.owner(endpoint.bridgeDomain, endpoint.address);
    if (owner !== undefined && isAnonymous(owner)) await addresses.release(owner);
  }
  return forgotten;
}

/** Collects now and again from time to time. Returns what ends that. */
export function keepCollecting(
  collectOnce: () => Promise<void>,
  onError: (error: HeddleError) => void,
  clock: Pick<Clock, 'every'> = systemClock,
): () => void {
  let under = false;
  const run = (): void => {
    if (under) return;
    under = true;
    collectOnce()
      .catch((error: unknown) => onError(HeddleError.from(error)))
      .finally(() => (under = false));
  };
  run();
  const timer = clock.every(COLLECT_MS, run);
  return () => timer.cancel();
}
