import { randomUUID } from 'node:crypto';
import type { Clock } from '@heddle/host';
import {
  ChangeLogWriter,
  FencedBucket,
  Lease,
  openLeases,
  subjects,
  type BucketView,
  type BusPort,
  type BusRequest,
  type BusSubscription,
  type LogPort,
  type RequestContext,
  type SavedEntry,
  type StorePort,
  type Term,
} from '@heddle/messaging';
import {
  HeddleError,
  parseObject,
  type AdmitResult,
  type AnyObject,
  type Change,
  type ChangeRequest,
  type LoggedChange,
} from '@heddle/model';
import { methodHandler, type Log, type Readiness, type RpcClient, type ServiceMetrics } from '@heddle/service';
import type { DesiredState } from '../state/desired-state';
import type { StoreGuard } from '../store/store-guard';
import { firstChange } from './first-objects';
import { Reign } from './reign';

export interface CoordinatorOptions {
  readonly bus: BusPort;
  readonly store: StorePort;
  readonly guard: StoreGuard;
  readonly desired: DesiredState;
  readonly rpc: RpcClient;
  readonly metrics: ServiceMetrics;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that the lease lasts without being renewed. */
  readonly leaseMs: number;
  /** Tells the world what happened. It is not waited for. */
  readonly announce: (change: LoggedChange) => void;
}

/** The log that is coordinated, and the view of it that is saved for all gateways. */
export interface CoordinatedLog {
  readonly changes: LogPort<Change>;
  readonly view: BucketView<AnyObject>;
  /** The bucket of the saved view. */
  readonly bucket: string;
  /** Looks whether the store is the right one. @throws HeddleError `state` when it is not */
  readonly checkStore: () => Promise<void>;
}

const CATCH_UP_MS = 30_000;
const RETRY_MS = 500;

/**
 * The one who admits changes, among all gateways: the holder of the lease `coordinator`. While it leads, it answers
 * `gateway.admit`; nobody else does.
 */
export class Coordinator {
  private lease: Lease | undefined;
  private subject: CoordinatedLog | undefined;
  private reign: Reign | undefined;
  private reigning: Promise<void> = Promise.resolve();
  private stopping = new AbortController();

  constructor(private readonly options: CoordinatorOptions) {}

  /** Whether changes can be admitted here, now. */
  get leads(): boolean {
    return this.reign !== undefined;
  }

  /** @throws HeddleError `state` when nothing may be written to this store */
  checkStore(): void {
    this.options.guard.checkWritable();
  }

