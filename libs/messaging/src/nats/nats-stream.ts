import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import {
  AckPolicy,
  DeliverPolicy,
  nanos,
  ReplayPolicy,
  type ConsumerConfig,
  type JetStreamManager,
  type Msg,
  type StoredMsg,
} from 'nats';
import { AsyncQueue } from '../async';
import type { Unsubscribe } from '../listeners';
import {
  AppendError,
  type Expectation,
  type NewRecord,
  type StreamItem,
  type StreamPort,
  type StreamRecord,
  type StreamState,
} from '../stream/stream-port';
import type { RawMessage } from '../transport';
import { decodeBody, type Headers } from '../wire';
import { fromNats, JETSTREAM, jetStreamNumber } from './nats-error';
import { fromMsg, type NatsTransport } from './nats-transport';

const MESSAGE_ID = 'Nats-Msg-Id';
/** Room for the headers that we and the server add to a record. */
const HEADER_ROOM = 1_024;
/** While nothing is to be delivered the server lets the reader hear from it this often. */
const HEARTBEAT_MS = 2_000;
/** An ephemeral consumer whose reader is gone is removed by the server after this. */
const INACTIVE_MS = 10_000;

/** A JetStream stream. */
export class NatsStream implements StreamPort {
  constructor(
    readonly name: string,
    private readonly transport: NatsTransport,
    private readonly clock: Clock,
    private readonly apiTimeoutMs: number,
  ) {}

  get maxRecord(): number {
    return this.transport.maxPayload - HEADER_ROOM;
  }

  async state(): Promise<StreamState> {
    const { state } = await this.api('reading the state', (manager) => manager.streams.info(this.name));
    return { firstSequence: state.first_seq, lastSequence: state.last_seq, records: state.messages };
  }

  get(sequence: number): Promise<StreamRecord | undefined> {
    // Sequence 0 means "not given" to the server.
    return sequence < 1 ? Promise.resolve(undefined) : this.stored({ seq: sequence });
  }

  last(subject: string): Promise<StreamRecord | undefined> {
    return this.stored({ last_by_subj: subject });
  }

  async append(record: NewRecord, expected: Expectation, timeoutMs: number): Promise<number> {
    const headers: Record<string, string> = { ...record.headers, 'Nats-Expected-Stream': this.name };
    if (record.id !== undefined) headers[MESSAGE_ID] = record.id;
    if (expected.lastSequence !== undefined) headers['Nats-Expected-Last-Sequence'] = String(expected.lastSequence);
    if (expected.lastId !== undefined) headers['Nats-Expected-Last-Msg-Id'] = expected.lastId;
    if (expected.lastSubjectSequence !== undefined) {
      headers['Nats-Expected-Last-Subject-Sequence'] = String(expected.lastSubjectSequence);
    }
    let reply: RawMessage;
    try {
      reply = await this.transport.request(record.subject, record.data, { headers, timeoutMs });
    } catch (error) {
      const failure = HeddleError.from(error);
      throw new AppendError(failure.code === 'deadline' || failure.code === 'internal' ? 'unknown' : 'unsent', failure);
    }
    return this.acknowledged(reply);
  }

