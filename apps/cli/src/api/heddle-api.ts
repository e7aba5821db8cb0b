import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  HeddleError,
  type ErrorCode,
  type EventFact,
  type FabricPlan,
  type FabricStatus,
  type HeddleObject,
  type KindInfo,
  type LogLine,
  type RuleList,
} from '@heddle/model';
import { UnreachableError } from '../errors';
import type { HttpAnswer, HttpClient, HttpRequest } from './http-client';
import { serverEvents } from './sse';
import type {
  ChangeAnswer,
  ChangeStatus,
  ClusterStatus,
  EventFilter,
  EventsAnswer,
  HistoryEntry,
  HostCredentials,
  ListAnswer,
  Plan,
  ProbeAnswer,
} from './types';

export interface ListFilter {
  readonly tenant?: string | undefined;
  readonly application?: string | undefined;
  /** Label selector: `tier=web,env in (a,b)`. */
  readonly selector?: string | undefined;
}

/** What a rollback is limited to: a tenant, or an application in it; without both, all that the caller may change. */
export interface RollbackScope {
  readonly tenant?: string | undefined;
  readonly application?: string | undefined;
}

/** A file of objects on its way to the server. */
export interface InputFile {
  /** For messages: the path, or `standard input`. */
  readonly name: string;
  readonly text: string;
}

const PAGE = 500;
/** Changes and plans ask every service. */
const CHANGE_DEADLINE_MS = 60_000;
/** All of a controller is read for an answer. */
const FABRIC_DEADLINE_MS = 75_000;
/** How often a request is repeated whose connection broke, and after how many milliseconds. */
const REPEATS_AFTER_MS = [50, 500];

/** The HTTP API under `/api/v1`, one method for each request that the command line makes. */
export class HeddleApi {
  constructor(
    private readonly http: HttpClient,
    private readonly token: string,
  ) {}

  /** All pages of a list as one. */
  async list(kind: KindInfo, filter: ListFilter = {}): Promise<ListAnswer> {
    const pages: ListAnswer[] = [];
    let next: string | undefined;
    do {
      const query = { ...filter, limit: PAGE, continue: next };
      const page = await this.call<ListAnswer>({ method: 'GET', path: `/${kind.plural}`, query });
      pages.push(page);
      next = page.continue;
    } while (next !== undefined);
    const [first] = pages as [ListAnswer, ...ListAnswer[]];
    const { continue: _more, ...answer } = first;
    return { ...answer, items: pages.flatMap((page) => page.items) };
  }

  get(kind: KindInfo, path: string): Promise<HeddleObject> {
    return this.call({ method: 'GET', path: `/${kind.plural}/${encodePath(path)}` });
  }

  apply(file: InputFile, dryRun = false): Promise<ChangeAnswer> {
    return this.change({ method: 'POST', path: '/apply', query: { dryRun: dryRun || undefined }, body: bodyOf(file) });
  }

  async plan(file: InputFile): Promise<Plan> {
    const answer = await this.change<Plan | { readonly plan: Plan }>({
      method: 'POST',
      path: '/plan',
      body: bodyOf(file),
    });
    return 'plan' in answer ? answer.plan : answer;
  }

  deleteFile(file: InputFile, dryRun = false): Promise<ChangeAnswer> {
    return this.change({ method: 'POST', path: '/delete', query: { dryRun: dryRun || undefined }, body: bodyOf(file) });
  }

  delete(kind: KindInfo, path: string, dryRun = false): Promise<ChangeAnswer> {
    const query = { dryRun: dryRun || undefined };
    return this.change({ method: 'DELETE', path: `/${kind.plural}/${encodePath(path)}`, query });
  }

  scale(service: string, replicas: number, dryRun = false): Promise<ChangeAnswer> {
    return this.act(service, 'scale', { replicas }, dryRun);
  }

  restart(service: string, dryRun = false): Promise<ChangeAnswer> {
    return this.act(service, 'restart', {}, dryRun);
  }

  async history(filter: { readonly limit: number; readonly key?: string | undefined }): Promise<HistoryEntry[]> {
    const answer = await this.call<{ items: HistoryEntry[] }>({
      method: 'GET',
      path: '/changes',
      query: { ...filter },
    });
    return answer.items;
  }

  changeStatus(position: number): Promise<ChangeStatus> {
    return this.call({ method: 'GET', path: `/changes/${position}/status` });
  }

  rollback(position: number, scope: RollbackScope, dryRun = false): Promise<ChangeAnswer> {
    const query = { tenant: scope.tenant, application: scope.application, dryRun: dryRun || undefined };
    return this.change({ method: 'POST', path: `/changes/${position}/rollback`, query, body: json({}) });
  }

  /** What a contract is resolved to. */
  rules(contract: string): Promise<RuleList> {
    return this.call({ method: 'GET', path: '/rules', query: { contract } });
  }

  /** Facts that happened, oldest first. */
  async events(filter: EventFilter & { readonly limit?: number }): Promise<readonly EventFact[]> {
    return (await this.call<EventsAnswer>({ method: 'GET', path: '/events', query: { ...filter } })).items;
  }

  /** Facts as they happen, from when this returns. The iterable ends or throws when the connection does. */
  async eventStream(filter: EventFilter, signal?: AbortSignal): Promise<AsyncIterable<EventFact>> {
    const headers = { accept: 'text/event-stream' };
    return factsOf(await this.lines({ method: 'GET', path: '/events/stream', query: { ...filter }, headers }, signal));
  }

