import { randomUUID } from 'node:crypto';
import { admit } from '@heddle/admission';
import type { Clock } from '@heddle/host';
import type { ChangeLogWriter, LogPort, RequestContext, Term } from '@heddle/messaging';
import { HeddleError, type AdmitResult, type Change, type ChangeRequest, type LoggedChange } from '@heddle/model';
import type { Log, RpcClient } from '@heddle/service';
import type { DesiredState } from '../state/desired-state';
import { admissionRequest, principalOf } from './admission-request';
import { checkChange } from './check-change';

/** Changes that wait for their turn at a time. */
const MAX_WAITING = 200;
/** How long this process's own view may take to show what it has just written. */
const CATCH_UP_MS = 5_000;

export interface ReignOptions {
  readonly term: Term;
  readonly changes: Pick<LogPort<Change>, 'find'>;
  readonly writer: Pick<ChangeLogWriter<Change>, 'nextPosition' | 'append' | 'close'>;
  readonly desired: DesiredState;
  readonly rpc: RpcClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for every change that is in the log, before its request is answered; what it throws is logged. */
  readonly onCommitted: (change: LoggedChange) => Promise<void>;
}

/**
 * The time in which this process admits changes: one after the other, each built on the state that the one before it left.
 * It ends with the term, or with the first write that fails or is not seen in time: what became of that write has to be read
 * from the log before anything is built on it.
 */
export class Reign {
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private ended: HeddleError | undefined;
  private end: (why: HeddleError) => void = () => undefined;
  /** Resolves to the reason when nothing more is admitted. */
  readonly over = new Promise<HeddleError>((resolve) => (this.end = resolve));

  constructor(private readonly options: ReignOptions) {
    const { signal } = options.term;
    const onTermOver = (): void => this.finish(HeddleError.from(signal.reason));
    if (signal.aborted) onTermOver();
    else signal.addEventListener('abort', onTermOver, { once: true });
    void this.over.then(() => signal.removeEventListener('abort', onTermOver));
  }

  /** Ends the reign; changes that wait for their turn are not admitted. */
  finish(why: HeddleError): void {
    if (this.ended) return;
    this.ended = why;
    this.options.writer.close();
    this.end(why);
  }

  /** @throws HeddleError why it was refused; `unavailable`: nothing was changed; `deadline`: it may have been */
  admit(
    request: ChangeRequest,
    caller: RequestContext,
    options: { deadlineMs: number; signal?: AbortSignal },
  ): Promise<AdmitResult> {
    if (this.waiting >= MAX_WAITING) {
      return Promise.reject(
        new HeddleError('limit', `${this.waiting} changes wait for their turn; ask again later`, { retryable: true }),
      );
    }
    const until = this.options.clock.monotonic() + options.deadlineMs;
    this.waiting++;
    const work = this.turn
      .then(() => this.inTurn(request, caller, until, options.signal))
      .finally(() => this.waiting--);
    this.turn = work.catch(() => undefined);
    return work;
  }

  /** Writes a change of Heddle's own, which needs nobody's consent. */
  async writeOwn(change: Change): Promise<void> {
    await this.commit(change);
  }

  private async inTurn(
    request: ChangeRequest,
    caller: RequestContext,
    until: number,
    signal: AbortSignal | undefined,
  ): Promise<AdmitResult> {
    const { clock, desired, rpc, writer } = this.options;
    if (this.ended) throw new HeddleError('unavailable', `nothing was changed: ${this.ended.message}`);
    const deadlineMs = until - clock.monotonic();
    if (deadlineMs <= 0 || signal?.aborted) {
      throw new HeddleError(
        'deadline',
        'the turn of this change came after its caller had stopped waiting; nothing was changed',
      );
    }
    const earlier = await this.findEarlier(request, caller);
    if (earlier) return { position: earlier.position, change: earlier };

    const basePosition = desired.position;
    const change = admit(desired.state, admissionRequest(request), {
      by: principalOf(caller),
      at: new Date(clock.now()).toISOString(),
      changeId: request.changeId ?? randomUUID(),
      position: writer.nextPosition,
      newUid: () => randomUUID(),
    });
    if (change.objects.length === 0) return { position: basePosition };
    const limits = { context: caller, ...(signal === undefined ? {} : { signal }) };
    await checkChange(rpc, { basePosition, change }, { ...limits, deadlineMs: Math.min(deadlineMs, 5_000) });
    const position = await this.commit(change);
    return { position, change: { ...change, position } };
  }

  /** A change that was asked for before under the same id. */
  private async findEarlier({ changeId }: ChangeRequest, caller: RequestContext): Promise<LoggedChange | undefined> {
    if (changeId === undefined) return undefined;
    const found = await this.options.changes.find(changeId);
    if (!found) return undefined;
    const { change, position } = found;
    if (change.by.principal === caller.principal && change.by.tenant === caller.tenant) return { ...change, position };
    throw new HeddleError(
      'conflict',
      `the change id ${changeId} was used by another caller; choose one that nobody else can choose`,
    );
  }

  private async commit(change: Change): Promise<number> {
    const { writer, desired, onCommitted, log, term } = this.options;
    const expected = writer.nextPosition;
    let position: number;
    try {
      ({ position } = await writer.append(change));
    } catch (error) {
      const failure = HeddleError.from(error);
      // A change that is too large was not sent; after any other failure only the log knows what happened.
      if (failure.code !== 'limit') this.finish(failure);
      throw failure;
    }
    if (position !== expected) {
      this.finish(new HeddleError('internal', `a change expected at ${expected} is at ${position}`));
    }
    log.info(
      { position, changeId: change.changeId, principal: change.by.principal, objects: change.objects.length },
      change.summary,
    );
    await onCommitted({ ...change, position }).catch((error: unknown) =>
      log.error({ err: error, position }, 'after the commit of a change'),
    );
    // It is in the log, and its caller is told so whatever happens here; but nothing may be built on a state without it.
    await desired
      .whenAt(position, CATCH_UP_MS, term.signal)
      .catch((error: unknown) => this.finish(HeddleError.from(error)));
    return position;
  }
}
