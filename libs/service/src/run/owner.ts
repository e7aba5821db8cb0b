import { hostname } from 'node:os';
import { BucketView, ChangeLog, Lease, openLeases, type ClusterIdentity, type Term } from '@heddle/messaging';
import { HeddleError, type AnyObject, type Change, type Kind } from '@heddle/model';
import { Leadership, type Reign } from './leadership';
import { ownView } from './own-view';
import type { ServiceContext } from './service';

/** How long a question waits for the view to come to the position that it is about. */
const CATCH_UP_MS = 4_000;

/** How long hosts have, after a store was accepted, to say what they hold. They are told at once and answer within a second. */
const SETTLING_MS = 5_000;

/** What the holder of the lease begins with. */
export interface Ownership {
  readonly term: Term;
  readonly view: BucketView<AnyObject>;
  readonly identity: ClusterIdentity;
  /**
   * A store that was accepted as it is may not know of numbers and address blocks that hosts hold: false until they had the
   * time to say so. Nothing that must be given once only is given before.
   */
  readonly settled: () => boolean;
  /** Ends what was begun and begins anew, for a failure that only a fresh start mends. */
  readonly restart: (error: HeddleError) => void;
}

export interface OwnerSettings<R extends Reign> {
  /** Of the service and of its lease. */
  readonly name: string;
  /** Where the view is saved. */
  readonly bucket: string;
  /** Kinds that the view keeps: its own, and those it has to know for them. */
  readonly kinds: readonly Kind[];
  /** What the holder of the lease does, until it is stopped. */
  readonly begin: (ownership: Ownership) => Promise<R>;
}

/**
 * An owner of objects: every instance follows the log and answers questions by its view; the holder of the lease also writes
 * what is derived from it.
 */
export class Owner<R extends Reign> {
  private constructor(
    readonly view: BucketView<AnyObject>,
    private readonly leadership: Leadership<{ readonly reign: R; stop(): Promise<void> }>,
    private readonly stopping: AbortController,
    private readonly name: string,
  ) {}

  static async start<R extends Reign>(context: ServiceContext, settings: OwnerSettings<R>): Promise<Owner<R>> {
    const { store, clock, log, readiness, leaseMs } = context;
    const { name, bucket, kinds, begin } = settings;
    const selected = new Set<string>(kinds);
    const changes = await ChangeLog.open<Change>({ store, clock });
    const view = await BucketView.open<AnyObject>({
      store,
      changes,
      bucket,
      select: (key) => selected.has(key.slice(0, key.indexOf('/'))),
      clock,
    });
    const leases = await openLeases(store);
    const lease = new Lease({
      bucket: leases,
      name,
      holder: `${name}@${hostname()}/${process.pid}`,
      ttlMs: leaseMs,
      clock,
    });
    const stopping = new AbortController();
    const restart = (error: HeddleError): void => leadership.restart(error);
    const leadership = new Leadership(lease, {
      clock,
      log,
      begin: async (term) => {
        const owned = await ownView({
          store,
          clock,
          log,
          view,
          bucket,
          term,
          signal: stopping.signal,
          onChanged: restart,
        });
        const { identity } = owned;
        const since = clock.monotonic();
        const settled = (): boolean => identity.incarnation === 1 || clock.monotonic() - since >= SETTLING_MS;
        try {
          const reign = await begin({ term, view, identity, settled, restart });
          return {
            reign,
            stop: async () => {
              await reign.stop();
              owned.stop();
            },
          };
        } catch (error) {
          owned.stop();
          throw error;
        }
      },
    });
    leadership.start();
    readiness.add('view', () => view.problem ?? true);
    readiness.add('lease', () => (leadership.current ? true : 'another instance holds the lease, or none does yet'), {
      advisory: true,
    });
    return new Owner(view, leadership, stopping, name);
  }

  /** What the holder of the lease does, if it is this instance. */
  get reign(): R | undefined {
    return this.leadership.current?.reign;
  }

  /** @throws HeddleError `unavailable` while another instance holds the lease */
  require(): R {
    return this.leadership.require(`the ${this.name} service`).reign;
  }

  /** The view at a position or later. @throws HeddleError `deadline` */
  async at(position: number): Promise<ReadonlyMap<string, AnyObject>> {
    await this.view.waitFor(position, CATCH_UP_MS);
    return this.view.entries;
  }

  async stop(): Promise<void> {
    this.stopping.abort(new HeddleError('unavailable', `the ${this.name} service is stopping`));
    await this.leadership.stop();
    await this.view.close();
  }
}
