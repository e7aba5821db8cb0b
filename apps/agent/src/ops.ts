import { createServer, type Server } from 'node:http';
import { claimSocket } from '@heddle/docker';

/** What is answered on a path; undefined for an unknown one. */
export type OpsHandler = (path: string) => Promise<{ status: number; contentType: string; body: string } | undefined>;

/** What is listened on, until it is closed. */
export interface OpsServer {
  close(): Promise<void>;
}

/**
 * Health and metrics of a process of this host, over HTTP on a Unix socket that only root may use.
 * @throws HeddleError `conflict` when another process answers there
 */
export async function listenOps(
  socketPath: string,
  handler: OpsHandler,
  onError: (error: Error) => void,
): Promise<OpsServer> {
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
  const claim = await claimSocket(server, socketPath);
  server.on('error', onError);
  return {
    close: async () => {
      await claim.release();
      await closed(server);
    },
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
