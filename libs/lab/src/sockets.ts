import { get } from 'node:http';
import { connect } from 'node:net';

const DEADLINE_MS = 2_000;

/** Whether somebody accepts connections on a Unix socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.setTimeout(DEADLINE_MS, () => socket.destroy());
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    // Not there yet, or nobody behind it: the caller asks again until its own deadline.
    socket.once('error', () => socket.destroy());
    socket.once('close', () => resolve(false));
  });
}

/** Whether the HTTP server on a Unix socket answers a GET with status 200. */
export function answers(socketPath: string, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ socketPath, path, timeout: DEADLINE_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    // As above.
    request.once('error', () => resolve(false));
  });
}
