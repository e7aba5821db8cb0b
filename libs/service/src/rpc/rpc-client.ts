import { subjects, type BusPort, type BusRequest, type RequestContext, type RequestOptions } from '@heddle/messaging';
import { HeddleError, type RpcMethod, type RpcRequest, type RpcResponse } from '@heddle/model';
import type { ServiceMetrics } from '../metrics/service-metrics';
import { METHODS, splitMethod, type ServiceMethod, type StreamMethod, type UnaryAgentMethod } from './methods';

export interface CallOptions {
  /** Milliseconds to wait for the answer; by default what {@link METHODS} says. */
  readonly deadlineMs?: number;
  /** On whose behalf; by default on the service's own. */
  readonly context?: RequestContext;
  /**
   * The request that this call helps to answer: the call is made on behalf of the same principal, waits no longer than
   * its caller does, and ends when that one gives up.
   */
  readonly within?: BusRequest;
  readonly signal?: AbortSignal;
  /** While there is no connection: `wait` for one until the deadline (the default), or `fail` at once. */
  readonly disconnected?: 'wait' | 'fail';
}

/** Requests to one host's agent. */
export interface AgentClient {
  /** @throws HeddleError what the agent threw; `unavailable` when it is not connected; `deadline` */
  call<M extends UnaryAgentMethod>(method: M, body: RpcRequest<M>, options?: CallOptions): Promise<RpcResponse<M>>;
  /** Leaving the loop ends the stream at its source. */
  stream<M extends StreamMethod>(
    method: M,
    body: RpcRequest<M>,
    options?: CallOptions,
  ): AsyncIterableIterator<RpcResponse<M>>;
}

/** Requests of the catalogue, typed, each with a deadline. */
export class RpcClient {
  constructor(
    private readonly bus: BusPort,
    private readonly metrics?: ServiceMetrics,
  ) {}

  /** @throws HeddleError what the handler threw; `unavailable` when it was not sent or nobody serves it; `deadline` */
  call<M extends ServiceMethod>(method: M, body: RpcRequest<M>, options: CallOptions = {}): Promise<RpcResponse<M>> {
    const { service, method: name } = parts(method);
    return this.timed(method, this.bus.call<RpcResponse<M>>(service, name, body, requestOptions(method, options)));
  }

  agent(host: string): AgentClient {
    const subject = (method: RpcMethod): string => subjects.agent(host, parts(method).method);
    return {
      call: <M extends UnaryAgentMethod>(method: M, body: RpcRequest<M>, options: CallOptions = {}) =>
        this.timed(method, this.bus.request<RpcResponse<M>>(subject(method), body, requestOptions(method, options))),
      stream: <M extends StreamMethod>(method: M, body: RpcRequest<M>, options: CallOptions = {}) =>
        this.bus.requestStream<RpcResponse<M>>(subject(method), body, requestOptions(method, options)),
    };
  }

  private async timed<T>(method: string, answer: Promise<T>): Promise<T> {
    const finished = this.metrics?.startCalling(method);
    try {
      const value = await answer;
      finished?.('ok');
      return value;
    } catch (error) {
      finished?.(HeddleError.from(error).code);
      throw error;
    }
  }
}

function parts(method: RpcMethod): { service: string; method: string } {
  const found = splitMethod(method);
  if (!found) throw new HeddleError('internal', `"${method}" is not in the catalogue of requests`);
  return found;
}

function requestOptions(
  method: RpcMethod,
  { deadlineMs = METHODS[method].deadlineMs, context, within, signal, disconnected }: CallOptions,
): Pick<RequestOptions<unknown>, 'deadlineMs' | 'context' | 'disconnected' | 'signal'> {
  const onBehalf = context ?? within?.context;
  const signals = [signal, within?.signal].filter((s) => s !== undefined);
  return {
    deadlineMs: within === undefined ? deadlineMs : Math.max(1, Math.min(deadlineMs, within.remainingMs())),
    ...(onBehalf === undefined ? {} : { context: onBehalf }),
    ...(disconnected === undefined ? {} : { disconnected }),
    ...(signals.length === 0 ? {} : { signal: signals.length === 1 ? signals[0] : AbortSignal.any(signals) }),
  };
}
