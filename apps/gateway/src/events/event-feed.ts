import type { EventFilter, Events, StoredEvent } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';

/** Streams of events that are open at a time. */
const MAX_STREAMS = 200;
/** Events that wait for a slow reader before its stream is ended. */
const MAX_WAITING = 10_000;

/** Facts for readers over HTTP. */
export class EventFeed {
  private open = 0;

  /** @param events opened when first needed, so that reading objects does not wait for it */
  constructor(private readonly events: () => Promise<Events>) {}

  /** The newest facts that match, oldest first. */
  async history(filter: EventFilter, limit: number): Promise<StoredEvent[]> {
    return (await this.events()).history(filter, limit);
  }

  /**
   * Facts as they happen, from now on or after a place in the stream, until the signal aborts.
   * @throws HeddleError `limit` when too many streams are open, or this reader is too slow
   */
  async *watch(filter: EventFilter, after: number | undefined, signal: AbortSignal): AsyncGenerator<StoredEvent> {
    if (this.open >= MAX_STREAMS) {
      const message = `${this.open} event streams are open; at most ${MAX_STREAMS} are allowed`;
      throw new HeddleError('limit', message, { retryable: true });
    }
    this.open++;
    const waiting: StoredEvent[] = [];
    let wake = (): void => undefined;
    let over: { readonly error?: unknown } | undefined;
    const end = (error?: unknown): void => {
      over ??= { error };
      wake();
    };
    const onAbort = (): void => end();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const events = await this.events();
      events
        .watch(filter, {
          ...(after === undefined ? {} : { after }),
          signal,
          onEvent: (event) => {
            waiting.push(event);
            if (waiting.length > MAX_WAITING)
              throw new HeddleError('limit', 'this reader is too slow; go on from the last id');
            wake();
          },
        })
        .then(() => end(), end);
      while (!over) {
        yield* waiting.splice(0);
        if (over || waiting.length > 0) continue;
        await new Promise<void>((resolve) => (wake = resolve));
      }
      if (over.error !== undefined) throw over.error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.open--;
    }
  }
}
