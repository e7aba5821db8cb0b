import type { Clock } from '@heddle/host';
import { BucketView, ChangeLog, type ClusterIdentity, type LogPort, type StorePort } from '@heddle/messaging';
import { HeddleError, type AnyObject, type Change } from '@heddle/model';
import type { Log, Readiness } from '@heddle/service';
import type { Coordinator } from '../coordinator/coordinator';
import type { DesiredState } from '../state/desired-state';
import type { StoreGuard } from './store-guard';

export interface StoreSessionOptions {
  readonly store: StorePort;
  readonly guard: StoreGuard;
  readonly desired: DesiredState;
  readonly coordinator: Coordinator;
  readonly clock: Clock;
  readonly log: Log;
}

/** The bucket in which the coordinator saves desired state, so that no gateway has to read the whole log at its start. */
const DESIRED_BUCKET = 'desired';

/** Milliseconds between two looks at the store: whether it is there, and still the one it was. */
const LOOK_MS = 1_000;
/** Milliseconds that a gateway reads the log at its start before it says that something is wrong. */
const CATCH_UP_MS = 60_000;

/**
 * Reads the log for as long as the store is the right one: keeps desired state up to date, and lets the coordinator work
 * meanwhile. A store that is not in order is looked at again and again, because an operator may put the right one back.
 */
export class StoreSession {
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private current: { readonly changes: LogPort<Change>; readonly view: BucketView<AnyObject> } | undefined;
  private caughtUp = false;
  private said = '';
  private wake = (): void => undefined;

  constructor(private readonly options: StoreSessionOptions) {}

  /** The log, while it can be read. @throws HeddleError `unavailable` */
  get changes(): LogPort<Change> {
    if (this.current) return this.current.changes;
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

  /** Resolves when desired state has been read once, when it is known that it cannot be, or after `deadlineMs`. */
  async whenKnown(deadlineMs: number): Promise<void> {
    const { clock, guard } = this.options;
    const until = clock.monotonic() + deadlineMs;
    const known = (): boolean => this.caughtUp || !['ok', 'unchecked'].includes(guard.state.state);
    while (!known() && clock.monotonic() < until) await clock.sleep(20);
  }

  /** An operator accepts the store as it is. @throws HeddleError `refused` when there is nothing to accept */
  async accept(): Promise<ClusterIdentity & { position: number }> {
    const { guard } = this.options;
    if (guard.state.state === 'ok')
      throw new HeddleError('refused', 'the store is in order; there is nothing to accept');
    const position = await (await this.openLog(true)).lastPosition();
    const identity = await guard.accept(position);
    this.wake();
    return { ...identity, position };
  }

  watch(readiness: Readiness): void {
    readiness.add('store', () => {
      const { state } = this.options.guard;
      return state.state === 'ok' ? true : state.explain;
    });
    readiness.add('log', () => {
      if (!this.caughtUp) return 'the log of changes has not been read yet';
      return this.current?.view.problem ?? true;
    });
  }

  private async run(signal: AbortSignal): Promise<void> {
    const { log } = this.options;
    while (!signal.aborted) {
      try {
        const changes = await this.openChecked();
        if (changes) await this.serve(changes, signal);
      } catch (error) {
        if (!signal.aborted)
          this.say(HeddleError.from(error).message, () => log.warn({ err: error }, 'the store cannot be used now'));
      }
      await this.pause(signal);
    }
  }

  /** Until the store turns out to be another one, or the session stops. */
  private async serve(changes: LogPort<Change>, signal: AbortSignal): Promise<void> {
    const { store, desired, coordinator, clock } = this.options;
    const view = await BucketView.open<AnyObject>({
      store,
      changes,
      bucket: DESIRED_BUCKET,
      select: () => true,
      clock,
    });
    try {
      await view.whenCaughtUp(CATCH_UP_MS);
      this.current = { changes, view };
      this.caughtUp = true;
      this.said = '';
      desired.show(view);
      await coordinator.begin({ changes, view, bucket: DESIRED_BUCKET, checkStore: () => this.checkNow() });
      while (!signal.aborted && (await this.stillRight())) {
        await this.remember();
        await this.pause(signal);
      }
    } finally {
      await coordinator.end();
      desired.freeze();
      this.current = undefined;
      await view.close();
    }
  }

  /** Whether the store still is the one that is known. While it cannot be reached, nothing speaks against it. */
  private async stillRight(): Promise<boolean> {
    try {
      return (await this.openChecked()) !== undefined;
    } catch (error) {
      this.say(HeddleError.from(error).message, () =>
        this.options.log.warn({ err: error }, 'the store cannot be reached now'),
      );
      return true;
    }
  }

  /** @throws HeddleError `state` when the store is not in order, `unavailable` when it cannot be reached */
  private async checkNow(): Promise<void> {
    await this.openChecked();
    this.options.guard.checkWritable();
  }

  /** The log, if the store is in order. */
  private async openChecked(): Promise<LogPort<Change> | undefined> {
    const { guard, log } = this.options;
    let changes: LogPort<Change> | undefined;
    try {
      changes = await this.openLog(!guard.hasSeen);
    } catch (error) {
      // The log that was seen before is not there: the guard says what that means.
      if (!(error instanceof HeddleError) || error.code !== 'state') throw error;
    }
    const state = await guard.check(async () => (await changes?.lastPosition()) ?? 0);
    if (state.state === 'ok') return changes ?? this.openLog(true);
    this.say(state.explain, () => log.error({ state: state.state }, state.explain));
    return undefined;
  }

  /** @param create `false` when it is known that there has been a log: a missing one is then a `state` error */
  private openLog(create: boolean): Promise<LogPort<Change>> {
    const { store, clock } = this.options;
    return ChangeLog.open<Change>({ store, clock, create });
  }

  private async remember(): Promise<void> {
    const { guard, desired, log } = this.options;
    await guard
      .record(desired.position)
      .catch((error: unknown) => log.error({ err: error }, 'cannot remember how far the log was read'));
  }

  /** Until it is time to look again, an operator has accepted the store, or the session stops. */
  private pause(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.options.clock.after(LOOK_MS, done);
      signal.addEventListener('abort', done, { once: true });
      this.wake = done;
    });
  }

  /** Says the same thing once, not every second. */
  private say(what: string, write: () => void): void {
    if (this.said !== what) write();
    this.said = what;
  }
}
