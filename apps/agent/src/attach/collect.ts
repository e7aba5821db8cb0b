import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { HostAddresses } from './addresses';
import type { Attacher } from './attacher';
import { HOST_LINK_INTERFACE } from './host-link';
import type { Journal, JournalEndpoint } from './journal';
import { isAnonymous } from './options';

/** Longer than the engine takes from creating an endpoint to joining it, with every retry it makes. */
const YOUNG_MS = 10 * 60_000;
const COLLECT_MS = 60_000;

export interface CollectParts {
  readonly journal: Journal;
  readonly addresses: HostAddresses;
  readonly attacher: Pick<Attacher, 'detach' | 'devices'>;
  readonly now: () => number;
}

/**
 * Forgets endpoints whose device is gone. The engine tells of an endpoint's end only once, and not at all when the daemon was
 * away longer than it retries; but an endpoint's veth pair dies with its container, so one without a device is over.
 *
 * @returns the endpoints that were forgotten
 */
export async function collect({ journal, addresses, attacher, now }: CollectParts): Promise<JournalEndpoint[]> {
  const devices = await attacher.devices();
  // A list without our own interface is no list to delete anything by.
  if (!devices.has(HOST_LINK_INTERFACE)) return [];
  const gone = Object.values(journal.state.endpoints).filter(
    (e) => !devices.has(e.port) && now() - Date.parse(e.since) > YOUNG_MS,
  );
  for (const endpoint of gone) {
    await attacher.detach(endpoint.port);
    await journal.removeEndpoint(endpoint.endpointId);
    // That of an allocation is the agent's to give back.
    const owner = addresses.owner(endpoint.bridgeDomain, endpoint.address);
    if (owner !== undefined && isAnonymous(owner)) await addresses.release(owner);
  }
  return gone;
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
