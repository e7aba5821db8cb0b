import { createSocket } from 'node:dgram';
import { createConnection, type Socket } from 'node:net';
import packet, { type Packet } from 'dns-packet';
import { waitFor } from '@heddle/host';
import { DnsServer } from './server';

const LOOPBACK = '127.0.0.1';
const MANY = Array.from({ length: 100 }, (_, i) => `10.32.0.${i + 1}`);

describe('DnsServer', () => {
  let server: DnsServer;
  const errors: Error[] = [];
  beforeEach(async () => {
    server = await DnsServer.listen({
      address: LOOPBACK,
      port: 0,
      tenantOf: (from) => (from === LOOPBACK ? 'acme' : undefined),
      names: () => new Map([['acme/shop/many', MANY]]),
      onError: (error) => errors.push(error),
    });
  });
  afterEach(async () => {
    await server.close();
    expect(errors.splice(0)).toEqual([]);
  });

  const query = (name: string, id = 1): Buffer =>
    packet.encode({ id, type: 'query', questions: [{ name, type: 'A', class: 'IN' }] });
  const framed = (message: Buffer): Buffer => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(message.length);
    return Buffer.concat([head, message]);
  };

  function overUdp(...messages: Buffer[]): Promise<Packet> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      const timer = setTimeout(() => reject(new Error('no answer')), 5_000);
      socket.once('message', (reply) => {
        clearTimeout(timer);
        socket.close();
        resolve(packet.decode(reply));
      });
      for (const message of messages) socket.send(message, server.port, LOOPBACK);
    });
  }

  async function connect(): Promise<Socket> {
    const socket = createConnection(server.port, LOOPBACK);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return socket;
  }

  it('answers over UDP, after whatever nonsense came before', async () => {
    const nonsense = [
      Buffer.alloc(0),
      Buffer.from('x'),
      Buffer.alloc(600, 0xff),
      Buffer.from('c00cc00cc00cc00cc00c', 'hex'),
    ];
    const reply = await overUdp(...nonsense, query('many.shop.acme.heddle', 99));
    expect(reply).toMatchObject({ id: 99, flag_tc: true });
  });

  it('answers over TCP, whole, several questions on one connection, in any pieces', async () => {
    const socket = await connect();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const bytes = Buffer.concat([framed(query('many.shop.acme.heddle', 1)), framed(query('none.shop.acme.heddle', 2))]);
    for (const byte of bytes) socket.write(Buffer.of(byte));
    const all = await waitFor(
      () => {
        const got = Buffer.concat(chunks);
        const first = got.length > 2 ? 2 + got.readUInt16BE(0) : Infinity;
        return got.length > first + 2 && got.length >= first + 2 + got.readUInt16BE(first) && { got, first };
      },
      { deadlineMs: 5_000, what: 'two answers' },
    );
    expect(packet.streamDecode(all.got.subarray(0, all.first)).answers).toHaveLength(100);
    expect(packet.streamDecode(all.got.subarray(all.first))).toMatchObject({ id: 2, rcode: 'NXDOMAIN' });
    socket.destroy();
  });

  it('hangs up on a TCP client that sends what deserves no answer', async () => {
    const socket = await connect();
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume().write(framed(Buffer.from('short')));
    await closed;
  });

  it('lets no client take the places of the others', async () => {
    const sockets: Socket[] = [];
    let closed = 0;
    for (let i = 0; i < 12; i++) {
      const socket = await connect();
      socket.resume().once('close', () => closed++);
      sockets.push(socket);
    }
    await waitFor(() => closed === 4, { deadlineMs: 5_000, what: 'the ones too many to be refused' });
    sockets[0]?.destroy();
    await waitFor(() => closed === 5, { deadlineMs: 5_000, what: 'the first to be gone' });
    await waitFor(
      async () => {
        const socket = await connect();
        const answered = await new Promise<boolean>((resolve) => {
          socket.once('data', () => resolve(true));
          socket.once('close', () => resolve(false));
          socket.write(framed(query('none.shop.acme.heddle')));
        });
        socket.destroy();
        return answered;
      },
      { deadlineMs: 5_000, what: 'a place to be free again' },
    );
    for (const socket of sockets) socket.destroy();
  });

  it('says what is wrong when it cannot listen', async () => {
    const options = { address: LOOPBACK, port: server.port, tenantOf: () => undefined, names: () => undefined, onError: () => undefined }; // prettier-ignore
    await expect(DnsServer.listen(options)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(`cannot listen on 127.0.0.1 port ${server.port}`),
    });
  });
});
