/**
 * An iterator over what `produce` yields that ends at once, also while it waits for the next item: by `return()` (which
 * `break` in a `for await` calls) or by the caller's signal. `produce` must end when its signal is aborted.
 */
export function cancellable<T>(
  parent: AbortSignal | undefined,
  produce: (signal: AbortSignal) => AsyncGenerator<T, void>,
): AsyncIterableIterator<T> {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(parent?.reason);
  if (parent?.aborted) onAbort();
  parent?.addEventListener('abort', onAbort, { once: true });
  const unlink = (): void => parent?.removeEventListener('abort', onAbort);

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
