import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { headers as newHeaders, type JetStreamManager, type NatsConnection, type StreamConfig } from 'nats';
import { backoff, pause } from '../async';
import { decodeBody } from '../wire';
import { fromNats, JETSTREAM, jetStreamNumber } from './nats-error';
import type { NatsTransport } from './nats-transport';

/** For all attempts together. A server that was killed has been started again within it. */
const DEADLINE_MS = 15_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;
/** Attempts that another stream with the same name or subjects may spoil; one that is being made is there by then. */
const CLASHES = 8;

type Wanted = Partial<StreamConfig> & { readonly name: string; readonly subjects: string[] };

/**
 * Has a stream be there as wanted, wholly: made, changed or left alone. Several processes may do this at one time, as
 * they do when a control plane starts on an empty store. It is the same however often it is done, so it is tried again
 * while the server is away.
 * @param options.create `false`: a missing stream is a `state` error
 * @throws HeddleError `state`; `unavailable` or `deadline` when there was no answer for 15 s; `conflict` when a stream
 *   of another name has the same subjects
 */
export async function prepareStream(
  wanted: Wanted,
  options: {
    readonly create: boolean;
    readonly transport: NatsTransport;
    readonly clock: Clock;
    readonly apiTimeoutMs: number;
  },
): Promise<void> {
  const { create, transport, clock, apiTimeoutMs } = options;
  const end = clock.monotonic() + DEADLINE_MS;
  let clashes = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      const connection = transport.live();
      const manager = await connection.jetstreamManager({ checkAPI: false, timeout: apiTimeoutMs });
      await ensure(manager, wanted, create);
      await whenWhole(connection, wanted, { clock, apiTimeoutMs });
      return;
    } catch (error) {
      const failure = fromNats(error, `preparing stream ${wanted.name}`);
      const clash = clashesWithAnother(error) && ++clashes < CLASHES;
      const away = (failure.code === 'unavailable' || failure.code === 'deadline') && failure.retryable;
      if ((!clash && !away) || clock.monotonic() > end) throw failure;
    }
    await pause(clock, backoff(attempt, FIRST_PAUSE_MS, LONGEST_PAUSE_MS));
  }
}

/**
 * Waits until a stream that the server tells of can be read. nats-server (seen in 2.9.10) knows a stream before its
 * files are open, and a message that is read in between ends the whole server with a nil dereference. It listens on the
 * stream's subjects only after that: so this publishes a record that no stream takes, because it is to be preceded by
 * more records than there can be, and a refusal for that reason is the sign.
 */
export async function whenWhole(
  connection: NatsConnection,
  stream: { readonly name: string; readonly subjects: readonly string[] },
  options: { readonly clock: Clock; readonly apiTimeoutMs: number },
): Promise<void> {
  const { clock, apiTimeoutMs } = options;
  const subject = (stream.subjects[0] as string).replace(/[*>]/g, '_whole');
  const headers = newHeaders();
  headers.set('Nats-Expected-Stream', stream.name);
  headers.set('Nats-Expected-Last-Sequence', String(Number.MAX_SAFE_INTEGER));
  const end = clock.monotonic() + apiTimeoutMs;
  for (let attempt = 0; ; attempt++) {
    try {
      const reply = await connection.request(subject, new Uint8Array(), { headers, timeout: apiTimeoutMs });
      const { error } = decodeBody(reply.data, `the answer of stream ${stream.name}`) as {
        error?: { err_code: number; description: string };
      };
      if (error?.err_code === JETSTREAM.wrongLastSequence) return;
      throw new HeddleError(
        'internal',
        `stream ${stream.name} answered "${error?.description}" to an impossible record`,
      );
    } catch (error) {
      const failure = fromNats(error, `waiting for stream ${stream.name}`);
      if (failure.code !== 'unavailable' || connection.isClosed() || clock.monotonic() > end) throw failure;
    }
    await pause(clock, backoff(attempt, FIRST_PAUSE_MS / 2, LONGEST_PAUSE_MS));
  }
}

async function ensure(manager: JetStreamManager, wanted: Wanted, create: boolean): Promise<void> {
  const current = await configOf(manager, wanted.name);
  if (current === undefined) {
    if (!create) {
      throw new HeddleError('state', `there is no stream ${wanted.name}: the store is empty or another one`);
    }
    await manager.streams.add(wanted);
  } else if (differs(current, wanted)) {
    await manager.streams.update(wanted.name, { ...current, ...wanted });
  }
}

async function configOf(manager: JetStreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (jetStreamNumber(error) === JETSTREAM.streamNotFound) return undefined;
    throw error;
  }
}

/** Whether a setting that may be changed later is not as wanted. */
function differs(current: StreamConfig, wanted: Wanted): boolean {
  const keys = ['num_replicas', 'max_age', 'max_bytes', 'max_msgs_per_subject', 'description', 'allow_direct'] as const;
  return (
    keys.some((key) => wanted[key] !== undefined && current[key] !== wanted[key]) ||
    [...current.subjects].sort().join() !== [...wanted.subjects].sort().join()
  );
}

/** Another process makes the same stream at this moment, or there is another stream with our subjects. */
function clashesWithAnother(error: unknown): boolean {
  const number = jetStreamNumber(error);
  return number === JETSTREAM.streamExists || number === JETSTREAM.subjectsOverlap;
}
