/** Takes a listener off again. Harmless when repeated. */
export type Unsubscribe = () => void;

/** A list of listeners of one kind of event. A listener that throws does not keep the others from being called. */
export class Listeners<A extends readonly unknown[]> {
  private readonly listeners = new Set<(...args: A) => void>();

  /** @param onError receives what a listener throws */
  constructor(private readonly onError: (error: unknown) => void = rethrowLater) {}

  add(listener: (...args: A) => void): Unsubscribe {
    // Wrapped, so that the same function added twice is two listeners.
    const entry = (...args: A): void => listener(...args);
    this.listeners.add(entry);
    return () => void this.listeners.delete(entry);
  }

  emit(...args: A): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(...args);
      } catch (error) {
        this.onError(error);
      }
    }
  }
}

/** A fault in a listener that nobody handles is a fault of the program: it surfaces as an uncaught exception. */
function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
