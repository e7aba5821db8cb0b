import { systemClock, type Clock, type Timer } from '@heddle/host';

/** How long after a failure the value is sent again, milliseconds. */
const RETRY_MS = 1_000;

interface Waiter {
  /** Which of the values, counted from the first, has to have arrived. */
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface PushedOptions<T> {
  readonly send: (value: T) => Promise<void>;
  readonly onArrived?: (value: T) => void;
  readonly onFailed: (error: unknown) => void;
  readonly clock?: Pick<Clock, 'after'>;
}

/**
 * A value that the other side is to have in its newest form. One is under way at a time, so a slow or hung other side never
 * has more than one waiting for it; what was set meanwhile goes in the next. A failure is reported and tried again.
 */
export class Pushed<T> {
  private value: { readonly current: T } | undefined;
  private version = 0;
  private sending = false;
  private retry: Timer | undefined;
  private closed = false;
  private readonly waiters = new Set<Waiter>();

  constructor(private readonly options: PushedOptions<T>) {}

  set(value: T): void {
    this.value = { current: value };
    this.version += 1;
    this.send();
  }

  /** Sets the value; resolves when it, or a newer one, has arrived, and rejects at the first failure. */
  arrived(value: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiters.add({ version: this.version + 1, resolve, reject });
      this.set(value);
    });
  }

  /** The other side is another one now, or may have forgotten. */
  again(): void {
    if (!this.value) return;
    this.version += 1;
    this.send();
  }

  close(): void {
    this.closed = true;
    this.retry?.cancel();
  }

  private send(): void {
    if (this.closed || this.sending || !this.value) return;
    this.retry?.cancel();
    this.sending = true;
    const { version } = this;
    const { current } = this.value;
    this.options.send(current).then(
      () => {
        this.sending = false;
        this.settle(
          (waiter) => waiter.version <= version,
          ({ resolve }) => resolve(),
        );
        this.options.onArrived?.(current);
        if (this.version !== version) this.send();
      },
      (error: unknown) => {
        this.sending = false;
        this.settle(
          () => true,
          ({ reject }) => reject(error),
        );
        this.options.onFailed(error);
        if (!this.closed) this.retry = (this.options.clock ?? systemClock).after(RETRY_MS, () => this.send());
      },
    );
  }

  private settle(which: (waiter: Waiter) => boolean, how: (waiter: Waiter) => void): void {
    for (const waiter of [...this.waiters].filter(which)) {
      this.waiters.delete(waiter);
      how(waiter);
    }
  }
}
