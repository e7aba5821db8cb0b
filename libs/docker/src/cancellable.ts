/**
 * An iterator over what `produce` yields that ends at once, also while it waits for the next item: by `return()` (which
 * `break` in a `for await` calls) or by any of the given signals. `produce` must end when its signal is aborted.
 */
export function cancellable<T>(
  signals: readonly (AbortSignal | undefined)[],
  produce: (signal: AbortSignal) => AsyncGenerator<T, void>,
): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const unlinks = signals.map((signal) => {
    if (!signal) return () => undefined;
    const onAbort = (): void => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  });
  const unlink = (): void => unlinks.forEach((remove) => remove());

  async function* run(): AsyncGenerator<T, void> {
    try {
      yield* produce(controller.signal);
    } finally {
      unlink();
    }
  }
  const items = run();
  return {
    next: () => items.next(),
    return: async () => {
      unlink();
      controller.abort();
      return items.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
