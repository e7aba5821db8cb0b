import { randomBytes } from 'node:crypto';
import { ApiError } from './api-error';

export interface SessionOptions {
  readonly user: string;
  readonly password: string;
  /** How long a token is good for without a refresh; an APIC has 300 s, or what its web token policy says. */
  readonly tokenSeconds: number;
  /** How long a session can be refreshed at all; an APIC has 24 h. */
  readonly maximumSeconds: number;
}

/** A login and what it was refreshed to: several tokens, one after the other. */
export interface Session {
  readonly id: number;
  readonly since: number;
}

export interface Issued {
  readonly token: string;
  readonly lifetimeSeconds: number;
}

const TIMEOUT = 'Token was invalid (Error: Token timeout)';
const MISSING =
  'Need a valid webtoken cookie (named APIC-Cookie) or a signed request with signature in the cookie APIC-Request-Signature for all REST API requests';

/** Logins at one controller; its tokens are good there only. */
export class Sessions {
  private readonly tokens = new Map<string, { readonly session: Session; readonly expires: number }>();
  private next = 1;
  logins = 0;
  refreshes = 0;

  constructor(private readonly options: SessionOptions) {}

  /** `aaaLogin`. @throws ApiError 401 */
  login(body: unknown): Issued {
    const { attributes } = (body as { aaaUser?: { attributes?: Record<string, unknown> } })?.aaaUser ?? {};
    this.logins++;
    if (attributes?.['name'] !== this.options.user || attributes['pwd'] !== this.options.password)
      throw new ApiError(401, '401', 'Username or password is incorrect - FAILED local authentication');
    return this.issue({ id: this.next++, since: Date.now() });
  }

  /** `aaaRefresh`: a new token for the same session. @throws ApiError 403 */
  refresh(token: string | undefined): Issued {
    const session = this.check(token);
    this.refreshes++;
    if (Date.now() - session.since > this.options.maximumSeconds * 1_000) throw new ApiError(403, '403', TIMEOUT);
    return this.issue(session);
  }

  /** @throws ApiError 403 for a token that is missing, unknown or has expired */
  check(token: string | undefined): Session {
    if (token === undefined) throw new ApiError(403, '403', MISSING);
    const known = this.tokens.get(token);
    if (known && known.expires > Date.now()) return known.session;
    throw new ApiError(403, '403', TIMEOUT);
  }

  logout(token: string | undefined): void {
    const session = this.tokens.get(token ?? '')?.session;
    for (const [other, known] of this.tokens) if (known.session === session) this.tokens.delete(other);
  }

  /** Ends all sessions, as a restart of the controller does. */
  expireAll(): void {
    this.tokens.clear();
  }

  private issue(session: Session): Issued {
    // Tokens have characters of base64, slashes among them.
    const token = `${randomBytes(30).toString('base64')}/x+==`;
    const lifetimeSeconds = this.options.tokenSeconds;
    this.tokens.set(token, { session, expires: Date.now() + lifetimeSeconds * 1_000 });
    return { token, lifetimeSeconds };
  }
}
