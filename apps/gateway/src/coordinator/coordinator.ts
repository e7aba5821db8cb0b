import { randomUUID } from 'node:crypto';
import type { Clock } from '@heddle/host';
import {
  CasBucket,
  Lease,
  subjects,
  type BusPort,
  type BusRequest,
  type BusSubscription,
  type RequestContext,
  type StorePort,
  type Term,
} from '@heddle/messaging';
import { HeddleError, parseObject, type AdmitResult, type ChangeRequest, type LoggedChange } from '@heddle/model';
import { methodHandler, type Log, type Readiness, type RpcClient, type ServiceMetrics } from '@heddle/service';
import type { DesiredState } from '../state/desired-state';
import type { StoreGuard } from '../store/store-guard';
import type { ChangeLogPort } from './change-log-port';
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
  readonly leaseMs?: number;
  /** Tells the world what happened. It is not waited for. */
  readonly announce: (change: LoggedChange) => void;
}

const CATCH_UP_MS = 30_000;
const RETRY_MS = 500;

/**
 * The one who admits changes, among all gateways: the holder of the lease `coordinator`. While it leads, it answers
 * `gateway.admit`; nobody else does.
 */
export class Coordinator {
  private lease: Lease | undefined;
  private changes: ChangeLogPort | undefined;
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
    if (!reign)
      throw new HeddleError('unavailable', 'this gateway does not coordinate changes now; nothing was changed');
    return reign.admit(request, caller, limits);
  }

  /** Waits until this process has seen what is in the log now. */
  async catchUp(deadlineMs: number): Promise<void> {
    const { changes } = this;
    if (!changes) throw new HeddleError('unavailable', 'the log of changes cannot be read now');
    await this.options.desired.whenAt(await changes.lastPosition(), { deadlineMs });
  }

  /** Wants the lease from now on, for a store that is in order. */
  async begin(changes: ChangeLogPort): Promise<void> {
    const { store, bus, clock, log, leaseMs } = this.options;
    this.changes = changes;
    this.stopping = new AbortController();
    const bucket = await CasBucket.open(store, 'leases', 'Who may write what.');
    const holder = `${bus.name}/${process.pid}`;
    const lease = new Lease({
      bucket,
      name: 'coordinator',
      holder,
      clock,
      ...(leaseMs === undefined ? {} : { ttlMs: leaseMs }),
    });
    lease.onAcquired((term) => {
      log.info({ epoch: term.epoch }, 'coordinating changes');
      this.reigning = this.reignFor(term);
    });
    lease.onLost((_term, why) => log.warn({ err: why }, 'no longer coordinating changes'));
    lease.onTrouble((error) => log.debug({ err: error }, 'lease coordinator'));
    this.lease = lease.start();
  }

  /** Gives the lease back and finishes. */
  async end(): Promise<void> {
    this.stopping.abort();
    this.reign?.finish(new HeddleError('unavailable', 'this gateway stops'));
    const { lease } = this;
    this.lease = undefined;
    await lease?.close();
    await this.reigning;
  }

  watch(readiness: Readiness): void {
    readiness.add('coordinator', () => (this.leads ? true : 'another gateway coordinates changes, or none yet'), {
      advisory: true,
    });
  }

  private async reignFor(term: Term): Promise<void> {
    const { clock, log } = this.options;
    const stopped = AbortSignal.any([term.signal, this.stopping.signal]);
    while (!stopped.aborted) {
      try {
        const why = await this.reignOnce(term, stopped);
        if (!stopped.aborted) log.warn({ err: why }, 'reading the log again after a write that failed');
      } catch (error) {
        if (stopped.aborted) return;
        log.warn({ err: error }, 'not ready to coordinate changes');
        await clock.sleep(RETRY_MS, stopped).catch(() => undefined);
      }
    }
  }

  private async reignOnce(term: Term, signal: AbortSignal): Promise<HeddleError> {
    const { desired, guard, rpc, clock, log, announce } = this.options;
    const changes = this.changes as ChangeLogPort;
    const writer = await changes.write(term);
    let served: BusSubscription | undefined;
    const reign = new Reign({
      term,
      changes,
      writer,
      desired,
      rpc,
      clock,
      log,
      onCommitted: async (change) => {
        announce(change);
        await guard.record(change.position);
      },
    });
    try {
      await guard.establish();
      await desired.whenAt(writer.base, { deadlineMs: CATCH_UP_MS, signal });
      if (writer.base === 0) await this.writeFirst(reign, writer.nextPosition);
      await guard.record(desired.position);
      served = this.serve(reign);
      this.reign = reign;
      return await reign.over;
    } finally {
      reign.finish(new HeddleError('unavailable', 'this gateway has stopped coordinating changes'));
      if (this.reign === reign) this.reign = undefined;
      await served?.close();
    }
  }

  private async writeFirst(reign: Reign, position: number): Promise<void> {
    const at = new Date(this.options.clock.now()).toISOString();
    await reign.writeOwn(firstChange(position, at, randomUUID()));
  }

  /** Other gateways, and services that act for joining hosts, ask here. */
  private serve(reign: Reign): BusSubscription {
    const { bus, log, metrics } = this.options;
    const admit = (body: unknown, request: BusRequest): Promise<AdmitResult> => {
      this.checkStore();
      const { signal } = request;
      return reign.admit(readChangeRequest(body), request.context, {
        deadlineMs: request.remainingMs(),
        signal,
      });
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
