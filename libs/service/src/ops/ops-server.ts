import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeddleError } from '@heddle/model';
import { METRICS_CONTENT_TYPE } from '../metrics/service-metrics';
import type { ReadinessReport } from './readiness';

/** What the health and metrics endpoints show. */
export interface OpsSource {
  readiness(): Promise<ReadinessReport>;
  metrics(): Promise<string>;
}

export interface OpsAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** The answer to `/healthz`, `/readyz` or `/metrics`; nothing for another path. */
export async function answerOps(path: string, source: OpsSource): Promise<OpsAnswer | undefined> {
  switch (path) {
    case '/healthz':
      return json(200, { status: 'alive' });
    case '/readyz': {
      const report = await source.readiness();
      return json(report.ready ? 200 : 503, report);
    }
    case '/metrics':
      return { status: 200, contentType: METRICS_CONTENT_TYPE, body: await source.metrics() };
    default:
      return undefined;
  }
}

/** `/healthz`, `/readyz` and `/metrics` over HTTP, for services that have no HTTP of their own. */
export class OpsServer {
  private constructor(private readonly server: Server) {}

  /**
   * @param address port 0 takes a free one
   * @throws HeddleError `unavailable` when the address cannot be listened on
   */
  static async listen(source: OpsSource, address: { host: string; port: number }): Promise<OpsServer> {
    const server = createServer((request, response) => void handle(source, request, response));
    server.requestTimeout = 10_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new HeddleError('unavailable', `cannot listen on ${address.host}:${address.port}: ${error.message}`, {
            cause: error,
          }),
        ),
      );
      server.listen(address.port, address.host, resolve);
    });
    return new OpsServer(server);
  }

  get url(): string {
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }
}

async function handle(source: OpsSource, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = ({ status, contentType, body }: OpsAnswer): void => {
    response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  try {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(json(405, new HeddleError('invalid', `found ${request.method}; allowed are GET and HEAD`)));
      return;
    }
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    const answer = await answerOps(path, source);
    send(answer ?? json(404, new HeddleError('not-found', 'only /healthz, /readyz and /metrics are served here')));
  } catch (error) {
    send(json(500, HeddleError.from(error)));
  }
}

const json = (status: number, body: unknown): OpsAnswer => ({
  status,
  contentType: 'application/json',
  body: JSON.stringify(body),
});
