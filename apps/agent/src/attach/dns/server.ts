import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { HeddleError } from '@heddle/model';
import { answerQuery, type Question } from './message';

/** A UDP answer without EDNS; more addresses than fit are left out and the answer is marked as truncated. */
const MAX_UDP = 512;
const MAX_TCP = 0xffff;
/** Connections of all containers, and of one: nobody can take the places of the others. */
const MAX_CLIENTS = 256;
const MAX_CLIENTS_EACH = 8;
const IDLE_MS = 5_000;
/** Answers that a client has not taken; one that asks and does not read is cut off. */
const MAX_UNSENT = 256 * 1024;

export interface DnsOptions extends Question {
  readonly address: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly onError: (error: Error) => void;
}

/** The name server of one host's containers, over UDP and TCP. It answers from memory and asks nobody. */
export class DnsServer {
  private readonly clients = new Set<TcpSocket>();

  private constructor(
    private readonly options: DnsOptions,
    private readonly udp: Socket,
    private readonly tcp: Server,
  ) {}

  /** @throws HeddleError `unavailable` when the address cannot be listened on */
  static async listen(options: DnsOptions): Promise<DnsServer> {
    const udp = createSocket('udp4');
    const tcp = createServer();
    const server = new DnsServer(options, udp, tcp);
    udp.on('message', (message, from) => server.onDatagram(message, from));
    tcp.on('connection', (client) => server.onClient(client));
    try {
      await bound(udp, (done) => udp.bind(options.port, options.address, done));
      await bound(tcp, (done) => tcp.listen(udp.address().port, options.address, done));
    } catch (error) {
      udp.close();
      const { message } = HeddleError.from(error);
      throw new HeddleError(
        'unavailable',
        `the name server cannot listen on ${options.address} port ${options.port}: ${message}`,
        { cause: error },
      );
    }
    udp.on('error', options.onError);
    tcp.on('error', options.onError);
    return server;
  }

  get port(): number {
    return this.udp.address().port;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await new Promise<void>((done) => this.udp.close(() => done()));
    await new Promise<void>((done) => this.tcp.close(() => done()));
  }

  private onDatagram(message: Buffer, from: RemoteInfo): void {
    const reply = this.answer(message, from.address, MAX_UDP);
    // Nobody can be answered at port 0; the kernel lets such a sender through, and sending there throws.
    if (reply && from.port > 0) this.udp.send(reply, from.port, from.address);
  }

  private onClient(client: TcpSocket): void {
    const from = client.remoteAddress ?? '';
    const others = [...this.clients].filter((other) => other.remoteAddress === from).length;
    if (this.clients.size >= MAX_CLIENTS || others >= MAX_CLIENTS_EACH) return void client.destroy();
    this.clients.add(client);
    let received = Buffer.alloc(0);
    client.setTimeout(IDLE_MS, () => client.destroy());
    client.on('error', () => client.destroy());
    client.on('close', () => this.clients.delete(client));
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = received.readUInt16BE(0);
        const reply = this.answer(received.subarray(2, 2 + length), from, MAX_TCP);
        received = received.subarray(2 + length);
        if (!reply || client.writableLength > MAX_UNSENT) return void client.destroy();
        const head = Buffer.alloc(2);
        head.writeUInt16BE(reply.length);
        client.write(Buffer.concat([head, reply]));
      }
    });
  }

  private answer(message: Buffer, from: string, limit: number): Buffer | undefined {
    return answerQuery(message, from, limit, this.options);
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
