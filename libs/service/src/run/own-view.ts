import type { Clock } from '@heddle/host';
import {
  FencedBucket,
  type BucketView,
  type ClusterIdentity,
  type SavedEntry,
  type StorePort,
  type Term,
} from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import type { Log } from '../logging/log';
import { watchIdentity, whenIdentified } from './follow-identity';

const CATCH_UP_MS = 10_000;

export interface OwnViewParts<T> {
  readonly store: StorePort;
  readonly clock: Clock;
  readonly log: Log;
  readonly view: BucketView<T>;
  /** The bucket in which the view is saved. */
  readonly bucket: string;
  readonly term: Term;
  readonly signal: AbortSignal;
  /** The store was accepted anew: everything that was derived from it has to begin anew. */
  readonly onChanged: (why: HeddleError) => void;
}

/**
 * What every owner of objects does first when it takes its lease: it learns which cluster it belongs to, waits until its view
 * shows everything that is in the log (deciding on less would take what is not known yet for missing), and saves the view from
 * then on.
 */
export async function ownView<T>(parts: OwnViewParts<T>): Promise<{ identity: ClusterIdentity; stop: () => void }> {
  const { store, clock, log, view, bucket, term, signal, onChanged } = parts;
  const identity = await whenIdentified(store, clock, AbortSignal.any([signal, term.signal]));
  await view.whenCaughtUp(CATCH_UP_MS);
  const saved = await FencedBucket.open<SavedEntry<T>>({ store, bucket, term, clock });
  await view.saveWith(saved);
  const watch = watchIdentity(store, identity, {
    clock,
    log,
    onChanged: () => onChanged(new HeddleError('state', 'the store was accepted anew')),
  });
  return {
    identity,
    stop: () => {
      watch.cancel();
      void view.saveWith(undefined);
      saved.close();
    },
  };
}
