import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/** Where a name server is asked: both with one port number. */
export interface DnsSockets {
  readonly udp: Socket;
  readonly tcp: Server;
}

/**
 * Binds both sockets in the network namespace of this process.
 * @param port 0 for any that is free
 * @throws Error as the kernel gives it, when the address cannot be listened on
 */
export async function openSockets(address: string, port: number): Promise<DnsSockets> {
  const udp = createSocket('udp4');
  const tcp = createServer();
  try {
    await bound(udp, (done) => udp.bind(port, address, done));
    await bound(tcp, (done) => tcp.listen(udp.address().port, address, done));
    return { udp, tcp };
  } catch (error) {
    udp.close();
    throw error;
  }
}

/** Resolves when a socket is bound, rejects when it cannot be. */
function bound(socket: Socket | Server, bind: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    bind(() => {
      socket.off('error', reject);
      resolve();
    });
  });
}