  /** Lines of a container's output; without end when followed. */
  async logs(
    allocation: string,
    options: { readonly follow: boolean; readonly tail?: number | undefined },
    signal?: AbortSignal,
  ): Promise<AsyncIterable<LogLine>> {
    const query = { follow: options.follow || undefined, tail: options.tail };
    const path = `/allocations/${encodePath(allocation)}/logs`;
    const headers = { accept: 'application/x-ndjson' };
    return logLinesOf(await this.lines({ method: 'GET', path, query, headers }, signal));
  }

  /** Tries connections between the containers of an application; `timeoutMs` is for one connection. */
  probe(request: { tenant: string; application: string; timeoutMs: number }): Promise<ProbeAnswer> {
    return this.call({ method: 'POST', path: '/probe', body: json(request), deadlineMs: 300_000 });
  }

  status(): Promise<ClusterStatus> {
    return this.call({ method: 'GET', path: '/status' });
  }

  /** What would be sent to the controllers of a Fabric, after reading them. */
  fabricPlan(fabric: string): Promise<FabricPlan> {
    return this.call({ method: 'GET', path: `/fabrics/${encodePath(fabric)}/plan`, deadlineMs: FABRIC_DEADLINE_MS });
  }

  fabricStatus(fabric: string): Promise<FabricStatus> {
    return this.call({ method: 'GET', path: `/fabrics/${encodePath(fabric)}/status` });
  }

  /** Lets happen what waits, if it is still what the digest stands for. */
  fabricConfirm(fabric: string, digest: string): Promise<FabricStatus> {
    const path = `/fabrics/${encodePath(fabric)}/confirm`;
    return this.call({ method: 'POST', path, body: json({ digest }), deadlineMs: FABRIC_DEADLINE_MS });
  }

  /** Accepts a store that is older than what has been seen; what was changed since is lost. */
  acceptStore(): Promise<{ readonly position: number }> {
    return this.call({ method: 'POST', path: '/store/accept', body: json({}) });
  }

  hostCredentials(host: string): Promise<HostCredentials> {
    return this.call({ method: 'POST', path: `/hosts/${encodePath(host)}/credentials`, body: json({}) });
  }

  close(): void {
    this.http.close();
  }

  private act(service: string, what: string, body: object, dryRun: boolean): Promise<ChangeAnswer> {
    const path = `/services/${encodePath(service)}/${what}`;
    return this.change({ method: 'POST', path, query: { dryRun: dryRun || undefined }, body: json(body) });
  }

  /** A request that changes something. Its key makes it harmless to send it again when the answer was lost. */
  private change<T = ChangeAnswer>(request: HttpRequest): Promise<T> {
    const headers = { 'idempotency-key': randomUUID() };
    return this.call({ deadlineMs: CHANGE_DEADLINE_MS, ...request, headers });
  }

  private async call<T>(request: HttpRequest): Promise<T> {
    const headers = this.authorized(request.headers);
    const repeatable = request.method === 'GET' || 'idempotency-key' in headers;
    for (let repeat = 0; ; repeat++) {
      try {
        return bodyIn(await this.http.request({ ...request, path: `/api/v1${request.path}`, headers })) as T;
      } catch (error) {
        const wait = REPEATS_AFTER_MS[repeat];
        if (!repeatable || wait === undefined || !(error instanceof UnreachableError && error.broken)) throw error;
        await sleep(wait);
      }
    }
  }

  private async lines(request: HttpRequest, signal?: AbortSignal): Promise<AsyncIterable<string>> {
    const headers = this.authorized(request.headers);
    const answer = await this.http.stream({ ...request, path: `/api/v1${request.path}`, headers }, signal);
    if ('lines' in answer) return answer.lines;
    bodyIn(answer.refused);
    throw new HeddleError('internal', `expected a stream, found an answer with status ${answer.refused.status}`);
  }

  private authorized(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    return { ...headers, authorization: `Bearer ${this.token}` };
  }
}

const json = (value: unknown): HttpRequest['body'] => ({ type: 'application/json', text: JSON.stringify(value) });

/** JSON goes as JSON, which may be a list too; everything else as YAML, so that the server can name line and column. */
function bodyOf({ text }: InputFile): HttpRequest['body'] {
  return { type: isJson(text) ? 'application/json' : 'application/yaml', text };
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // A flow mapping of YAML begins like JSON, too.
    return false;
  }
}

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  412: 'conflict',
  413: 'limit',
  422: 'invalid',
  503: 'unavailable',
  504: 'deadline',
};

/** The decoded body of an answer. @throws HeddleError for an error status */
function bodyIn({ status, text }: HttpAnswer): unknown {
  const body = parse(text);
  if (status >= 200 && status < 300) {
    if (body !== undefined) return body;
    throw new HeddleError('internal', `the server's answer is not JSON: ${excerpt(text)}`);
  }
  if (typeof body === 'object' && body !== null && 'code' in body) throw HeddleError.fromJSON(body);
  const code = CODE_OF_STATUS[status] ?? 'internal';
  throw new HeddleError(code, `the server answered with status ${status}: ${excerpt(text)}`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Something else than our API may answer; the caller says so.
    return undefined;
  }
}

const excerpt = (text: string): string => (text.length > 200 ? `${text.slice(0, 197)}...` : text || '(nothing)');

async function* factsOf(lines: AsyncIterable<string>): AsyncGenerator<EventFact> {
  for await (const { event, data } of serverEvents(lines)) {
    if (event === 'error') throw HeddleError.fromJSON(JSON.parse(data));
    if (event === 'fact') yield JSON.parse(data) as EventFact;
  }
}

async function* logLinesOf(lines: AsyncIterable<string>): AsyncGenerator<LogLine> {
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const value = JSON.parse(line) as LogLine | { readonly error: unknown };
    // The status was sent before it went wrong: the end of the lines must not be taken for the end of the output.
    if ('error' in value) throw HeddleError.fromJSON(value.error);
    yield value;
  }
}
