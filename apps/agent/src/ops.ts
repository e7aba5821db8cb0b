import { createServer, type Server } from 'node:http';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** What is answered on a path; undefined for an unknown one. */
export type OpsHandler = (path: string) => Promise<{ status: number; contentType: string; body: string } | undefined>;

/** Health and metrics of a process of this host, over HTTP on a Unix socket that only root may use. */
export async function listenOps(socketPath: string, handler: OpsHandler): Promise<Server> {
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
  rmSync(socketPath, { force: true });
  const server = createServer((request, response) => {
    handler((request.url ?? '/').split('?', 1)[0] as string).then(
      (answer) => {
        response.writeHead(answer?.status ?? 404, { 'content-type': answer?.contentType ?? 'text/plain' });
        response.end(answer?.body ?? 'only /healthz, /readyz and /metrics are served here\n');
      },
      (error: unknown) => {
        response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`${String(error)}\n`);
      },
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, () => resolve());
  });
  chmodSync(socketPath, 0o600);
  return server;
}

export async function closeOps(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