  /** Admits a change here. @throws HeddleError `unavailable` when this is not the coordinator (any more) */
  async admit(
    request: ChangeRequest,
    caller: RequestContext,
    limits: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<AdmitResult> {
    this.checkStore();
    const { reign } = this;
    if (reign) return reign.admit(request, caller, limits);
    throw new HeddleError('unavailable', 'this gateway does not coordinate changes now; nothing was changed');
  }

  /** Waits until this process has seen what is in the log now. */
  async catchUp(deadlineMs: number): Promise<void> {
    const { subject } = this;
    if (!subject) throw new HeddleError('unavailable', 'the log of changes cannot be read now');
    await this.options.desired.whenAt(await subject.changes.lastPosition(), deadlineMs);
  }

  /** Wants the lease from now on, for a store that is in order. */
  async begin(subject: CoordinatedLog): Promise<void> {
    const { store, bus, clock, log, leaseMs } = this.options;
    this.subject = subject;
    this.stopping = new AbortController();
    const lease = new Lease({
      bucket: await openLeases(store),
      name: 'coordinator',
      holder: `${bus.name}/${process.pid}`,
      clock,
      ttlMs: leaseMs,
    });
    lease.onAcquired((term) => {
      log.info({ epoch: term.epoch }, 'coordinating changes');
      this.reigning = this.reignFor(term, subject);
    });
    lease.onLost((_term, why) => log.info({ err: why }, 'no longer coordinating changes'));
    lease.onTrouble((error) => log.debug({ err: error }, 'lease coordinator'));
    this.lease = lease.start();
  }

  /** Gives the lease back and finishes. */
  async end(): Promise<void> {
    this.stopping.abort(new HeddleError('unavailable', 'this gateway stops coordinating changes'));
    this.reign?.finish(HeddleError.from(this.stopping.signal.reason));
    const { lease } = this;
    this.lease = undefined;
    this.subject = undefined;
    await this.reigning;
    await lease?.close();
  }

  watch(readiness: Readiness): void {
    const check = (): true | string => (this.leads ? true : 'another gateway coordinates changes, or none yet');
    readiness.add('coordinator', check, { advisory: true });
  }

  private async reignFor(term: Term, subject: CoordinatedLog): Promise<void> {
    const { clock, log } = this.options;
    const stopped = AbortSignal.any([term.signal, this.stopping.signal]);
    while (!stopped.aborted) {
      try {
        const why = await this.reignOnce(term, subject, stopped);
        if (!stopped.aborted) log.warn({ err: why }, 'reading the log again before anything is built on it');
      } catch (error) {
        if (stopped.aborted) return;
        log.warn({ err: error }, 'not ready to coordinate changes');
        await clock.sleep(RETRY_MS, stopped).catch(() => undefined);
      }
    }
  }

  /** From the first write, which shuts out every earlier coordinator, to the reason why it is over. */
  private async reignOnce(term: Term, subject: CoordinatedLog, signal: AbortSignal): Promise<HeddleError> {
    const { store, desired, guard, rpc, clock, log, announce } = this.options;
    const { changes } = subject;
    await subject.checkStore();
    await guard.establish();
    const writer = await ChangeLogWriter.openWriter<Change>({ store, term, clock, create: false });
    const onCommitted = async (change: LoggedChange): Promise<void> => {
      announce(change);
      await guard.record(change.position);
    };
    const reign = new Reign({ term, changes, writer, desired, rpc, clock, log, onCommitted });
    let served: BusSubscription | undefined;
    let saved: Promise<() => Promise<void>> | undefined;
    try {
      // Nobody else can add to the log any more, so this is its end.
      const position = await changes.lastPosition();
      await desired.whenAt(position, CATCH_UP_MS, signal);
      if (position === 0) await this.writeFirst(reign, writer.nextPosition);
      await guard.record(desired.position);
      served = this.serve(reign);
      saved = this.saveView(term, subject);
      this.reign = reign;
      return await reign.over;
    } finally {
      reign.finish(new HeddleError('unavailable', 'this gateway has stopped coordinating changes'));
      if (this.reign === reign) this.reign = undefined;
      await served?.close();
      await (
        await saved
      )?.();
    }
  }

  /** The objects of a cluster in whose log nothing was ever written. */
  private async writeFirst(reign: Reign, position: number): Promise<void> {
    await reign.writeOwn(firstChange(position, new Date(this.options.clock.now()).toISOString(), randomUUID()));
  }

  /** Saves desired state as it goes on. Failing costs the next start some time, and nothing else. */
  private async saveView(term: Term, { view, bucket }: CoordinatedLog): Promise<() => Promise<void>> {
    const { store, clock, log } = this.options;
    try {
      const writer = await FencedBucket.open<SavedEntry<AnyObject>>({ store, bucket, term, clock });
      const stop = async (): Promise<void> => {
        await view.saveWith(undefined);
        writer.close();
      };
      await view.saveWith(writer).catch(async (error: unknown) => {
        await stop();
        throw error;
      });
      return stop;
    } catch (error) {
      log.warn({ err: error }, 'desired state is not saved; the next start reads the log instead');
      return async () => undefined;
    }
  }

  /** Other gateways, and services that act for joining hosts, ask here. */
  private serve(reign: Reign): BusSubscription {
    const { bus, log, metrics } = this.options;
    const admit = (body: unknown, request: BusRequest): Promise<AdmitResult> => {
      this.checkStore();
      const { signal, context } = request;
      return reign.admit(readChangeRequest(body), context, { deadlineMs: request.remainingMs(), signal });
    };
    const handler = methodHandler('gateway.admit', admit, { log, metrics });
    return bus.serve(subjects.rpc('gateway', 'admit'), { queue: 'gateway' }, handler);
  }
}

/** The services are trusted to send what the types say; a mistake of theirs must not become part of the log. */
function readChangeRequest(body: unknown): ChangeRequest {
  const request = body as Partial<ChangeRequest> | null;
  if (typeof request?.verb === 'string' && Array.isArray(request.puts) && Array.isArray(request.deletes)) {
    return { ...(request as ChangeRequest), puts: request.puts.map(parseObject) };
  }
  throw new HeddleError('invalid', 'gateway.admit needs verb, puts and deletes');
}
