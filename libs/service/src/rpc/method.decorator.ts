import type { BusRequest } from '@heddle/messaging';
import type { RpcMethod, RpcRequest, RpcResponse } from '@heddle/model';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { z } from 'zod';
import type { StreamMethod } from './methods';

/** What a handler looks like: the request's body, and the request itself with who asks and how long they wait. */
export type MethodHandler<M extends RpcMethod> = (
  body: RpcRequest<M>,
  request: BusRequest,
) => M extends StreamMethod ? AsyncIterable<RpcResponse<M>> : RpcResponse<M> | Promise<RpcResponse<M>>;

/**
 * How a method is served. Methods that hosts may call are open to whatever a host sends, so they need a schema; a `host`
 * in the body must then be the host that asks.
 */
export type MethodOptions<M extends RpcMethod> =
  | { readonly hosts?: false; readonly schema?: z.ZodType<RpcRequest<M>> }
  | { readonly hosts: true; readonly schema: z.ZodType<RpcRequest<M>> };

/** What the transport reads of a handler. */
export interface MethodExtras {
  readonly hosts: boolean;
  readonly schema?: z.ZodType;
}

/** Marks a method of a controller as the handler of a request in the catalogue; the types are those of the catalogue. */
export function Method<M extends RpcMethod>(name: M, options: MethodOptions<M> = {}) {
  const extras: MethodExtras = {
    hosts: options.hosts ?? false,
    ...(options.schema === undefined ? {} : { schema: options.schema }),
  };
  const mark = MessagePattern(name, { ...extras });
  return <H extends MethodHandler<M>>(target: object, key: string, descriptor: TypedPropertyDescriptor<H>): void => {
    mark(target, key, descriptor);
    // So that handlers need no decorators on their parameters: always (body, request).
    Payload()(target, key, 0);
    Ctx()(target, key, 1);
  };
}
