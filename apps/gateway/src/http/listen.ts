import { createServer, type RequestListener, type Server } from 'node:http';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { HeddleError } from '@heddle/model';

/** Where the API is offered: an address and port (0: any free one), a Unix socket, or both. */
export interface ApiAddress {
  readonly host: string;
  readonly port: number;
  readonly socket?: string;
}

export interface ApiListeners {
  /** `http://127.0.0.1:4280` */
  readonly url: string;
  /** Takes no more requests, waits for those being answered at most `graceMs`, then cuts off what is left. */
  close(graceMs: number): Promise<void>;
}

/** Offers a handler at an address. @throws HeddleError `unavailable` when it is taken */
export async function listen(handler: RequestListener, address: ApiAddress): Promise<ApiListeners> {
  const tcp = newServer(handler);
  await bind(tcp, `${address.host}:${address.port}`, { host: address.host, port: address.port });
  const servers = [tcp];
  if (address.socket !== undefined) {
    try {
      servers.push(await listenOnSocket(handler, address.socket));
    } catch (error) {
      tcp.close();
      throw error;
    }
  }
  const { address: host, port, family } = tcp.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`,
    close: async (graceMs) => {
      await Promise.all(servers.map((server) => closeServer(server, graceMs)));
    },
  };
}

function newServer(handler: RequestListener): Server {
  const server = createServer({ requestTimeout: 60_000, headersTimeout: 10_000, keepAliveTimeout: 5_000 }, handler);
  server.maxHeadersCount = 100;
  return server;
}

async function listenOnSocket(handler: RequestListener, socket: string): Promise<Server> {
  await mkdir(path.dirname(socket), { recursive: true });
  if (await answers(socket)) {
    throw new HeddleError(
      'unavailable',
      `another process serves ${socket}; stop that one, or choose another --api-socket`,
    );
  }
  // Left behind by a process that was killed.
  await rm(socket, { force: true });
  const server = newServer(handler);
  await bind(server, socket, { path: socket });
  await chmod(socket, 0o600);
  return server;
}

function bind(server: Server, name: string, where: { host: string; port: number } | { path: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new HeddleError('unavailable', `cannot listen on ${name}: ${error.message}`, { cause: error })),
    );
    server.listen(where, resolve);
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}
