import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { withDeadline } from '../async';
import { hostOf } from '../subjects';
import type { RawMessage, RawSubscription, Transport } from '../transport';
import { checkSize, checkWire, contextFrom, decodeBody, encodeBody, HEADER, WIRE_VERSION, type Headers } from '../wire';
import type { BusProblem, BusRequest, BusSubscription, RequestHandler, StreamHandler } from './bus-port';
import { decodeSignal } from './stream-protocol';
import { StreamSource } from './stream-source';

/** The longest a caller may say that it waits: what is longer than a day is a mistake. */
const MAX_DEADLINE_MS = 86_400_000;

interface Options {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly subject: string;
  readonly handler: { readonly single: RequestHandler } | { readonly stream: StreamHandler };
  readonly maxInFlight: number;
  readonly ownHeaders: () => Headers;
  readonly report: (kind: BusProblem['kind'], subject: string, error: unknown) => void;
}

/** Answers the requests to one subject: reads the envelope, runs the handler within the caller's deadline, replies. */
export class Responder implements BusSubscription {
  private subscription: RawSubscription | undefined;
  private readonly inFlight = new Set<Promise<void>>();

  constructor(private readonly options: Options) {}

  start(queue: string | undefined): void {
    const { transport, subject, report } = this.options;
    this.subscription = transport.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      onMessage: (message) => {
        const work: Promise<void> = this.answer(message)
          .catch((error: unknown) => report('unsent', message.subject, error))
          .finally(() => this.inFlight.delete(work));
        this.inFlight.add(work);
      },
      onError: (error) => report('refused', subject, error),
    });
  }

  async close(deadlineMs = 5_000): Promise<void> {
    this.subscription?.unsubscribe();
    if (this.inFlight.size === 0) return;
    const { clock, subject, report } = this.options;
    const late = new HeddleError('deadline', `${this.inFlight.size} requests to ${subject} were still being worked on`);
    await withDeadline(Promise.all(this.inFlight), deadlineMs, clock, () => late).catch((error: unknown) =>
      report('late', subject, error),
    );
  }

  private async answer(message: RawMessage): Promise<void> {
    const { handler, report } = this.options;
    const { reply } = message;
    if (reply === undefined) {
      report('message', message.subject, new HeddleError('invalid', 'a request without a reply subject was dropped'));
      return;
    }
    const abort = new AbortController();
    let request: BusRequest;
    try {
      if (this.inFlight.size >= this.options.maxInFlight) {
        throw new HeddleError(
          'unavailable',
          `${message.subject} is busy with ${this.inFlight.size} requests; ask again`,
        );
      }
      request = this.requestOf(message, abort.signal);
      if ('stream' in handler) {
        await this.answerByStream(message, reply, request, abort, handler.stream);
        return;
      }
      if (decodeSignal(message.headers) !== undefined) {
        throw new HeddleError('invalid', `${message.subject} answers with one message; ask with request()`);
      }
    } catch (error) {
      this.reply(message.subject, reply, HeddleError.from(error));
      return;
    }
    await this.answerOnce(message, reply, request, abort, handler.single);
  }

  private async answerOnce(
    message: RawMessage,
    reply: string,
    request: BusRequest,
    abort: AbortController,
    handler: RequestHandler,
  ): Promise<void> {
    const { clock, report } = this.options;
    const { subject } = message;
    const late = new HeddleError('deadline', `the caller of ${subject} has stopped waiting; the answer was dropped`);
    const timer = clock.after(request.remainingMs(), () => abort.abort(late));
    let answer: { readonly value: unknown } | HeddleError;
    try {
      answer = { value: await handler(request) };
    } catch (error) {
      answer = HeddleError.from(error);
    }
    timer.cancel();
    if (abort.signal.aborted) report('late', subject, late);
    else this.reply(subject, reply, answer);
  }

  private async answerByStream(
    message: RawMessage,
    reply: string,
    request: BusRequest,
    abort: AbortController,
    handler: StreamHandler,
  ): Promise<void> {
    const { transport, clock, ownHeaders } = this.options;
    const signal = decodeSignal(message.headers);
    if (signal?.kind !== 'open') {
      throw new HeddleError('invalid', `${message.subject} answers with a stream; ask with requestStream()`);
    }
    const source = new StreamSource({
      transport,
      clock,
      subject: message.subject,
      inbox: reply,
      window: signal.window,
      idleMs: signal.idleMs,
      ownHeaders: ownHeaders(),
      abort,
      onCleanupError: (error) => this.options.report('handler', message.subject, error),
    });
    await source.run(handler(request));
    abort.abort(new HeddleError('unavailable', 'the stream is over'));
  }

  private requestOf(message: RawMessage, signal: AbortSignal): BusRequest {
    const { clock } = this.options;
    const what = `the request to ${message.subject}`;
    checkWire(message.headers, what);
    const deadlineMs = Number(message.headers[HEADER.deadline]);
    if (!(deadlineMs > 0 && deadlineMs <= MAX_DEADLINE_MS)) {
      throw new HeddleError(
        'invalid',
        `${what} has "${message.headers[HEADER.deadline]}" as ${HEADER.deadline}; needed are milliseconds up to ${MAX_DEADLINE_MS}`,
      );
    }
    const received = clock.monotonic();
    const host = hostOf(message.subject);
    const context = contextFrom(message.headers, what);
    return {
      subject: message.subject,
      body: decodeBody(message.data, what),
      // A host speaks for itself only, whatever it writes into its headers.
      context: host === undefined ? context : { ...context, principal: `host:${host}` },
      ...(host === undefined ? {} : { host }),
      signal,
      remainingMs: () => Math.max(0, deadlineMs - (clock.monotonic() - received)),
    };
  }

  private reply(subject: string, to: string, answer: { readonly value: unknown } | HeddleError): void {
    const { transport, report } = this.options;
    let message: { data: Uint8Array; headers: Headers };
    try {
      message = encodeAnswer(answer);
      checkSize(`the answer of ${subject}`, message.headers, message.data, transport.maxPayload);
    } catch (error) {
      message = encodeAnswer(HeddleError.from(error));
    }
    try {
      transport.publish(to, message.data, { headers: message.headers });
    } catch (error) {
      report('unsent', subject, error);
    }
  }
}

function encodeAnswer(answer: { readonly value: unknown } | HeddleError): { data: Uint8Array; headers: Headers } {
  const wire = { [HEADER.wire]: String(WIRE_VERSION) };
  return answer instanceof HeddleError
    ? { data: encodeBody(answer), headers: { ...wire, [HEADER.error]: answer.code } }
    : { data: encodeBody(answer.value), headers: wire };
}
