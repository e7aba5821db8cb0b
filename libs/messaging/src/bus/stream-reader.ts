import type { Clock, Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { abortError, AsyncQueue } from '../async';
import type { Unsubscribe } from '../listeners';
import type { RawMessage, RawSubscription, Transport } from '../transport';
import { checkWire, decodeBody, HEADER, type Headers } from '../wire';
import { decodeSignal, encodeSignal } from './stream-protocol';

const NOTHING = new Uint8Array();

interface Options<T> {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: Headers;
  /** Headers of the signals sent later on. */
  readonly ownHeaders: Headers;
  readonly openMs: number;
  readonly idleMs: number;
  readonly window: number;
  readonly decode?: (body: unknown) => T;
  readonly signal?: AbortSignal;
}

/** The reading end of a stream; see stream-protocol.ts. */
export class StreamReader<T> {
  private readonly queue = new AsyncQueue<T>();
  private readonly what: string;
  private subscription: RawSubscription | undefined;
  private unwatch: Unsubscribe | undefined;
  private timer: Timer | undefined;
  private keepAlive: Timer | undefined;
  private control: string | undefined;
  private inbox = '';
  private received = 0;
  private taken = 0;
  private credited = 0;
  private over = false;
  private readonly onAbort = (): void => this.cancel(abortError(this.options.signal as AbortSignal, this.what));

  constructor(private readonly options: Options<T>) {
    this.what = `the stream of ${options.subject}`;
  }

  /** Opens the stream. Everything that goes wrong, now or later, is thrown by the iterator. */
  open(): void {
    const { transport, subject, data, headers, window, idleMs, openMs, signal } = this.options;
    if (this.over) return;
    if (signal?.aborted) return this.finish(abortError(signal, this.what));
    signal?.addEventListener('abort', this.onAbort, { once: true });
    try {
      this.inbox = transport.inbox();
      this.subscription = transport.subscribe(this.inbox, {
        onMessage: (message) => this.receive(message),
        onError: (error) => this.finish(error),
      });
      this.unwatch = transport.onState(() =>
        this.finish(new HeddleError('unavailable', `${this.what} broke off with the connection; ask again`)),
      );
      transport.publish(subject, data, {
        headers: { ...headers, ...encodeSignal({ kind: 'open', window, idleMs }) },
        reply: this.inbox,
      });
      this.expect(openMs);
    } catch (error) {
      this.finish(HeddleError.from(error));
    }
  }

  fail(error: HeddleError): void {
    this.finish(error);
  }

  async *read(): AsyncIterableIterator<T> {
    try {
      for await (const item of this.queue) {
        yield item;
        this.taken++;
        if (this.taken - this.credited >= Math.ceil(this.options.window / 2)) this.sendCredit();
      }
    } finally {
      this.cancel();
    }
  }

  private receive(message: RawMessage): void {
    const { subject, idleMs, decode } = this.options;
    if (this.over) return;
    try {
      if (message.noResponders) throw nobodyAnswers(subject);
      checkWire(message.headers, `a message of ${this.what}`);
      const signal = decodeSignal(message.headers);
      if (signal === undefined) {
        // An ordinary reply: the request was refused before it came to a stream, or the method does not answer by one.
        if (HEADER.error in message.headers) throw HeddleError.fromJSON(decodeBody(message.data, this.what));
        throw new HeddleError('invalid', `${subject} answers with one message, not a stream; ask with request()`);
      }
      this.expect(idleMs);
      if (message.reply !== undefined && this.control === undefined) {
        this.control = message.reply;
        this.keepAlive = this.options.clock.every(idleMs / 3, () => this.sendCredit());
      }
      switch (signal.kind) {
        case 'data':
          this.checkNumber(signal.number, this.received + 1);
          this.received = signal.number;
          this.queue.push(decoded(decodeBody(message.data, this.what), decode));
          break;
        case 'end':
          this.checkNumber(signal.number, this.received);
          this.finish();
          break;
        case 'error':
          this.checkNumber(signal.number, this.received);
          throw HeddleError.fromJSON(decodeBody(message.data, this.what));
        case 'alive':
          break;
        default:
          throw new HeddleError(
            'invalid',
            `${this.what} sent a "${signal.kind}" signal, which only its reader may send`,
          );
      }
    } catch (error) {
      this.cancel(HeddleError.from(error));
    }
  }

  private checkNumber(found: number, expected: number): void {
    if (found !== expected) {
      throw new HeddleError(
        'unavailable',
        `${this.what} lost messages: number ${found} came where ${expected} was expected; ask again`,
      );
    }
  }

  private expect(ms: number): void {
    const { clock, subject } = this.options;
    this.timer?.cancel();
    this.timer = clock.after(ms, () => {
      const first = this.control === undefined;
      this.cancel(
        new HeddleError(
          'deadline',
          first ? `${subject} did not answer within ${ms} ms` : `${this.what} fell silent for ${ms} ms; ask again`,
        ),
      );
    });
  }

  private sendCredit(): void {
    this.credited = this.taken;
    this.sendControl({ ...encodeSignal({ kind: 'credit', number: this.taken }) });
  }

  private sendControl(signal: Headers): void {
    const { transport, ownHeaders } = this.options;
    // Without a connection the source hears nothing either way; both ends notice by their idle time.
    if (this.control === undefined || transport.state !== 'connected') return;
    transport.publish(this.control, NOTHING, { headers: { ...ownHeaders, ...signal }, reply: this.inbox });
  }

  private cancel(error?: HeddleError): void {
    if (this.over) return;
    this.sendControl(encodeSignal({ kind: 'cancel' }));
    this.finish(error);
  }

  private finish(error?: HeddleError): void {
    if (this.over) return;
    this.over = true;
    this.timer?.cancel();
    this.keepAlive?.cancel();
    this.unwatch?.();
    this.subscription?.unsubscribe();
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.queue.end(error);
  }
}

export function nobodyAnswers(subject: string): HeddleError {
  return new HeddleError('unavailable', `nobody answers ${subject} now: its service is not running or not connected`);
}

/** The body as the caller wants it; without a decoder the caller vouches for the type. */
export function decoded<T>(body: unknown, decode: ((body: unknown) => T) | undefined): T {
  return decode === undefined ? (body as T) : decode(body);
}
