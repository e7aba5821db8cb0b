import type { Clock, Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { Unsubscribe } from '../listeners';
import type { RawMessage, RawSubscription, Transport } from '../transport';
import { checkSize, encodeBody, HEADER, type Headers } from '../wire';
import { decodeSignal, encodeSignal, type StreamSignal } from './stream-protocol';

const NOTHING = new Uint8Array();

interface Options {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly subject: string;
  /** Where the reader listens. */
  readonly inbox: string;
  readonly window: number;
  readonly idleMs: number;
  readonly ownHeaders: Headers;
  readonly abort: AbortController;
  /** Receives what the clean-up of an abandoned handler throws. */
  readonly onCleanupError: (error: unknown) => void;
}

/** The sending end of a stream; see stream-protocol.ts. */
export class StreamSource {
  private readonly control: string;
  private readonly subscription: RawSubscription;
  private readonly heartbeat: Timer;
  private readonly unwatch: Unsubscribe;
  private lastHeard: number;
  private lastSent = -Infinity;
  private sent = 0;
  private taken = 0;
  private wake: (() => void) | undefined;

  constructor(private readonly options: Options) {
    const { transport, clock, idleMs, abort } = options;
    this.lastHeard = clock.monotonic();
    this.control = transport.inbox();
    this.subscription = transport.subscribe(this.control, {
      onMessage: (message) => this.receive(message),
      onError: (error) => abort.abort(error),
    });
    abort.signal.addEventListener('abort', () => this.wake?.(), { once: true });
    this.unwatch = transport.onState(() =>
      abort.abort(new HeddleError('unavailable', `the stream of ${options.subject} broke off with the connection`)),
    );
    this.heartbeat = clock.every(idleMs / 3, () => this.beat());
  }

  /** Sends all items, then the end. Returns when everything is sent or the reader is gone; throws what cannot be sent. */
  async run(items: AsyncIterable<unknown>): Promise<void> {
    const { signal } = this.options.abort;
    const iterator = items[Symbol.asyncIterator]();
    const aborted = new Promise<'aborted'>((resolve) => {
      if (signal.aborted) resolve('aborted');
      else signal.addEventListener('abort', () => resolve('aborted'), { once: true });
    });
    try {
      this.send({ kind: 'alive' }, NOTHING);
      for (;;) {
        const step = await Promise.race([iterator.next(), aborted]);
        if (step === 'aborted') {
          // Not awaited: a generator that waits for something else finishes its clean-up when that comes.
          this.abandon(iterator);
          return;
        }
        if (step.done) break;
        while (this.sent - this.taken >= this.options.window && !signal.aborted) {
          await new Promise<void>((resolve) => (this.wake = resolve));
        }
        if (signal.aborted) continue;
        this.send({ kind: 'data', number: this.sent + 1 }, encodeBody(step.value));
        this.sent++;
      }
      this.send({ kind: 'end', number: this.sent }, NOTHING);
    } catch (error) {
      const failure = HeddleError.from(error);
      this.abandon(iterator);
      this.send({ kind: 'error', number: this.sent }, encodeBody(failure), { [HEADER.error]: failure.code });
    } finally {
      this.heartbeat.cancel();
      this.unwatch();
      this.subscription.unsubscribe();
    }
  }

  private abandon(iterator: AsyncIterator<unknown>): void {
    iterator.return?.().catch(this.options.onCleanupError);
  }

  private send(signal: StreamSignal, data: Uint8Array, extra: Headers = {}): void {
    const { transport, inbox, subject, ownHeaders, clock } = this.options;
    const headers = { ...ownHeaders, ...encodeSignal(signal), ...extra };
    checkSize(`a message of the stream of ${subject}`, headers, data, transport.maxPayload);
    transport.publish(inbox, data, { headers, reply: this.control });
    this.lastSent = clock.monotonic();
  }

  private receive(message: RawMessage): void {
    this.lastHeard = this.options.clock.monotonic();
    const signal = decodeSignal(message.headers);
    if (signal?.kind === 'cancel') {
      this.options.abort.abort(new HeddleError('unavailable', `the reader of ${this.options.subject} has left`));
    } else if (signal?.kind === 'credit') {
      this.taken = Math.max(this.taken, signal.number);
      this.wake?.();
    }
  }

  private beat(): void {
    const { clock, idleMs, abort, subject, transport } = this.options;
    const now = clock.monotonic();
    if (now - this.lastHeard > idleMs) {
      abort.abort(new HeddleError('unavailable', `the reader of ${subject} has not been heard of for ${idleMs} ms`));
    } else if (now - this.lastSent >= idleMs / 3 && transport.state === 'connected') {
      this.send({ kind: 'alive' }, NOTHING);
    }
  }
}
