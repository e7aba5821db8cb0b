import { HeddleError, type EventFact } from '@heddle/model';
import { follow } from '../stream/follow';
import {
  AppendError,
  type StorePort,
  type StreamPort,
  type StreamRecord,
  type StreamSpec,
} from '../stream/stream-port';
import { subjects } from '../subjects';
import { decodeBody, encodeBody } from '../wire';

const SPEC: StreamSpec = {
  name: 'EVENTS',
  description: 'Facts that happened, for people; the oldest go first.',
  subjects: [subjects.allEvents],
  maxAgeMs: 7 * 24 * 3600 * 1000,
  maxBytes: 256 * 1024 * 1024,
};

const WRITE_MS = 2_000;
/** How far a look back goes at most, in records. */
const LOOK_BACK = 50_000;

/** Which facts; what is left out matches everything. */
export interface EventFilter {
  readonly kind?: string;
  readonly tenant?: string;
  /** Path of the object below the tenant. */
  readonly name?: string;
}

/** A fact with its place in the stream, from which watching can go on. */
export type StoredEvent = EventFact & { readonly sequence: number };

/** The stream of facts. Losing one loses nothing but the telling: no decision is ever made on them. */
export class Events {
  private constructor(private readonly stream: StreamPort) {}

  static async open(store: StorePort): Promise<Events> {
    return new Events(await store.stream(SPEC));
  }

  /** @throws HeddleError `unavailable` (not written), `deadline` (it may be in), `limit` */
  async emit(fact: EventFact): Promise<void> {
    try {
      await this.stream.append({ subject: subjects.event(fact), data: encodeBody(fact) }, {}, WRITE_MS);
    } catch (error) {
      throw error instanceof AppendError ? error.cause : error;
    }
  }

  /** The newest facts that match, oldest first. */
  async history(filter: EventFilter, limit: number): Promise<StoredEvent[]> {
    const { firstSequence, lastSequence, records } = await this.stream.state();
    if (records === 0) return [];
    const found: StoredEvent[] = [];
    const reading = new AbortController();
    const from = Math.max(firstSequence, lastSequence - LOOK_BACK);
    try {
      for await (const item of this.stream.session(from, { filter: subjects.event(filter), signal: reading.signal })) {
        if (item.kind === 'caughtUp') break;
        found.push(eventOf(item.record));
        if (found.length > limit) found.shift();
        if (item.record.sequence >= lastSequence) break;
      }
    } finally {
      reading.abort();
    }
    return found;
  }

  /** Facts as they happen, from now on or from `after`; across reconnects, until the signal aborts. */
  async watch(
    filter: EventFilter,
    options: { after?: number; signal: AbortSignal; onEvent: (event: StoredEvent) => void },
  ): Promise<void> {
    const { signal, onEvent } = options;
    const after = options.after ?? (await this.stream.state()).lastSequence;
    await follow(this.stream, {
      from: after + 1,
      filter: subjects.event(filter),
      signal,
      onRecord: (record) => onEvent(eventOf(record)),
    });
  }
}

function eventOf(record: StreamRecord): StoredEvent {
  const body = decodeBody(record.data, `event ${record.sequence}`);
  if (typeof body !== 'object' || body === null)
    throw new HeddleError('state', `event ${record.sequence} is not an object`);
  return { ...(body as EventFact), sequence: record.sequence };
}
