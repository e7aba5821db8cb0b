import { subjects, type BusPort, type BusRequest, type BusSubscription } from '@heddle/messaging';
import { explainIssues, HeddleError, refuse } from '@heddle/model';
import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { lastValueFrom, throwError, type Observable } from 'rxjs';
import type { Log } from '../logging/log';
import type { ServiceMetrics } from '../metrics/service-metrics';
import type { MethodExtras } from './method.decorator';
import { METHODS, splitMethod } from './methods';
import { toHeddleError } from './to-heddle-error';

export interface HeddleTransportOptions {
  readonly bus: BusPort;
  /** The service whose methods are served; its name is the queue group that its instances share. */
  readonly service: string;
  readonly log: Log;
  readonly metrics: ServiceMetrics;
}

/** Keeps Nest from flattening errors into strings: the transport answers with what was thrown. */
@Catch()
export class RethrowFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Serves the handlers marked with `@Method` over the bus:
 *
 *   heddle.rpc.SERVICE.METHOD        queue group = SERVICE
 *   heddle.from.*.SERVICE.METHOD     for methods that hosts may call; the subject proves which host asks
 *   heddle.agent.HOST.METHOD         for methods of an agent, on the agent's own bus
 *
 * Deadlines, contexts and the error codec are the bus's; what this adds is the check of bodies, metrics and the log.
 */
export class HeddleTransport extends Server implements CustomTransportStrategy {
  private readonly subscriptions: BusSubscription[] = [];

  constructor(private readonly options: HeddleTransportOptions) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    try {
      for (const [name, handler] of this.messageHandlers) this.serveMethod(name, handler);
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  /** Takes no more requests, and waits at most `graceMs` for those being worked on. */
  async drain(graceMs: number): Promise<void> {
    await Promise.all(this.subscriptions.splice(0).map((subscription) => subscription.close(graceMs)));
  }

  async close(): Promise<void> {
    await this.drain(1_000);
  }

  on(): never {
    throw new Error('HeddleTransport has no events of its own: see BusPort.onStatus');
  }

  unwrap<T>(): T {
    return this.options.bus as T;
  }

  private serveMethod(name: string, handler: MessageHandler): void {
    const { bus, service } = this.options;
    const parts = splitMethod(name);
    if (!parts) throw new Error(`"${name}" is not in the catalogue of requests; mark handlers with @Method`);
    const extras = (handler.extras ?? {}) as unknown as MethodExtras;
    for (const { subject, queue } of this.placesOf(parts, extras)) {
      const options = queue === undefined ? {} : { queue };
      this.subscriptions.push(
        METHODS[name as keyof typeof METHODS].stream
          ? bus.serveStream(subject, options, (request) => this.answerByStream(name, handler, extras, request))
          : bus.serve(subject, options, (request) => this.answer(name, handler, extras, request)),
      );
    }
    this.options.log.debug({ method: name, service }, 'serving');
  }

  private placesOf(
    { service, method }: { service: string; method: string },
    extras: MethodExtras,
  ): { subject: string; queue?: string }[] {
    const { bus } = this.options;
    if (service === 'agent') {
      if (bus.host === undefined) throw new Error(`agent.${method} is served on the bus of a host's agent only`);
      return [{ subject: subjects.agent(bus.host, method) }];
    }
    if (service !== this.options.service) {
      throw new Error(`the service ${this.options.service} has a handler for ${service}.${method}`);
    }
    return [
      { subject: subjects.rpc(service, method), queue: service },
      ...(extras.hosts ? [{ subject: subjects.fromAnyHost(service, method), queue: service }] : []),
    ];
  }

  private async answer(
    name: string,
    handler: MessageHandler,
    extras: MethodExtras,
    request: BusRequest,
  ): Promise<unknown> {
    const finished = this.options.metrics.startServing(name);
    try {
      const result: unknown = await handler(readBody(name, extras, request), request);
      const value: unknown = isObservable(result) ? await lastValueFrom(result, { defaultValue: null }) : result;
      finished('ok');
      return value ?? null;
    } catch (error) {
      throw this.failed(name, request, error, finished);
    }
  }

  private async *answerByStream(
    name: string,
    handler: MessageHandler,
    extras: MethodExtras,
    request: BusRequest,
  ): AsyncGenerator<unknown> {
    const finished = this.options.metrics.startServing(name);
    try {
      const result: unknown = await handler(readBody(name, extras, request), request);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: null });
      yield* result as AsyncIterable<unknown>;
      finished('ok');
    } catch (error) {
      throw this.failed(name, request, error, finished);
    } finally {
      finished('left');
    }
  }

  private failed(name: string, request: BusRequest, error: unknown, finished: (code: string) => void): HeddleError {
    const failure = toHeddleError(error);
    finished(failure.code);
    const { requestId, principal } = request.context;
    const fields = { method: name, requestId, principal, code: failure.code };
    // A fault of ours is for the operators; everything else is the caller's to act on.
    if (failure.code === 'internal') this.options.log.error({ ...fields, err: error }, failure.message);
    else this.options.log.debug(fields, failure.message);
    return failure;
  }
}

/** The body of a request, checked. @throws HeddleError `invalid`, `forbidden` */
function readBody(name: string, extras: MethodExtras, request: BusRequest): unknown {
  const body = extras.schema ? parse(name, extras.schema, request.body) : request.body;
  if (request.host !== undefined) {
    const named = typeof body === 'object' && body !== null ? (body as { host?: unknown }).host : undefined;
    if (named !== undefined && named !== request.host) {
      throw new HeddleError(
        'forbidden',
        `host ${request.host} asked ${name} for host ${String(named)}; a host speaks for itself only`,
      );
    }
  }
  return body;
}

function parse(name: string, schema: NonNullable<MethodExtras['schema']>, body: unknown): unknown {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  refuse(explainIssues(result.error.issues, body, [name]));
  throw new HeddleError('internal', `the body of ${name} was refused without a reason`);
}

function isObservable(value: unknown): value is Observable<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Observable<unknown>).subscribe === 'function';
}
