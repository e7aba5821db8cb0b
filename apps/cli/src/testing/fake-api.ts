import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  expand,
  findKind,
  HeddleError,
  keyOf,
  matches,
  parseKey,
  parseObjects,
  parseSelector,
  type AnyObject,
  type EventFact,
  type FabricPlan,
  type FabricStatus,
  type HeddleObject,
  type KindInfo,
  type LogLine,
  type RuleView,
} from '@heddle/model';
import type { ChangedObject, ChangeStatus, ClusterStatus, HistoryEntry, Plan, ProbeAnswer } from '../api/types';

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

type Reply = { readonly status: number; readonly body: unknown };

const STATUS: Readonly<Record<string, number>> = {
  invalid: 422,
  'not-found': 404,
  conflict: 409,
  refused: 409,
  limit: 413,
};

/**
 * A server that follows docs/api.md, with its objects in memory and no cluster behind it: what a cluster would report
 * (plans, progress, probes) is what the test puts in.
 */
export class FakeApi {
  readonly token = 'secret';
  readonly requests: RecordedRequest[] = [];
  readonly objects = new Map<string, HeddleObject>();
  readonly history: HistoryEntry[] = [];
  readonly facts: EventFact[] = [];
  readonly logs = new Map<string, LogLine[]>();
  rules: readonly RuleView[] = [];
  plan: Plan = { changed: [], containers: { start: [], stop: [] }, paths: { opened: [], closed: [] } };
  probe: ProbeAnswer = { results: [], mismatches: 0, missing: [] };
  status: Partial<ClusterStatus> = {};
  /** By the names of fabrics. */
  readonly fabricPlans = new Map<string, FabricPlan>();
  readonly fabricStatuses = new Map<string, FabricStatus>();
  /** What the progress of a change is; called for every look. */
  progress: (position: number) => Partial<ChangeStatus> = () => ({});
  /** Answers instead of the server, for requests it returns something for. */
  intercept: (request: RecordedRequest) => Reply | 'break' | undefined = () => undefined;
  /** The most objects on a page. */
  pageSize = 500;
  position = 0;
  private readonly server = http.createServer((request, response) => void this.serve(request, response));
  private readonly streams = new Set<http.ServerResponse>();
  private readonly followers = new Map<string, Set<http.ServerResponse>>();
  private readonly done = new Map<string, unknown>();

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve, reject) => this.server.close((error) => (error ? reject(error) : resolve())));
  }

  /** Objects of a text, as if they had been applied. */
  load(text: string): void {
    this.put(parseObjects(text).map(({ object }) => object));
  }

  set(...objects: readonly HeddleObject[]): void {
    for (const object of objects) this.objects.set(keyOf(object), object);
  }

  emit(fact: EventFact): void {
    this.facts.push(fact);
    for (const stream of this.streams) stream.write(`event: fact\ndata: ${JSON.stringify(fact)}\n\n`);
  }

  /** How many are connected to the event stream. */
  get watchers(): number {
    return this.streams.size;
  }

  breakStreams(): void {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  writeLog(allocation: string, line: LogLine): void {
    this.logs.set(allocation, [...(this.logs.get(allocation) ?? []), line]);
    for (const follower of this.followers.get(allocation) ?? []) follower.write(`${JSON.stringify(line)}\n`);
  }

  followersOf(allocation: string): number {
    return this.followers.get(allocation)?.size ?? 0;
  }

  endLogs(allocation: string): void {
    for (const follower of this.followers.get(allocation) ?? []) follower.end();
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://fake');
    const recorded: RecordedRequest = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname).replace('/api/v1', ''),
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    };
    this.requests.push(recorded);
    const instead = this.intercept(recorded);
    if (instead === 'break') return void request.socket.destroy();
    if (instead) return answer(response, instead);
    try {
      if (request.headers.authorization !== `Bearer ${this.token}`) {
        throw new HeddleError('unauthenticated', 'this token is not known');
      }
      const body = this.route(recorded, response);
      if (body !== undefined) answer(response, { status: 200, body });
    } catch (error) {
      const known = HeddleError.from(error);
      answer(response, {
        status: known.code === 'unauthenticated' ? 401 : (STATUS[known.code] ?? 500),
        body: known.toJSON(),
      });
    }
  }

  /** The body of the answer, or nothing where the route answers by itself. */
  private route(request: RecordedRequest, response: http.ServerResponse): unknown {
    const { method, path, query, headers } = request;
    const dryRun = query['dryRun'] === 'true';
    const [, first = '', ...rest] = path.split('/');
    const tail = rest.join('/');
    const key = headers['idempotency-key'];
    if (typeof key === 'string' && this.done.has(key)) return this.done.get(key);
    const change = (work: () => ChangedObject[], verb: string): unknown => {
      if (dryRun) return { position: this.position, changed: this.plan.changed, plan: this.plan };
      const done = this.change(verb, work);
      if (typeof key === 'string') this.done.set(key, done);
      return done;
    };
    switch (`${method} ${first}`) {
      case 'POST apply':
        return change(() => this.put(objectsIn(request.body)), 'apply');
      case 'POST plan':
        objectsIn(request.body);
        return this.plan;
      case 'POST delete':
        return change(() => objectsIn(request.body).flatMap((object) => this.remove(keyOf(object))), 'delete');
      case 'POST probe':
        return this.probe;
      case 'GET rules': {
        const items = this.rules.filter((rule) => rule.origin === query['contract']);
        return { items, total: items.length };
      }
      case 'GET status':
        return { clusterUid: 'c1', incarnation: 1, position: this.position, store: { state: 'ok' }, services: {}, hosts: [], version: '0.1.0', ...this.status }; // prettier-ignore
      case 'GET events':
        return tail === 'stream' ? this.watch(response) : { items: this.facts.slice(-Number(query['limit'] ?? 100)) };
      case 'GET changes':
        return tail === ''
          ? { items: this.history.slice(0, Number(query['limit'])) }
          : this.progressOf(Number(rest[0]));
      case 'POST changes':
        return change(() => [], 'rollback');
      case 'POST hosts':
        return { host: rest[0], servers: ['nats://192.0.2.10:4222'], seed: `SU-${rest[0]}` };
      case 'POST services':
        return change(() => this.act(rest.slice(0, 3).join('/'), rest[3] ?? '', request.body), rest[3] ?? '');
    }
    if (first === 'fabrics' && rest.length === 2)
      return this.fabric(rest[0] ?? '', `${method} ${rest[1]}`, request.body);
    const kind = findKind(first);
    if (!kind || kind.plural !== first) throw new HeddleError('not-found', `there is nothing at ${path}`);
    if (method === 'GET' && tail === '') return this.list(kind, query);
    if (method === 'GET' && first === 'allocations' && rest[3] === 'logs')
      return this.log(rest.slice(0, 3).join('/'), query, response);
    if (method === 'GET') return this.find(`${kind.kind}/${tail}`);
    if (method === 'DELETE') return change(() => this.remove(`${kind.kind}/${tail}`), 'delete');
    throw new HeddleError('not-found', `there is nothing at ${method} ${path}`);
  }

  private fabric(name: string, what: string, body: string): unknown {
    const plan = this.fabricPlans.get(name);
    if (what === 'GET plan' && plan) return plan;
    const status = this.fabricStatuses.get(name);
    if (!status) throw new HeddleError('not-found', `there is no Fabric ${name}`);
    if (what === 'GET status') return status;
    const { digest } = JSON.parse(body) as { digest: string };
    if (digest !== status.waiting?.digest) throw new HeddleError('conflict', `what waits is not ${digest} any more`);
    const { waiting: _confirmed, ...rest } = status;
    return { ...rest, state: 'in-force', missing: 0 } satisfies FabricStatus;
  }

  private list(kind: KindInfo, query: Readonly<Record<string, string>>): unknown {
    const { tenant, selector = '', continue: after = '' } = query;
    const wanted = [...this.objects.values()]
      .filter((object) => object.kind === kind.kind && (tenant === undefined || object.metadata.tenant === tenant))
      .filter((object) => matches(parseSelector(selector), object.metadata.labels))
      .map((object) => ({ key: keyOf(object), object }))
      .filter(({ key }) => key > after)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const items = wanted.slice(0, Math.min(this.pageSize, Number(query['limit'] ?? 500)));
    const more = wanted.length > items.length ? { continue: items.at(-1)?.key } : {};
    return { kind: `${kind.kind}List`, items: items.map(({ object }) => object), position: this.position, ...more };
  }

  private find(key: string): HeddleObject {
    const object = this.objects.get(key);
    if (object) return object;
    throw new HeddleError('not-found', `there is no ${parseKey(key).kind} ${parseKey(key).path}`);
  }

  private change(verb: string, work: () => ChangedObject[]): unknown {
    const changed = work();
    if (changed.length > 0) this.position++;
    const at = new Date(Date.UTC(2026, 0, 1)).toISOString();
    const entry = {
      position: this.position,
      changeId: `id-${this.position}`,
      at,
      by: { principal: 'admin' },
      verb,
      summary: verb,
    };
    this.history.unshift({ ...entry, changed });
    return { position: this.position, changed };
  }

  private put(objects: readonly AnyObject[]): ChangedObject[] {
    return objects
      .flatMap((object) => [object as HeddleObject, ...expand(object)])
      .flatMap((object): ChangedObject[] => {
        const key = keyOf(object);
        const before = this.objects.get(key);
        if (before && JSON.stringify(before.spec) === JSON.stringify(object.spec)) return [];
        this.objects.set(key, object);
        return [{ key, action: before ? 'updated' : 'created' }];
      });
  }

  private remove(key: string): ChangedObject[] {
    this.find(key);
    const { kind, path } = parseKey(key);
    const owned = [...this.objects.values()].filter(
      ({ metadata }) => metadata.owner?.kind === kind && metadata.owner.path === path,
    );
    const keys = [key, ...owned.map(keyOf)];
    for (const gone of keys) this.objects.delete(gone);
    return keys.map((gone) => ({ key: gone, action: 'deleted' }));
  }

  private act(service: string, what: string, body: string): ChangedObject[] {
    const object = this.find(`Service/${service}`) as HeddleObject<'Service'>;
    if (what === 'scale') object.spec.replicas = (JSON.parse(body) as { replicas: number }).replicas;
    return [{ key: keyOf(object), action: 'updated' }];
  }

  private progressOf(position: number): ChangeStatus {
    const hosts = { inForce: 3, hosts: 3, missing: [] };
    return { position, policy: hosts, services: [], settled: true, ...this.progress(position) };
  }

  private watch(response: http.ServerResponse): undefined {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  private log(allocation: string, query: Readonly<Record<string, string>>, response: http.ServerResponse): undefined {
    const lines = this.logs.get(allocation) ?? [];
    const tail = query['tail'] === undefined ? lines.length : Number(query['tail']);
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.flushHeaders();
    for (const line of tail === 0 ? [] : lines.slice(-tail)) response.write(`${JSON.stringify(line)}\n`);
    if (query['follow'] !== 'true') return void response.end();
    const followers = this.followers.get(allocation) ?? new Set();
    this.followers.set(allocation, followers.add(response));
    response.on('close', () => followers.delete(response));
  }
}

const objectsIn = (text: string): AnyObject[] => parseObjects(text).map(({ object }) => object);

function answer(response: http.ServerResponse, { status, body }: Reply): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
