import { EventEmitter } from 'node:events';
import { HeddleError } from '@heddle/model';
import { Deadline } from './deadline';

/** One established connection: its end is reported once. */
export interface Session {
  /** Resolves with the reason when the connection has ended, for whatever reason. */
  readonly closed: Promise<Error>;
  /** Ends the connection; everything that waits for an answer fails with `reason`. */
  close(reason: Error): void;
}

/** Waiting times between attempts: `minMs`, doubled after each failure up to `maxMs`, each with up to 20 % more. */
export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The peers are on the same machine: an attempt costs little, and the wait adds to the outage of a restart. */
const DEFAULT_BACKOFF: Backoff = { minMs: 20, maxMs: 500 };
const OPEN_DEADLINE_MS = 5_000;
/** A session that ends earlier counts as another failure, so that a peer that accepts and hangs up is not hammered. */
const STABLE_MS = 1_000;

interface Events<S> {
  connected: [session: S];
  disconnected: [reason: Error];
}

/**
 * Keeps one session open for as long as it is not closed: opens it, opens it again after it ended, waits longer after
 * each failure. `open` does the handshake and the replay of whatever the peer forgot, so that a session is handed out
 * only when it is ready for use.
 */
export class Reconnector<S extends Session> extends EventEmitter<Events<S>> {
  private current: S | undefined;
  private stopped: Error | undefined;
  private lastFailure: Error | undefined;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private wake: (() => void) | undefined;
  private loop: Promise<void> | undefined;

  /**
   * @param peer what the other side is called in errors: `the OVS database at /run/...`.
   * @param open connects, shakes hands and replays, within the deadline.
   */
  constructor(
    private readonly peer: string,
    private readonly open: (deadline: Deadline) => Promise<S>,
    private readonly backoff: Backoff = DEFAULT_BACKOFF,
  ) {
    super();
    this.setMaxListeners(0); // every waiting request listens
  }

  get connected(): boolean {
    return this.current !== undefined;
  }

  /** Starts connecting; later calls change nothing. */
  start(): void {
    this.loop ??= this.run();
  }

  /**
   * The open session, waiting for one until the deadline.
   *
   * @throws HeddleError `unavailable` with the reason why there is none.
   */
  async session(deadline: Deadline): Promise<S> {
    if (this.current !== undefined) return this.current;
    this.start();
    const found = await new Promise<S | undefined>((resolve) => {
      const finish = (session?: S): void => {
        clearTimeout(timer);
        this.off('connected', finish);
        this.off('disconnected', onDisconnected);
        resolve(session);
      };
      const onDisconnected = (): void => {
        if (this.stopped) finish();
      };
      const timer = setTimeout(finish, this.stopped ? 0 : deadline.remaining());
      this.on('connected', finish);
      this.on('disconnected', onDisconnected);
    });
    if (found !== undefined) return found;
    const reason = this.stopped ?? this.lastFailure;
    throw new HeddleError(
      'unavailable',
      `not connected to ${this.peer}${reason ? `: ${reason.message}` : ` after ${deadline.milliseconds} ms`}`,
      { cause: reason, retryable: this.stopped === undefined },
    );
  }

  /** Ends the session and stops connecting; what still waits fails as `unavailable`. */
  async stop(): Promise<void> {
    if (this.stopped === undefined) {
      this.stopped = new HeddleError('unavailable', `the connection to ${this.peer} was closed here`, {
        retryable: false,
      });
      clearTimeout(this.timer);
      this.wake?.();
      if (this.current) this.current.close(this.stopped);
      else this.emit('disconnected', this.stopped);
    }
    await this.loop;
  }

  private async run(): Promise<void> {
    while (this.stopped === undefined) {
      const session = await this.attempt();
      if (session !== undefined) await this.hold(session);
      await this.pause();
    }
  }

  private async attempt(): Promise<S | undefined> {
    try {
      const session = await this.open(new Deadline(OPEN_DEADLINE_MS));
      if (this.stopped !== undefined) {
        session.close(this.stopped);
        return undefined;
      }
      return session;
    } catch (error) {
      this.failures += 1;
      this.lastFailure = error instanceof Error ? error : new Error(String(error));
      return undefined;
    }
  }

  private async hold(session: S): Promise<void> {
    const start = performance.now();
    this.current = session;
    this.emit('connected', session);
    const reason = await session.closed;
    this.failures = performance.now() - start >= STABLE_MS ? 1 : this.failures + 1;
    this.current = undefined;
    this.lastFailure = reason;
    this.emit('disconnected', reason);
  }

  private async pause(): Promise<void> {
    if (this.stopped !== undefined) return;
    const exponential = this.backoff.minMs * 2 ** Math.min(this.failures - 1, 16);
    const wait = Math.min(this.backoff.maxMs, exponential) * (1 + Math.random() * 0.2);
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.timer = setTimeout(resolve, wait);
    });
    this.wake = undefined;
  }
}
