import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { isTokenRefused, readAnswer, type Imdata } from './answer';
import { Transport, type HttpAnswer, type HttpCall } from './transport';

/** What a login takes; read at each one, so that a new password or certificate counts from then on. */
export interface Credentials {
  readonly password: string;
  /** PEM. */
  readonly ca?: string | undefined;
}

export interface SessionOptions {
  /** Addresses; one that answers is used. */
  readonly controllers: readonly string[];
  readonly user: string;
  readonly credentials: () => Promise<Credentials>;
  readonly clock: Clock;
  readonly deadlineMs: number;
}

/** A login at one controller. */
export interface Login {
  readonly transport: Transport;
  token: string;
  /** By the monotonic clock: when the token is to be refreshed. */
  refreshAt: number;
  ended: boolean;
}

/** Part of a token's lifetime after which it is refreshed; the rest is for a controller that is slow. */
const REFRESH_AT = 0.6;

/**
 * The session with a cluster of controllers: logs in at one that answers, refreshes the token before it expires, logs in anew
 * when it is refused, and goes on to the next controller when one is gone. What is asked may be repeated for that: requests to
 * an APIC are idempotent.
 */
export class ApicSession {
  private current: Login | undefined;
  private entering: Promise<Login> | undefined;
  private next = 0;
  private closed = false;

  constructor(private readonly options: SessionOptions) {}

  /** The controller that is used; undefined before a login and after its end. */
  get controller(): string | undefined {
    return this.current?.transport.controller;
  }

  /**
   * @param what what is asked, for messages
   * @throws HeddleError what the APIC answers; `unauthenticated` for a wrong password; `unavailable`, `deadline`
   */
  async call(call: HttpCall, what: string): Promise<Imdata> {
    let refused = false;
    for (let left = this.options.controllers.length; ; left--) {
      const login = await this.login();
      let answer: HttpAnswer;
      try {
        answer = await this.send(login, call);
      } catch (error) {
        this.moveOn(login);
        if (left <= 1) throw error;
        continue;
      }
      if (!isTokenRefused(answer) || refused) return readAnswer(answer, `${login.transport.controller}: ${what}`);
      // Once only: a second refusal is about what is asked, not about who asks.
      refused = true;
      left++;
      this.end(login);
    }
  }

  /** A request within one login: nothing is repeated. @throws HeddleError `unavailable` when the login has ended */
  async callWithin(login: Login, call: HttpCall, what: string): Promise<Imdata> {
    const entered = await this.login();
    if (entered !== login)
      throw new HeddleError('unavailable', `the session with ${login.transport.controller} has ended`);
    const answer = await this.send(login, call);
    if (isTokenRefused(answer)) this.end(login);
    return readAnswer(answer, `${login.transport.controller}: ${what}`);
  }

  /** The login of now, made or refreshed as needed. @throws HeddleError `unauthenticated`, `unavailable` */
  async login(): Promise<Login> {
    if (this.closed) throw new HeddleError('unavailable', 'the client is closed', { retryable: false });
    const { current } = this;
    if (current && this.options.clock.monotonic() < current.refreshAt) return current;
    this.entering ??= (current ? this.refresh(current) : this.enter()).finally(() => (this.entering = undefined));
    return this.entering;
  }

  /** Uses the next controller from now on. */
  moveOn(login: Login | undefined = this.current): void {
    if (!login || login.ended) return;
    this.next = (this.options.controllers.indexOf(login.transport.controller) + 1) % this.options.controllers.length;
    this.end(login);
  }

  close(): void {
    this.closed = true;
    if (this.current) this.end(this.current);
  }

  private send(login: Login, call: HttpCall): Promise<HttpAnswer> {
    return login.transport.send({ ...call, cookie: cookieOf(login) });
  }

  private end(login: Login): void {
    login.ended = true;
    login.transport.close();
    if (this.current === login) this.current = undefined;
  }

  private async refresh(login: Login): Promise<Login> {
    try {
      const answer = await this.send(login, { method: 'GET', path: '/api/aaaRefresh.json' });
      this.take(login, readAnswer(answer, 'aaaRefresh'));
      return login;
    } catch (error) {
      // The session is over, or its controller gone; either way a login tells.
      if (HeddleError.from(error).code === 'forbidden') this.end(login);
      else this.moveOn(login);
      return this.enter();
    }
  }

  private async enter(): Promise<Login> {
    const { controllers, credentials, clock, deadlineMs } = this.options;
    const { password, ca } = await credentials();
    const reasons: string[] = [];
    for (let i = 0; i < controllers.length; i++) {
      const controller = controllers[(this.next + i) % controllers.length] as string;
      const transport = new Transport(controller, ca, { clock, deadlineMs });
      const login: Login = { transport, token: '', refreshAt: 0, ended: false };
      try {
        const answer = await transport.send({
          method: 'POST',
          path: '/api/aaaLogin.json',
          body: this.loginBody(password),
        });
        this.take(login, readAnswer(answer, `${controller}: login of ${this.options.user}`));
        this.next = controllers.indexOf(controller);
        if (this.closed) throw new HeddleError('unavailable', 'the client is closed', { retryable: false });
        this.current = login;
        return login;
      } catch (error) {
        transport.close();
        const failure = HeddleError.from(error);
        // All controllers know the same users: another one would count it as one more attempt.
        if (failure.code === 'unauthenticated' || failure.code === 'forbidden') throw failure;
        reasons.push(failure.message);
      }
    }
    throw new HeddleError('unavailable', `no controller takes a login: ${reasons.join('; ')}`);
  }

  private loginBody(pwd: string): string {
    return JSON.stringify({ aaaUser: { attributes: { name: this.options.user, pwd } } });
  }

  private take(login: Login, { imdata }: Imdata): void {
    const [first] = imdata as { aaaLogin?: { attributes?: Record<string, unknown> } }[];
    const { token, refreshTimeoutSeconds } = first?.aaaLogin?.attributes ?? {};
    const seconds = Number(refreshTimeoutSeconds);
    if (typeof token !== 'string' || token === '' || !(seconds > 0))
      throw new HeddleError('unavailable', `${login.transport.controller}: the answer to a login has no token`);
    login.token = token;
    login.refreshAt = this.options.clock.monotonic() + seconds * 1_000 * REFRESH_AT;
  }
}

export const cookieOf = ({ token }: Login): string => `APIC-cookie=${token}`;
