import { applyChange, type State } from '@heddle/admission';
import type { Clock, Timer } from '@heddle/host';
import { HeddleError, type AnyObject, type Change, type HeddleObject, type Kind } from '@heddle/model';

interface Waiter {
  readonly position: number;
  readonly settle: (error?: HeddleError) => void;
}

/** Desired state at the newest position this gateway has seen: what reads show and changes are built on. */
export class DesiredState {
  private current: State = new Map();
  private at = 0;
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly clock: Clock) {}

  get state(): State {
    return this.current;
  }
  /** Position of the newest change that was seen. */
  get position(): number {
    return this.at;
  }

  get(key: string): AnyObject | undefined {
    return this.current.get(key);
  }

  ofKind(kind: Kind): HeddleObject[] {
    const prefix = `${kind}/`;
    const found: HeddleObject[] = [];
    for (const [key, object] of this.current) if (key.startsWith(prefix)) found.push(object);
    return found;
  }

  /** Begins anew, from a whole state or from nothing. */
  reset(state: State, position: number): void {
    this.current = state;
    this.moveTo(position);
  }

  /** Goes on by one change of the log; one that is not newer than what is known is left out. */
  apply(change: Change, position: number): void {
    if (position <= this.at) return;
    this.current = applyChange(this.current, change);
    this.moveTo(position);
  }

  /**
   * Resolves when the state is at `position` or beyond.
   * @throws HeddleError `deadline`; the signal's reason when that aborts
   */
  whenAt(position: number, limits: { deadlineMs?: number; signal?: AbortSignal } = {}): Promise<void> {
    const { deadlineMs, signal } = limits;
    if (this.at >= position) return Promise.resolve();
    if (signal?.aborted) return Promise.reject(HeddleError.from(signal.reason));
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const onAbort = (): void => waiter.settle(HeddleError.from(signal?.reason));
      const waiter: Waiter = {
        position,
        settle: (error) => {
          this.waiters.delete(waiter);
          timer?.cancel();
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(error);
          else resolve();
        },
      };
      this.waiters.add(waiter);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (deadlineMs !== undefined)
        timer = this.clock.after(deadlineMs, () => waiter.settle(this.late(position, deadlineMs)));
    });
  }

  private late(position: number, deadlineMs: number): HeddleError {
    return new HeddleError(
      'deadline',
      `this gateway has not seen position ${position} within ${deadlineMs} ms; it is at ${this.at}`,
    );
  }

  private moveTo(position: number): void {
    this.at = position;
    for (const waiter of [...this.waiters]) if (waiter.position <= position) waiter.settle();
  }
}
