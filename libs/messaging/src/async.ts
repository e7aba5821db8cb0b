import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/**
 * The result of `work`, or what `onTimeout` makes when it takes longer than `ms`. The work itself goes on; what it
 * throws afterwards is dropped, because whoever waited has been told already.
 */
export function withDeadline<T>(work: Promise<T>, ms: number, clock: Clock, onTimeout: () => Error): Promise<T> {
  if (ms === Infinity) return work;
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(ms, () => reject(onTimeout()));
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Waits `ms`, or until the signal aborts, whichever comes first. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Milliseconds before attempt `attempt` (from 0): doubling from `first` to `most`, give or take a fifth. */
export function backoff(attempt: number, first: number, most: number, random: () => number = Math.random): number {
  return Math.min(most, first * 2 ** Math.min(attempt, 30)) * (0.8 + 0.4 * random());
}

/**
 * A queue between a callback that pushes and a loop that reads. The reader gets everything pushed before the end, then
 * the end or the error.
 */
export class AsyncQueue<T> implements AsyncIterableIterator<T> {
  private items: T[] = [];
  private head = 0;
  private ended: { readonly error?: unknown } | undefined;
  private wake: (() => void) | undefined;

  /** @param onReturn called once when the reader leaves before the end */
  constructor(private onReturn?: () => void) {}

  get length(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    if (this.ended) return;
    this.items.push(item);
    this.wakeUp();
  }

  end(error?: unknown): void {
    if (this.ended) return;
    this.ended = error === undefined ? {} : { error };
    this.wakeUp();
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.head < this.items.length) {
        const value = this.items[this.head++] as T;
        if (this.head === this.items.length) {
          this.items = [];
          this.head = 0;
        } else if (this.head === 4096) {
          this.items = this.items.slice(this.head);
          this.head = 0;
        }
        return { done: false, value };
      }
      if (this.ended) {
        const { error } = this.ended;
        this.ended = {};
        if (error !== undefined) throw error;
        return { done: true, value: undefined };
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.ended ??= {};
    this.items = [];
    this.head = 0;
    this.wakeUp();
    this.onReturn?.();
    this.onReturn = undefined;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this;
  }

  private wakeUp(): void {
    this.wake?.();
    this.wake = undefined;
  }
}

/** The error of a signal that aborted, as ours. */
export function abortError(signal: AbortSignal, what: string): HeddleError {
  return signal.reason instanceof HeddleError
    ? signal.reason
    : new HeddleError('unavailable', `${what} was given up by its caller`, { cause: signal.reason, retryable: false });
}
