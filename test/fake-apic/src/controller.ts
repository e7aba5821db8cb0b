import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { ApiError, badRequest } from './api-error';
import { runQuery, type Query } from './query';
import { Sessions, type Issued, type Session, type SessionOptions } from './sessions';
import { Subscriptions } from './subscriptions';
import type { Body, ManagementTree, MoEvent } from './tree';

export interface RequestSeen {
  readonly method: string;
  /** Decoded, without the parameters. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What goes wrong with a request: an error in the place of an answer, a broken connection, or no answer at all. */
export type Fault = { readonly status: number; readonly text?: string } | 'reset' | 'hang';

export interface ControllerOptions extends SessionOptions {
  readonly subscriptionSeconds: number;
  /** Key and certificate, for HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** One controller of the cluster: the REST API and its web sockets on a port of its own. */
export class Controller {
  readonly sessions: Sessions;
  readonly subscriptions: Subscriptions;
  readonly requests: RequestSeen[] = [];
  /** Decides about each request that is not to be answered as it should. */
  fault: (request: RequestSeen) => Fault | undefined = () => undefined;
  private server: http.Server | undefined;
  private readonly sockets = new WebSocketServer({ noServer: true });
  private readonly connections = new Set<Socket>();
  private port = 0;

  constructor(
    private readonly tree: ManagementTree,
    private readonly options: ControllerOptions,
    private readonly publish: (events: readonly MoEvent[]) => void,
  ) {
    this.sessions = new Sessions(options);
    this.subscriptions = new Subscriptions(options.subscriptionSeconds);
  }

  get url(): string {
    return `${this.options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Listens, on the port of before if there was one. */
  async start(): Promise<void> {
    const handle = (request: http.IncomingMessage, response: http.ServerResponse): void =>
      void this.serve(request, response);
    const server = this.options.tls ? https.createServer(this.options.tls, handle) : http.createServer(handle);
    server.on('connection', (socket: Socket) => {
      this.connections.add(socket);
      socket.on('close', () => this.connections.delete(socket));
    });
    server.on('upgrade', (request: http.IncomingMessage, socket: Socket, head) => this.upgrade(request, socket, head));
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  /** Goes away, with all connections; sessions and subscriptions are lost. */
  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.subscriptions.breakSockets();
    this.sessions.expireAll();
    for (const socket of this.connections) socket.destroy();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  /** Stops reading what comes in, as a machine does that hangs; connections stay open. */
  pause(): void {
    for (const socket of this.connections) socket.pause();
  }

  resume(): void {
    for (const socket of this.connections) socket.resume();
  }

  private upgrade(request: http.IncomingMessage, socket: Socket, head: Buffer): void {
    const seen = { method: 'GET', path: '/socket', parameters: {}, body: '' };
    this.requests.push(seen);
    const fault = this.fault(seen);
    if (fault === 'hang') return;
    const session = fault === undefined ? this.sessionOf(request.url ?? '') : undefined;
    if (session) this.sockets.handleUpgrade(request, socket, head, (ws) => this.subscriptions.open(session, ws));
    else socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
  }

  /** The web socket is at `/socket` with the token right behind it. */
  private sessionOf(url: string): Session | undefined {
    try {
      return this.sessions.check(decodeURIComponent(url.replace(/^\/socket/, '')));
    } catch {
      // Whatever is wrong with the token, the upgrade is refused.
      return undefined;
    }
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The caller gave up in the middle of its request.
      return;
    }
    const url = new URL(request.url ?? '/', 'http://apic');
    const seen: RequestSeen = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      parameters: Object.fromEntries(url.searchParams),
      body: Buffer.concat(chunks).toString('utf8'),
    };
    this.requests.push(seen);
    const fault = this.fault(seen);
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.destroy();
    try {
      if (fault) throw new ApiError(fault.status, String(fault.status), fault.text ?? 'Service Unavailable');
      const token = /(?:^|;\s*)APIC-cookie=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
      answer(response, 200, this.route(seen, token, response));
    } catch (error) {
      const known = error instanceof ApiError ? error : new ApiError(500, '500', String(error));
      const attributes = { code: known.code, text: known.message };
      answer(response, known.status, { totalCount: '1', imdata: [{ error: { attributes } }] });
    }
  }

  private route(
    { method, path, parameters, body }: RequestSeen,
    token: string | undefined,
    response: http.ServerResponse,
  ): object {
    switch (path) {
      case '/api/aaaLogin.json':
        return this.loggedIn(this.sessions.login(parse(body)), response);
      case '/api/aaaRefresh.json':
        return this.loggedIn(this.sessions.refresh(token), response);
      case '/api/aaaLogout.json':
        this.sessions.logout(token);
        return { totalCount: '0', imdata: [] };
    }
    const session = this.sessions.check(token);
    if (path === '/api/subscriptionRefresh.json') {
      this.subscriptions.refresh(parameters['id'] ?? '');
      return { totalCount: '0', imdata: [] };
    }
    const [, kind, name = ''] = /^\/api\/(?:node\/)?(mo|class)\/(.+)\.json$/.exec(path) ?? [];
    if (kind === undefined) throw badRequest('400', `Invalid request. ${path}`);
    const target: Query['target'] = kind === 'mo' ? { type: 'mo', dn: name } : { type: 'class', class: name };
    if (method === 'GET') return this.get({ target, parameters }, session);
    if (kind !== 'mo') throw badRequest('400', `Invalid request. ${method} ${path}`);
    if (method === 'DELETE') this.publish(this.tree.delete(name));
    else this.publish(this.tree.post(name, parse(body) as Body));
    return { totalCount: '0', imdata: [] };
  }

  private get(query: Query, session: Session): object {
    const { total, elements } = runQuery(this.tree, query);
    const answer = { totalCount: String(total), imdata: elements };
    if (query.parameters['subscription'] !== 'yes') return answer;
    return { ...answer, subscriptionId: this.subscriptions.subscribe(session, query) };
  }

  /** "Using the REST API: Authenticating and Maintaining an API Session": the token is in the answer and in a cookie. */
  private loggedIn({ token, lifetimeSeconds }: Issued, response: http.ServerResponse): object {
    response.setHeader('set-cookie', `APIC-cookie=${token}; path=/; HttpOnly; Secure`);
    const attributes = {
      token,
      siteFingerprint: 'fake',
      refreshTimeoutSeconds: String(lifetimeSeconds),
      maximumLifetimeSeconds: String(this.options.maximumSeconds),
      userName: this.options.user,
      version: '5.2(1g)',
    };
    return { totalCount: '1', imdata: [{ aaaLogin: { attributes } }] };
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    throw badRequest('400', 'incomplete node at line 1: the body is not JSON');
  }
}

function answer(response: http.ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
