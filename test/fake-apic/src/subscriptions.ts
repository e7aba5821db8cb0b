import type { WebSocket } from 'ws';
import { badRequest } from './api-error';
import { matches, type Query } from './query';
import type { Session } from './sessions';
import type { MoEvent } from './tree';

interface Subscription {
  readonly query: Query;
  readonly session: number;
  readonly lifetimeMs: number;
  expires: number;
}

/**
 * Queries whose later changes are told over the web socket of the session that asked ("Using the REST API: Subscribing to Query
 * Results"). A subscription ends when it is not refreshed in time, and with the socket.
 */
export class Subscriptions {
  private readonly subscriptions = new Map<string, Subscription>();
  /** By session. */
  private readonly sockets = new Map<number, WebSocket>();
  private next = 72057600000000001n;
  /** While true changes are not told: what a subscriber cannot notice. */
  silent = false;

  constructor(private readonly lifetimeSeconds: number) {}

  get size(): number {
    return this.subscriptions.size;
  }

  get connected(): number {
    return this.sockets.size;
  }

  open({ id }: Session, socket: WebSocket): void {
    this.sockets.set(id, socket);
    // A broken socket closes, too; that is all that matters of it.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(id);
      for (const [key, { session }] of this.subscriptions) if (session === id) this.subscriptions.delete(key);
    });
  }

  /** @returns its id */
  subscribe(session: Session, query: Query): string {
    const lifetimeMs = Number(query.parameters['refresh-timeout'] ?? this.lifetimeSeconds) * 1_000;
    const id = String(this.next++);
    this.subscriptions.set(id, { query, session: session.id, lifetimeMs, expires: Date.now() + lifetimeMs });
    return id;
  }

  /** `subscriptionRefresh`. @throws ApiError 400 for one that is unknown or has expired */
  refresh(id: string): void {
    const subscription = this.subscriptions.get(id);
    if (!subscription || subscription.expires <= Date.now()) {
      this.subscriptions.delete(id);
      throw badRequest('400', `Subscription refresh failed, unknown subscription ${id}`);
    }
    subscription.expires = Date.now() + subscription.lifetimeMs;
  }

  /** Tells every event to those whose query it is about; one event goes to a socket once, with all ids that it is for. */
  publish(events: readonly MoEvent[]): void {
    if (this.silent) return;
    for (const event of events) {
      const ids = new Map<number, string[]>();
      for (const [id, { query, session, expires }] of this.subscriptions) {
        if (expires <= Date.now() || !matches(query, event.object)) continue;
        ids.set(session, [...(ids.get(session) ?? []), id]);
      }
      for (const [session, subscriptionId] of ids) {
        const { dn, status, attributes } = event;
        const element = { [event.class]: { attributes: { ...attributes, dn, status, childAction: '' } } };
        this.sockets.get(session)?.send(JSON.stringify({ subscriptionId, imdata: [element] }));
      }
    }
  }

  /** Breaks all sockets without a word. */
  breakSockets(): void {
    for (const socket of this.sockets.values()) socket.terminate();
  }

  /** Lets all subscriptions run out, with their sockets open. */
  expireAll(): void {
    for (const subscription of this.subscriptions.values()) subscription.expires = 0;
  }
}
