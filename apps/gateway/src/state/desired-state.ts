import { applyChange, type State } from '@heddle/admission';
import type { Clock, Timer } from '@heddle/host';
import { HeddleError, kindInfo, type AnyObject, type Change, type HeddleObject, type Kind } from '@heddle/model';

interface Waiter {
  readonly position: number;
  readonly resolve: () => void;
  readonly timer: Timer;
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
  get position(): number {
    return this.at;
  }

  get(key: string): AnyObject | undefined {
    return this.current.get(key);
  }

  ofKind(kind: Kind): HeddleObject[] {
    const prefix = `${kindInfo(kind).kind}/`;
    const found: HeddleObject[] = [];
    for (const [key, object] of this.current) if (key.startsWith(prefix)) found.push(object);
    return found;
  }

  /** Starts from a whole state, for example one that was saved. */
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

  /** The log has come to this position without a change of an object. */
  moveTo(position: number): void {
    this.at = position;
    for (const waiter of [...this.waiters]) {
      if (waiter.position > position) continue;
      this.waiters.delete(waiter);
      waiter.timer.cancel();
      waiter.resolve();
    }
  }

  /** Resolves when the state is at `position` or beyond. @throws HeddleError `deadline` */
  whenAt(position: number, deadlineMs: number): Promise<void> {
    if (this.at >= position) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        position,
        resolve,
        timer: this.clock.after(deadlineMs, () => {
          this.waiters.delete(waiter);
          reject(new HeddleError('deadline', `this gateway has not seen position ${position} within ${deadlineMs} ms; it is at ${this.at}`));
        }),
      };
      this.waiters.add(waiter);
    });
  }
}
