import { sleepOn, type Clock, type Timer } from './clock';

interface Pending {
  at: number;
  readonly order: number;
  readonly every?: number;
  readonly callback: () => void;
}

/**
 * A clock that moves only when it is told to. Wall clock and monotonic clock advance together; `setWall` makes the wall
 * clock jump alone, as an administrator or NTP would.
 */
export class FakeClock implements Clock {
  private elapsed = 0;
  private order = 0;
  private readonly pending = new Set<Pending>();

  /** @param wall the wall clock's first reading, milliseconds since the epoch */
  constructor(private wall = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  after(ms: number, callback: () => void): Timer {
    return this.add({ at: this.elapsed + Math.max(0, ms), order: this.order++, callback });
  }

  every(ms: number, callback: () => void): Timer {
    const period = Math.max(1, ms);
    return this.add({ at: this.elapsed + period, order: this.order++, every: period, callback });
  }

  /** Timers and sleeps that have not fired yet: a test asserts 0 to show that nothing was left behind. */
  get pendingTimers(): number {
    return this.pending.size;
  }

  /** Lets the wall clock jump; deadlines are not affected. */
  setWall(ms: number): void {
    this.wall = ms;
  }

  /**
   * Moves time forward by `ms`, firing what falls due in order of time. Between two timers the promises they resolved
   * run on, so that a loop which sleeps again is carried along.
   */
  async advance(ms: number): Promise<void> {
    const end = this.elapsed + ms;
    await settle();
    for (let next = this.nextDue(end); next !== undefined; next = this.nextDue(end)) {
      this.moveTo(next.at);
      if (next.every === undefined) this.pending.delete(next);
      else next.at += next.every;
      next.callback();
      await settle();
    }
    this.moveTo(end);
    await settle();
  }

  private add(entry: Pending): Timer {
    this.pending.add(entry);
    return { cancel: () => void this.pending.delete(entry) };
  }

  private nextDue(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const entry of this.pending) {
      if (entry.at > end) continue;
      if (best === undefined || entry.at < best.at || (entry.at === best.at && entry.order < best.order)) best = entry;
    }
    return best;
  }

  private moveTo(at: number): void {
    this.wall += at - this.elapsed;
    this.elapsed = at;
  }
}

/** Lets every promise chain that is ready run to its next real wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
