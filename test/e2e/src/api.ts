import { request } from 'node:http';
import { waitFor } from '@heddle/host';
import type { HeddleObject, HostView, Kind, Specs } from '@heddle/model';

export interface ProbeResult {
  readonly source: { readonly allocation: string; readonly epg: string; readonly host: string };
  readonly destination: { readonly allocation: string; readonly epg: string; readonly host: string };
  readonly protocol: string;
  readonly port: number;
  readonly expected: 'open' | 'closed';
  readonly observed: 'open' | 'closed' | 'error';
  readonly detail?: string;
}

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** The API of a control plane, as any program would use it. */
export class Api {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'application/yaml' : 'application/json';
    return new Promise((resolve, reject) => {
      const call = request(
        new URL(path, this.url),
        {
          method,
          timeout: 60_000,
          headers: { authorization: `Bearer ${this.token}`, 'content-type': type, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const answer = Buffer.concat(chunks).toString('utf8');
            try {
              resolve({ status: response.statusCode ?? 0, body: (answer === '' ? {} : JSON.parse(answer)) as T });
            } catch (error) {
              reject(
                new Error(`${method} ${path} answered ${response.statusCode} with ${answer.slice(0, 200)}`, {
                  cause: error,
                }),
              );
            }
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer within 60 s`)));
      call.on('error', reject);
      call.end(text);
    });
  }

  /** The body of an answer that must be a success. */
  async ok<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async list<K extends Kind>(plural: string): Promise<HeddleObject<K>[]> {
    return (await this.ok<{ items: HeddleObject<K>[] }>('GET', `/api/v1/${plural}?limit=1000`)).items;
  }

  apply(file: string): Promise<{ position: number }> {
    return this.ok('POST', '/api/v1/apply', file);
  }

  /** Applies and waits until the change is in force on every host and its services have settled. */
  async applyAndSettle(file: string, deadlineMs = 60_000): Promise<number> {
    const { position } = await this.apply(file);
    await this.settled(position, deadlineMs);
    return position;
  }

  async settled(position: number, deadlineMs = 60_000): Promise<void> {
    let last: unknown;
    await waitFor(
      async () => {
        const answer = await this.call<{ settled?: boolean }>('GET', `/api/v1/changes/${position}/status`);
        last = answer.body;
        return answer.status === 200 && answer.body.settled === true;
      },
      { deadlineMs, intervalMs: 100, what: () => `change ${position} to settle; last seen ${JSON.stringify(last)}` },
    );
  }

  async hosts(): Promise<HostView[]> {
    return (await this.ok<{ hosts: HostView[] }>('GET', '/api/v1/status')).hosts;
  }

  async running(): Promise<
    (HeddleObject<'Allocation'> & { status: { phase: string; healthy: boolean; addresses: string[] } })[]
  > {
    const all = (await this.list<'Allocation'>('allocations')) as (HeddleObject<'Allocation'> & {
      status: { phase: string; healthy: boolean; addresses: string[] };
    })[];
    return all.filter((a) => a.spec.desired === 'run' && a.status?.phase === 'running');
  }

  probe(tenant: string, application: string): Promise<{ results: ProbeResult[]; mismatches: number }> {
    return this.ok('POST', '/api/v1/probe', { tenant, application, timeoutMs: 1_000 });
  }
}

export type { Specs };
