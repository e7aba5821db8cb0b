import type { Clock } from '@heddle/host';
import type { EventFact } from '@heddle/model';
import type { EventFilter } from '../api/types';
import { toHeddleError } from '../errors';

/** What following needs of the API. */
export interface EventSource {
  events(filter: EventFilter & { readonly limit?: number }): Promise<readonly EventFact[]>;
  eventStream(filter: EventFilter, signal?: AbortSignal): Promise<AsyncIterable<EventFact>>;
}

export interface FollowOptions {
  readonly filter: EventFilter;
  /** How many of those that happened before to begin with. */
  readonly before: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called when the connection was lost, with the reason; it is made again. */
  readonly onLost: (reason: string) => void;
}

const CATCH_UP = 1000;
const REMEMBERED = 4 * CATCH_UP;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

/**
 * Facts as they happen, without end, over as many connections as it takes. The stream is begun before the list is asked
 * for, so that nothing is missed between the two; what comes twice is shown once.
 * @throws HeddleError when the first connection cannot be made, or making another is of no use
 */
export async function* followEvents(source: EventSource, options: FollowOptions): AsyncGenerator<EventFact> {
  const { filter, before, clock, signal, onLost } = options;
  const seen = new Recent(REMEMBERED);
  let latest: string | undefined;
  let connected = false;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const connection = new AbortController();
    const either = AbortSignal.any([signal, connection.signal]);
    try {
      const stream = await source.eventStream(filter, either);
      const limit = connected ? CATCH_UP : before;
      const earlier = limit === 0 ? [] : await source.events({ ...filter, limit });
      const missed = earlier.filter((fact) => latest === undefined || fact.at >= latest);
      connected = true;
      pause = FIRST_PAUSE_MS;
      for await (const fact of chain(missed, stream)) {
        if (!seen.add(JSON.stringify(fact))) continue;
        if (latest === undefined || fact.at > latest) latest = fact.at;
        yield fact;
      }
      onLost('the server ended the stream');
    } catch (error) {
      signal.throwIfAborted();
      if (!connected || !toHeddleError(error).retryable) throw error;
      onLost(toHeddleError(error).message);
    } finally {
      connection.abort();
    }
    await clock.sleep(pause, signal);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  }
}

async function* chain<T>(first: Iterable<T>, then: AsyncIterable<T>): AsyncGenerator<T> {
  yield* first;
  yield* then;
}

/** The last so many texts. */
class Recent {
  private readonly texts = new Set<string>();

  constructor(private readonly capacity: number) {}

  /** Whether it was not there yet. */
  add(text: string): boolean {
    if (this.texts.has(text)) return false;
    this.texts.add(text);
    for (const oldest of this.texts) {
      if (this.texts.size <= this.capacity) break;
      this.texts.delete(oldest);
    }
    return true;
  }
}
