import type { Clock, Timer } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { WebSocket } from 'ws';
import { cookieOf, type ApicSession, type Login } from './session';

/** A class of objects with an annotation, of which every change is to be told. */
export interface FeedQuery {
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface FeedOptions {
  readonly session: ApicSession;
  readonly queries: readonly FeedQuery[];
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** How often subscriptions are refreshed; an APIC lets one go that is not within a minute. */
  readonly refreshMs: number;
  /** How often the socket is tried; a peer that is gone without a word is found by it. */
  readonly pingMs: number;
  /** Something changed; names of the objects, as far as they are told. */
  readonly onChange: (dns: readonly string[]) => void;
  /** Nothing more will be told. Called once, and not after `close`. */
  readonly onLost: (why: HeddleError) => void;
}

const MAX_MESSAGE = 16 * 1024 * 1024;

/**
 * Subscriptions over a web socket: what changes is told from the moment that `open` resolves. An APIC repeats nothing, so
 * whatever breaks it ends it, and the follower reads everything again.
 */
export class Feed {
  private readonly timers: Timer[] = [];
  private ids: readonly string[] = [];
  private over = false;
  private refreshing = false;
  private answered = true;

  private constructor(
    private readonly options: FeedOptions,
    private readonly login: Login,
    private readonly socket: WebSocket,
  ) {}

  /** @throws HeddleError `unavailable`, `deadline`, `unauthenticated`; what the APIC says to a subscription */
  static async open(options: FeedOptions): Promise<Feed> {
    const login = await options.session.login();
    const feed = new Feed(options, login, await openSocket(login, options.deadlineMs));
    feed.listen();
    try {
      await feed.subscribe();
    } catch (error) {
      feed.close();
      throw error;
    }
    if (feed.over) throw new HeddleError('unavailable', 'the web socket closed while subscriptions were made');
    feed.keepAlive();
    return feed;
  }

  close(): void {
    this.over = true;
    for (const timer of this.timers) timer.cancel();
    this.socket.terminate();
  }

  private listen(): void {
    const { socket, options } = this;
    socket.on('message', (data) => {
      try {
        options.onChange(changedDns(JSON.parse(String(data))));
      } catch {
        this.lose(`${this.login.transport.controller} told something over the web socket that is not understood`);
      }
    });
    socket.on('pong', () => (this.answered = true));
    socket.on('error', (error) => this.lose(`web socket: ${error.message}`));
    socket.on('close', () => this.lose(`${this.login.transport.controller} closed the web socket`));
  }

  private async subscribe(): Promise<void> {
    const ids: string[] = [];
    for (const { path, parameters } of this.options.queries) {
      const query = new URLSearchParams({ ...parameters, subscription: 'yes' });
      const call = { method: 'GET', path: `/api/${path}?${query}` } as const;
      const { subscriptionId } = await this.options.session.callWithin(this.login, call, `subscription to ${path}`);
      if (subscriptionId === undefined) throw new HeddleError('unavailable', `the subscription to ${path} has no id`);
      ids.push(subscriptionId);
    }
    this.ids = ids;
  }

  private keepAlive(): void {
    const { clock, refreshMs, pingMs } = this.options;
    this.timers.push(
      clock.every(refreshMs, () => void this.refresh()),
      clock.every(pingMs, () => {
        if (!this.answered) return this.lose(`${this.login.transport.controller} does not answer on the web socket`);
        this.answered = false;
        this.socket.ping();
      }),
    );
  }

  private async refresh(): Promise<void> {
    if (this.refreshing) return;
    this.refreshing = true;
    try {
      for (const id of this.ids) {
        const call = { method: 'GET', path: `/api/subscriptionRefresh.json?id=${encodeURIComponent(id)}` } as const;
        await this.options.session.callWithin(this.login, call, 'subscriptionRefresh');
      }
    } catch (error) {
      this.lose(HeddleError.from(error).message);
    } finally {
      this.refreshing = false;
    }
  }

  private lose(why: string): void {
    if (this.over) return;
    this.close();
    this.options.onLost(new HeddleError('unavailable', `changes on the APIC are not told any more: ${why}`));
  }
}

/** The web socket of a session is at `/socket` with the token right behind it. */
function openSocket(login: Login, deadlineMs: number): Promise<WebSocket> {
  const { controller, ca } = login.transport;
  const socket = new WebSocket(`${controller.replace(/^http/, 'ws').replace(/\/$/, '')}/socket${login.token}`, {
    headers: { cookie: cookieOf(login) },
    handshakeTimeout: deadlineMs,
    maxPayload: MAX_MESSAGE,
    perMessageDeflate: false,
    ...(ca === undefined ? {} : { ca }),
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) =>
      reject(
        new HeddleError('unavailable', `${controller} opens no web socket: ${withoutToken(error.message, login)}`),
      ),
    );
  });
}

/** A token is as good as a password. */
const withoutToken = (text: string, { token }: Login): string => text.replaceAll(token, '...');

/** Names in a notification: `{ subscriptionId: [...], imdata: [{ CLASS: { attributes: { dn, status, ... } } }] }`. */
function changedDns(message: unknown): string[] {
  const { imdata } = message as { imdata?: unknown };
  if (!Array.isArray(imdata)) throw new Error('no imdata');
  return imdata.flatMap((element) =>
    Object.values(element as Record<string, { attributes?: { dn?: unknown } }>).flatMap(({ attributes }) =>
      typeof attributes?.dn === 'string' ? [attributes.dn] : [],
    ),
  );
}
