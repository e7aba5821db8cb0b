import { connect, type Socket } from 'node:net';
import { HeddleError } from '@heddle/model';
import type { Deadline } from './deadline';

/** sun_path of sockaddr_un on Linux holds 107 bytes and a zero. */
const MAX_PATH = 107;

/**
 * Connects to a Unix socket.
 *
 * @throws HeddleError `unavailable` when nobody listens there, `invalid` when the path is too long for a socket
 *   address.
 */
export async function connectUnix(path: string, deadline: Deadline): Promise<Socket> {
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new HeddleError(
      'invalid',
      `socket path of ${Buffer.byteLength(path)} bytes, at most ${MAX_PATH} fit: ${path}`,
    );
  }
  const socket = connect({ path });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await deadline.bound(connected, `connecting to ${path}`);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof HeddleError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HeddleError('unavailable', `cannot connect to ${path}: ${reason}`, { cause: error });
  } finally {
    socket.removeAllListeners('error');
    socket.on('error', () => undefined); // 'close' follows and carries the news
  }
}