  async *session(from: number, options: { filter?: string; signal: AbortSignal }): AsyncGenerator<StreamItem> {
    const { filter, signal } = options;
    if (signal.aborted) return;
    const session = new PushSession(this.transport, this.clock, this.name);
    const stop = (): void => session.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const pending = await this.api('opening a reader', async (manager) => {
        const consumer = await manager.consumers.add(this.name, session.config(from, filter));
        return consumer.num_pending;
      });
      yield* session.items(pending);
    } finally {
      signal.removeEventListener('abort', stop);
      session.close();
    }
  }

  async count(filter: string, from: number): Promise<number> {
    return this.api('counting records', async (manager) => {
      const consumer = await manager.consumers.add(this.name, {
        ack_policy: AckPolicy.None,
        ...startingAt(from),
        filter_subject: filter,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: nanos(1_000),
      });
      await manager.consumers.delete(this.name, consumer.name);
      return consumer.num_pending;
    });
  }

  async purge(subject: string, before: number): Promise<void> {
    await this.api('purging', (manager) => manager.streams.purge(this.name, { filter: subject, seq: before }));
  }

  onInterrupted(listener: () => void): Unsubscribe {
    return this.transport.onState((state) => {
      if (state !== 'connected') listener();
    });
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    if (this.transport.state === 'connected' || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stop();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.transport.onState((state) => {
        if (state === 'connected' || state === 'closed') done();
      });
      signal.addEventListener('abort', done, { once: true });
    });
  }

  private acknowledged(reply: RawMessage): number {
    let ack: { seq?: number; error?: { code: number; err_code: number; description: string } };
    try {
      ack = decodeBody(reply.data, `the acknowledgement of ${this.name}`) as typeof ack;
    } catch (error) {
      throw new AppendError('unknown', HeddleError.from(error));
    }
    if (ack.error !== undefined) {
      const { code, err_code: number, description } = ack.error;
      const text = `stream ${this.name} refused a record: ${description} (JetStream error ${number})`;
      if (number === JETSTREAM.wrongLastSequence || number === JETSTREAM.wrongLastMessageId) {
        throw new AppendError('expectation', new HeddleError('conflict', text));
      }
      throw new AppendError('rejected', new HeddleError(code === 503 ? 'unavailable' : 'limit', text));
    }
    if (ack.seq === undefined) {
      throw new AppendError('unknown', new HeddleError('internal', `stream ${this.name} gave no acknowledgement`));
    }
    return ack.seq;
  }

  private async stored(query: { seq: number } | { last_by_subj: string }): Promise<StreamRecord | undefined> {
    try {
      const found = await (await this.manager()).streams.getMessage(this.name, query);
      return recordOf(found);
    } catch (error) {
      if (jetStreamNumber(error) === JETSTREAM.messageNotFound) return undefined;
      throw fromNats(error, `reading a record of stream ${this.name}`);
    }
  }

  private manager(): Promise<JetStreamManager> {
    return this.transport.live().jetstreamManager({ checkAPI: false, timeout: this.apiTimeoutMs });
  }

  private async api<T>(doing: string, work: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    try {
      return await work(await this.manager());
    } catch (error) {
      throw fromNats(error, `${doing} of stream ${this.name}`);
    }
  }
}

/**
 * One reader: an ephemeral push consumer without acknowledgements, kept in the server's memory. It is thrown away
 * whenever it may have missed something; its owner makes another one from the last handled record on.
 */
class PushSession {
  private readonly queue = new AsyncQueue<StreamItem | { readonly kind: 'flow'; readonly reply: string }>();
  private readonly inbox: string;
  private readonly cleanUp: (() => void)[] = [];
  private delivered = 0;
  private lastHeard: number;

  constructor(
    private readonly transport: NatsTransport,
    private readonly clock: Clock,
    private readonly stream: string,
  ) {
    this.lastHeard = clock.monotonic();
    this.inbox = transport.inbox();
    const connection = transport.live();
    const subscription = connection.subscribe(this.inbox, {
      callback: (error, message) => {
        if (error) this.queue.end(fromNats(error, `reading stream ${stream}`));
        else this.receive(message);
      },
    });
    this.cleanUp.push(() => {
      if (!connection.isClosed()) subscription.unsubscribe();
    });
    this.cleanUp.push(
      transport.onState((state) => {
        if (state !== 'connected') this.interrupted('the connection was lost');
      }),
    );
    const watch = clock.every(HEARTBEAT_MS, () => {
      if (clock.monotonic() - this.lastHeard > 3 * HEARTBEAT_MS) this.interrupted('the server fell silent');
    });
    this.cleanUp.push(() => watch.cancel());
  }

  config(from: number, filter: string | undefined): Partial<ConsumerConfig> {
    return {
      deliver_subject: this.inbox,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      ...startingAt(from),
      ...(filter === undefined ? {} : { filter_subject: filter }),
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(INACTIVE_MS),
    };
  }

