import { subjects, type BusPort, type BusSubscription } from '@heddle/messaging';
import type { RpcMethod } from '@heddle/model';
import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { Log } from '../logging/log';
import type { ServiceMetrics } from '../metrics/service-metrics';
import type { MethodExtras } from './method.decorator';
import { methodHandler, streamHandler } from './method-handler';
import { METHODS, splitMethod } from './methods';

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
    const method = name as RpcMethod;
    const extras = (handler.extras ?? {}) as unknown as MethodExtras;
    for (const { subject, queue } of this.placesOf(parts, extras)) {
      const options = queue === undefined ? {} : { queue };
      this.subscriptions.push(
        METHODS[method].stream
          ? bus.serveStream(subject, options, streamHandler(method, handler, this.options, extras.schema))
          : bus.serve(subject, options, methodHandler(method, handler, this.options, extras.schema)),
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
}
