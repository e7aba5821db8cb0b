import { randomUUID } from 'node:crypto';
import type { RequestContext } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

const REQUEST_ID = /^[A-Za-z0-9._:-]{1,64}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const KEY = Symbol('heddle request context');

type Carrier = Request & { [KEY]?: RequestContext };

/** Nobody yet: what a request is until its token has been looked at. */
const ANONYMOUS = 'anonymous';

/** Gives every request an id (the caller's, if it sends a usable one) and takes over its trace. */
export function requestContext(request: Request, response: Response, next: NextFunction): void {
  const given = request.get('x-request-id');
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  const traceparent = request.get('traceparent');
  (request as Carrier)[KEY] = {
    principal: ANONYMOUS,
    requestId,
    ...(traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
  };
  response.setHeader('x-request-id', requestId);
  next();
}

/** Says who asks, once that is known. */
export function identify(request: Request, who: { principal: string; tenant?: string }): void {
  (request as Carrier)[KEY] = { ...contextOf(request), ...who };
}

export function contextOf(request: Request): RequestContext {
  const context = (request as Carrier)[KEY];
  if (!context) throw new HeddleError('internal', 'a request without a context');
  return context;
}

/** On whose behalf a handler works: `@Caller() caller: RequestContext`. */
export const Caller = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  contextOf(context.switchToHttp().getRequest<Request>()),
);
