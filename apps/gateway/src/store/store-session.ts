import type { Clock } from '@heddle/host';
import type { ClusterIdentity } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import type { Log, Readiness } from '@heddle/service';
import type { ChangeLogPort } from '../coordinator/change-log-port';
import type { Coordinator } from '../coordinator/coordinator';
import type { DesiredState } from '../state/desired-state';
import type { StoreGuard } from './store-guard';

export interface StoreSessionOptions {
  /** Opens the log; `create: false` when it is known that there has been one. */
  readonly openLog: (options: { create: boolean }) => Promise<ChangeLogPort>;
  readonly guard: StoreGuard;
  readonly desired: DesiredState;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
}

/** Milliseconds between two looks at a store that is not there or not in order. */
const RETRY_MS = 1_000;
/** Milliseconds between two writes of how far the log was read. */
const RECORD_MS = 2_000;

/**
 * Reads the log for as long as the store is the right one: keeps desired state up to date, and lets the coordinator work
 * meanwhile. A store that is not in order is looked at again and again, because an operator may put the right one back.
 */
export class StoreSession {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private current: ChangeLogPort | undefined;
  private caughtUp = false;
  /** What was read so far belongs to another history. */
  private mustRead = false;
  private said = '';
  private wake = new AbortController();

  constructor(private readonly options: StoreSessionOptions) {}

  /** The log, while it can be read. @throws HeddleError `unavailable` */
  get changes(): ChangeLogPort {
    if (this.current) return this.current;
    const { state } = this.options.guard;
    throw new HeddleError(
      'unavailable',
      state.state === 'ok' ? 'the log of changes cannot be read now' : state.explain,
    );
  }

  start(): void {
    this.running = this.run(this.stopping.signal);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Resolves when the log has been read once, or its state is known not to be in order. */
  async whenKnown(deadlineMs: number): Promise<void> {
    const { clock, guard } = this.options;
    const until = clock.monotonic() + deadlineMs;
    while (!this.caughtUp && guard.state.state === 'unchecked' && clock.monotonic() < until) await clock.sleep(20);
  }

  /** An operator accepts the store as it is. @throws HeddleError `refused` when there is nothing to accept */
  async accept(): Promise<ClusterIdentity & { position: number }> {
    const { guard, openLog } = this.options;
    const { state } = guard.state;
    if (state === 'ok') throw new HeddleError('refused', 'the store is in order; there is nothing to accept');
    const position = await (await openLog({ create: true })).lastPosition();
    const identity = await guard.accept(position);
    this.mustRead = true;
    this.wake.abort();
    return { ...identity, position };
  }

  watch(readiness: Readiness): void {
    readiness.add('store', () => {
      const { state } = this.options.guard;
      return state.state === 'ok' ? true : state.explain;
    });
    readiness.add('log', () => (this.caughtUp ? true : 'the log of changes has not been read yet'));
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.options;
    while (!signal.aborted) {
      try {
        await this.serve(signal);
      } catch (error) {
        this.say(HeddleError.from(error).message, () => log.warn({ err: error }, 'the store cannot be used now'));
      }
      this.wake = new AbortController();
      await clock.sleep(RETRY_MS, AbortSignal.any([signal, this.wake.signal])).catch(() => undefined);
    }
  }

  /** Until the log turns out to be another one, or the session stops. */
  private async serve(stopping: AbortSignal): Promise<void> {
    const { guard, desired, coordinator, clock, log } = this.options;
    const changes = await this.openChecked();
    if (!changes) return;
    if (this.mustRead) {
      desired.reset(new Map(), 0);
      this.mustRead = false;
    }
    this.said = '';
    this.current = changes;
    const ending = new AbortController();
    const signal = AbortSignal.any([stopping, ending.signal]);
    const recorder = clock.every(RECORD_MS, () => {
      guard
        .record(desired.position)
        .catch((error: unknown) => log.error({ err: error }, 'cannot remember how far the log was read'));
    });
    const target = await changes.lastPosition();
    const following = changes.follow({
      after: desired.position,
      signal,
      onChange: (change) => desired.apply(change, change.position),
    });
    try {
      await Promise.race([desired.whenAt(target, { signal }), following]);
      this.caughtUp = true;
      await coordinator.begin(changes);
      await following;
    } catch (error) {
      const failure = HeddleError.from(error);
      if (failure.code !== 'state') throw failure;
      this.mustRead = true;
      guard.lost(failure.message);
      log.error({ err: failure }, 'the store is not the one that was read before');
    } finally {
      ending.abort();
      recorder.cancel();
      this.current = undefined;
      await coordinator.end();
    }
  }

  /** The log, if the store is in order. */
  private async openChecked(): Promise<ChangeLogPort | undefined> {
    const { guard, openLog, log } = this.options;
    let changes: ChangeLogPort | undefined;
    try {
      changes = await openLog({ create: !guard.hasSeen });
    } catch (error) {
      // The log that was seen before is not there: the guard says what that means.
      if (!(error instanceof HeddleError) || error.code !== 'state') throw error;
    }
    const state = await guard.check((await changes?.lastPosition()) ?? 0);
    if (state.state === 'ok') return changes ?? openLog({ create: true });
    this.say(state.explain, () => log.error({ state: state.state }, state.explain));
    return undefined;
  }

  /** Says the same thing once, not every second. */
  private say(what: string, write: () => void): void {
    if (this.said !== what) write();
    this.said = what;
  }
}
