import { hostname } from 'node:os';
import { systemClock, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { Bus } from '../bus/bus';
import type { StorePort } from '../stream/stream-port';
import { NatsStore } from './nats-store';
import { NatsTransport } from './nats-transport';

export interface ConnectOptions {
  /** `host:port` or `nats://host:port`; several of one cluster. */
  readonly servers: string | readonly string[];
  /** What this process is: `scheduler`, `agent`. */
  readonly name: string;
  /** The host whose agent connects; absent in the control plane. */
  readonly host?: string;
  /** Seed of this user's nkey (`SU...`). */
  readonly seed?: string;
  /** Where replies are received. Default: what the permissions of this user allow. */
  readonly inboxPrefix?: string;
  /** Copies of every stream: 1 for a single server, 3 for a cluster. Default 1. */
  readonly replicas?: number;
  /** Milliseconds to wait for the first connection. 0: do not wait, the bus connects in the background. Default 10 s. */
  readonly connectMs?: number;
  readonly clock?: Clock;
}

/** A {@link Bus} over NATS, with the store behind it. */
export class NatsBus extends Bus {
  readonly store: StorePort;

  constructor(transport: NatsTransport, options: ConnectOptions) {
    const clock = options.clock ?? systemClock;
    super(transport, {
      name: `${options.name}@${options.host ?? hostname()}`,
      ...(options.host === undefined ? {} : { host: options.host }),
      clock,
    });
    this.store = new NatsStore(transport, clock, options.replicas ?? 1);
  }
}

/**
 * Connects to NATS. The connection is made again whenever it is lost, until `close`.
 * @throws HeddleError `unauthenticated` when the server does not admit this user, `unavailable` when there is no server
 *   within `connectMs`
 */
export async function connectBus(options: ConnectOptions): Promise<NatsBus> {
  const { servers, name, host, seed, inboxPrefix, connectMs = 10_000, clock = systemClock } = options;
  const transport = new NatsTransport({
    servers,
    name,
    clock,
    ...(host === undefined ? {} : { host }),
    ...(seed === undefined ? {} : { seed }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });
  const bus = new NatsBus(transport, options);
  if (connectMs === 0) return bus;
  const refused = new AbortController();
  const stop = transport.onError((error) => {
    if (error.code === 'unauthenticated') refused.abort(error);
  });
  try {
    await bus.whenConnected(connectMs, refused.signal);
  } catch (error) {
    await bus.close();
    throw transport.lastError ?? HeddleError.from(error);
  } finally {
    stop();
  }
  return bus;
}
