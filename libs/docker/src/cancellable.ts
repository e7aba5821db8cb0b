import { LinkedAbort } from './linked-abort';

/**
 * An iterator over what `produce` yields that ends at once, also while it waits for the next item: by `return()` (which
 * `break` in a `for await` calls) or by any of the given signals. `produce` must end when its signal is aborted.
 */
export function cancellable<T>(
  signals: readonly (AbortSignal | undefined)[],
  produce: (signal: AbortSignal) => AsyncGenerator<T, void>,
): AsyncIterableIterator<T> {
  const life = new LinkedAbort(...signals);

  async function* run(): AsyncGenerator<T, void> {
    try {
      yield* produce(life.signal);
    } finally {
      life.release();
    }
  }
  const items = run();
  return {
    next: () => items.next(),
    return: async () => {
      life.release();
      life.abort();
      return items.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