  /** @param pending records to come when the consumer was made */
  async *items(pending: number): AsyncGenerator<StreamItem> {
    if (pending === 0) yield { kind: 'caughtUp' };
    for await (const item of this.queue) {
      // Answered only now, when everything before it has been handled: this is what slows the server down.
      if (item.kind === 'flow') this.answer(item.reply);
      else yield item;
    }
  }

  end(): void {
    this.queue.end();
  }

  close(): void {
    this.queue.end();
    for (const step of this.cleanUp) step();
  }

  private receive(message: Msg): void {
    this.lastHeard = this.clock.monotonic();
    if (message.headers?.code === 100) return this.status(message);
    const place = placeOf(message.reply);
    if (place === undefined) return this.interrupted(`a message came without its place (${message.reply})`);
    if (place.delivery !== this.delivered + 1) return this.interrupted('messages were lost on the way');
    this.delivered = place.delivery;
    const { headers, id } = splitHeaders(fromMsg(message).headers);
    this.queue.push({
      kind: 'record',
      record: { sequence: place.sequence, subject: message.subject, data: message.data, headers, id, time: place.time },
    });
    if (place.pending === 0) this.queue.push({ kind: 'caughtUp' });
  }

  /** Heartbeats tell what was delivered last, so that a lost last message is noticed; flow control wants an answer. */
  private status(message: Msg): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled');
    if (stalled) return this.queue.push({ kind: 'flow', reply: stalled });
    if (message.reply) return this.queue.push({ kind: 'flow', reply: message.reply });
    const last = message.headers?.get('Nats-Last-Consumer');
    if (last && Number(last) !== this.delivered) this.interrupted('messages were lost on the way');
  }

  private answer(reply: string): void {
    if (this.transport.state === 'connected') this.transport.live().publish(reply);
  }

  private interrupted(why: string): void {
    this.queue.end(new HeddleError('unavailable', `reading stream ${this.stream} was interrupted: ${why}`));
  }
}

function startingAt(
  from: number,
): Pick<ConsumerConfig, 'deliver_policy' | 'opt_start_seq'> | { deliver_policy: DeliverPolicy } {
  return from <= 1
    ? { deliver_policy: DeliverPolicy.All }
    : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from };
}

interface Place {
  readonly sequence: number;
  /** Counts what this consumer delivered, from 1. */
  readonly delivery: number;
  readonly time: number;
  readonly pending: number;
}

/**
 * Reads a record's place from the reply subject of a delivered message:
 * `$JS.ACK.<stream>.<consumer>.<times delivered>.<stream sequence>.<consumer sequence>.<nanoseconds>.<pending>`, with a
 * domain and an account hash before the stream, and a token at the end, from some servers (ADR-15).
 */
function placeOf(reply: string | undefined): Place | undefined {
  const tokens = reply?.split('.') ?? [];
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const shift = tokens.length >= 11 ? 2 : 0;
  const [sequence, delivery, nanoseconds, pending] = [5, 6, 7, 8].map((i) => Number(tokens[i + shift]));
  if (![sequence, delivery, nanoseconds, pending].every(Number.isFinite)) return undefined;
  return {
    sequence: sequence as number,
    delivery: delivery as number,
    time: Math.floor((nanoseconds as number) / 1e6),
    pending: pending as number,
  };
}

function recordOf(found: StoredMsg): StreamRecord {
  const all: Record<string, string> = {};
  if (found.header) for (const [name, values] of found.header) all[name] = values[0] as string;
  const { headers, id } = splitHeaders(all);
  return {
    sequence: found.seq,
    subject: found.subject,
    data: found.data,
    headers,
    id,
    time: Date.parse(found.timestamp),
  };
}

/** Leaves out what only the server reads. */
function splitHeaders(all: Headers): { headers: Headers; id: string } {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) if (!name.startsWith('Nats-')) headers[name] = value;
  return { headers, id: all[MESSAGE_ID] ?? '' };
}
