import { waitFor } from '@heddle/host';

export interface Answer {
  /** 0 when there was no answer at all. */
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The API over HTTP, as a program uses it. */
export class TestApi {
  constructor(
    readonly url: string,
    private readonly token: string,
  ) {}

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post(path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }

  /** Resolves when every service holds its lease and has seen everything. */
  async whenReady(): Promise<void> {
    await waitFor(() => this.allReady(), {
      deadlineMs: 60_000,
      what: 'the server to be ready',
    });
  }

  /** Objects of a kind, all pages. */
  async list(plural: string): Promise<{ metadata: { name: string; tenant?: string } }[]> {
    const { body } = await this.get(`/api/v1/${plural}?limit=1000`);
    return (body['items'] ?? []) as { metadata: { name: string; tenant?: string } }[];
  }

  private async allReady(): Promise<boolean> {
    const { status, body } = await this.get('/readyz');
    const checks = (body['checks'] ?? []) as { ready: boolean }[];
    return status === 200 && checks.every((check) => check.ready);
  }

  private async send(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    try {
      const response = await fetch(`${this.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(25_000),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    } catch {
      // Cut off in the middle: exactly what a client sees of a server that was killed.
      return { status: 0, body: {} };
    }
  }
}
