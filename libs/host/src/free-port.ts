import { createServer, type AddressInfo } from 'node:net';

/**
 * A TCP port that nobody listens on at `host` now. Another process may take it before the caller does, so where a server
 * can listen on port 0 itself, that is better.
 */
export function freePort(host = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
