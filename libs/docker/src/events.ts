import { setTimeout as delay } from 'node:timers/promises';
import { types } from 'node:util';
import { HeddleError } from '@heddle/model';
import type { ContainerAction, EngineEvent } from './engine';
import { fromNanoseconds } from './engine-time';
import type { EngineStream } from './engine-client';

export const CONTAINER_ACTIONS: readonly ContainerAction[] = [
  'create',
  'start',
  'die',
  'oom',
  'kill',
  'stop',
  'restart',
  'pause',
  'unpause',
  'destroy',
];

export interface EventSource {
  /** Opens the engine's event stream; `first` tells whether it is the first connection, the only one to replay. */
  open(first: boolean, signal: AbortSignal): Promise<EngineStream>;
  /** Told of every connection that could not be made or was lost. */
  onLost?(error: HeddleError): void;
}

export interface EventLoopOptions {
  /** Undelivered events kept; beyond them all are dropped for one `resync`. */
  readonly maxQueued?: number;
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

const MAX_LINE_BYTES = 1024 * 1024;
/** Attributes that the engine mixes with the container's labels. */
const NO_LABELS: ReadonlySet<string> = new Set(['name', 'image', 'exitCode', 'signal', 'oldName', 'execDuration']);

/**
 * The engine's events for ever, over as many connections as it takes. The stream is read as fast as it comes and queued
 * here: the engine silently drops events of a reader that lags.
 */
export async function* eventLoop(
  source: EventSource,
  signal: AbortSignal,
  { maxQueued = 4096, minBackoffMs = 100, maxBackoffMs = 5000 }: EventLoopOptions = {},
): AsyncGenerator<EngineEvent, void> {
  const queue = new EventQueue(maxQueued);
  const onAbort = (): void => queue.end();
  signal.addEventListener('abort', onAbort, { once: true });

  const pump = async (): Promise<void> => {
    let backoff = minBackoffMs;
    let first = true;
    while (!signal.aborted) {
      try {
        const stream = await source.open(first, signal);
        queue.push({ kind: 'resync', reason: first ? 'connected' : 'reconnected' });
        first = false;
        backoff = minBackoffMs;
        for await (const line of jsonLines(stream)) {
          const event = eventFrom(line);
          if (event) queue.push(event);
        }
        throw new HeddleError('unavailable', 'the engine ended the event stream');
      } catch (thrown) {
        if (signal.aborted) return;
        const error = lost(thrown);
        // What is wrong with the request itself does not heal; the engine's absence does.
        if (error.code === 'invalid' || error.code === 'forbidden') throw error;
        source.onLost?.(error);
      }
      await pause(backoff, signal);
      backoff = Math.min(backoff * 2, maxBackoffMs);
    }
  };
  const pumping = pump().then(
    () => queue.end(),
    (error: unknown) => queue.end(error),
  );
  try {
    for (let event = await queue.take(); event; event = await queue.take()) yield event;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await pumping;
  }
}

function lost(thrown: unknown): HeddleError {
  if (thrown instanceof HeddleError) return thrown;
  const text = types.isNativeError(thrown) ? thrown.message : String(thrown);
  return new HeddleError('unavailable', `the event stream of the engine was lost: ${text}`, { cause: thrown });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** Lines of a stream of JSON texts; a line beyond 1 MiB ends the stream. */
async function* jsonLines({ body, cancel }: EngineStream): AsyncGenerator<string, void> {
  let pending = '';
  try {
    body.setEncoding('utf8');
    for await (const chunk of body) {
      const lines = (pending + String(chunk)).split('\n');
      pending = lines.pop() ?? '';
      if (pending.length > MAX_LINE_BYTES) throw new HeddleError('internal', 'the engine sent an endless event');
      yield* lines.filter((line) => line.trim() !== '');
    }
  } finally {
    cancel();
  }
}

/** A line of the event stream; undefined for what is not of interest. Exported for its tests. */
export function eventFrom(line: string): EngineEvent | undefined {
  let raw: { Type?: string; Action?: string; Actor?: { ID?: string; Attributes?: Record<string, string> } };
  try {
    raw = JSON.parse(line) as typeof raw;
  } catch (cause) {
    throw new HeddleError('unavailable', `the engine sent an event that is not JSON: ${line.slice(0, 200)}`, { cause });
  }
  const action = CONTAINER_ACTIONS.find((a) => a === raw.Action);
  const id = raw.Actor?.ID;
  if (raw.Type !== 'container' || !action || !id) return undefined;
  const attributes = raw.Actor?.Attributes ?? {};
  // As a number it would lose its last digits.
  const nanoseconds = BigInt(/"timeNano":(\d{1,20})/.exec(line)?.[1] ?? 0);
  return {
    kind: 'container',
    action,
    id,
    name: attributes['name'] ?? '',
    labels: Object.fromEntries(Object.entries(attributes).filter(([key]) => !NO_LABELS.has(key))),
    ...(attributes['exitCode'] === undefined ? {} : { exitCode: Number(attributes['exitCode']) }),
    time: fromNanoseconds(nanoseconds),
  };
}

/** A bounded queue with one reader. */
class EventQueue {
  private items: EngineEvent[] = [];
  private ended = false;
  private failure: unknown;
  private wake: (() => void) | undefined;

  constructor(private readonly limit: number) {}

  push(event: EngineEvent): void {
    if (this.items.length < this.limit) this.items.push(event);
    else this.items = [{ kind: 'resync', reason: 'overflow' }];
    this.wake?.();
  }

  end(error?: unknown): void {
    if (!this.ended) this.failure = error;
    this.ended = true;
    this.wake?.();
  }

  /** The next event; undefined at the end. */
  async take(): Promise<EngineEvent | undefined> {
    while (this.items.length === 0 && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure) throw this.failure;
    return this.ended ? undefined : this.items.shift();
  }
}
