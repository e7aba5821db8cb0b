import type { BusRequest } from '@heddle/messaging';
import { explainIssues, HeddleError, refuse, type RpcMethod } from '@heddle/model';
import { lastValueFrom, type Observable } from 'rxjs';
import type { z } from 'zod';
import type { Log } from '../logging/log';
import type { Finish, ServiceMetrics } from '../metrics/service-metrics';
import { toHeddleError } from './to-heddle-error';

export interface HandlerDeps {
  readonly log: Log;
  readonly metrics: ServiceMetrics;
}

/** What a handler is given: the checked body, and the request. It may return a value, a promise or an observable. */
export type BodyHandler = (body: unknown, request: BusRequest) => unknown;

/**
 * Puts around a handler what every method has: the check of the body, one shape of errors, metrics and the log. For
 * `bus.serve`; handlers that are marked with `@Method` get this by themselves.
 */
export function methodHandler(
  method: RpcMethod,
  handler: BodyHandler,
  deps: HandlerDeps,
  schema?: z.ZodType,
): (request: BusRequest) => Promise<unknown> {
  return async (request) => {
    const finished = deps.metrics.startServing(method);
    try {
      const value = await resolve(handler(readBody(method, schema, request), request));
      finished('ok');
      return value ?? null;
    } catch (error) {
      throw failed(method, request, error, finished, deps.log);
    }
  };
}

/** {@link methodHandler} for a method that answers with a stream, for `bus.serveStream`. */
export function streamHandler(
  method: RpcMethod,
  handler: BodyHandler,
  deps: HandlerDeps,
  schema?: z.ZodType,
): (request: BusRequest) => AsyncIterable<unknown> {
  return async function* (request) {
    const finished = deps.metrics.startServing(method);
    try {
      const items = await resolve(handler(readBody(method, schema, request), request));
      yield* items as AsyncIterable<unknown>;
      finished('ok');
    } catch (error) {
      throw failed(method, request, error, finished, deps.log);
    } finally {
      finished('left');
    }
  };
}

/** What a handler returned, in the end: Nest's exception filters answer with an observable that fails. */
async function resolve(result: unknown): Promise<unknown> {
  const value: unknown = await result;
  return isObservable(value) ? lastValueFrom(value, { defaultValue: null }) : value;
}

function failed(method: string, request: BusRequest, error: unknown, finished: Finish, log: Log): HeddleError {
  const failure = toHeddleError(error);
  finished(failure.code);
  const { requestId, principal } = request.context;
  const fields = { method, requestId, principal, code: failure.code };
  // A fault of ours is for the operators; everything else is the caller's to act on.
  if (failure.code === 'internal') log.error({ ...fields, err: error }, failure.message);
  else log.debug(fields, failure.message);
  return failure;
}

/** The body of a request, checked. @throws HeddleError `invalid`, `forbidden` */
function readBody(method: string, schema: z.ZodType | undefined, request: BusRequest): unknown {
  const body = schema ? parse(method, schema, request.body) : request.body;
  if (request.host !== undefined) {
    const named = typeof body === 'object' && body !== null ? (body as { host?: unknown }).host : undefined;
    if (named !== undefined && named !== request.host) {
      throw new HeddleError(
        'forbidden',
        `host ${request.host} asked ${method} for host ${String(named)}; a host speaks for itself only`,
      );
    }
  }
  return body;
}

function parse(method: string, schema: z.ZodType, body: unknown): unknown {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  refuse(explainIssues(result.error.issues, body, [method]));
  throw new HeddleError('internal', `the body of ${method} was refused without a reason`);
}

function isObservable(value: unknown): value is Observable<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Observable<unknown>).subscribe === 'function';
}
