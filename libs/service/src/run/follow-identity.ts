import type { Clock, Timer } from '@heddle/host';
import { IdentityRecord, type ClusterIdentity, type StorePort } from '@heddle/messaging';
import type { Log } from '../logging/log';

const LOOK_MS = 1_000;

/** Waits until the store says which cluster it belongs to. The coordinator writes it; everybody else waits. */
export async function whenIdentified(store: StorePort, clock: Clock, signal: AbortSignal): Promise<ClusterIdentity> {
  const record = await IdentityRecord.open(store);
  for (;;) {
    const identity = await record.read();
    if (identity) return identity;
    await clock.sleep(LOOK_MS, signal);
  }
}

/** Calls back when the identity is no longer `known`: the store was accepted anew by an operator. */
export function watchIdentity(
  store: StorePort,
  known: ClusterIdentity,
  parts: { readonly clock: Clock; readonly log: Log; readonly onChanged: (identity: ClusterIdentity) => void },
): Timer {
  let looking = false;
  return parts.clock.every(LOOK_MS, () => {
    if (looking) return;
    looking = true;
    IdentityRecord.open(store)
      .then((record) => record.read())
      .then(
        (found) => {
          if (found && (found.clusterUid !== known.clusterUid || found.incarnation !== known.incarnation))
            parts.onChanged(found);
        },
        (error: unknown) => parts.log.debug({ err: error }, 'identity'),
      )
      .finally(() => (looking = false));
  });
}
