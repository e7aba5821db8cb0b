import type { RemoteInfo } from 'node:dgram';
import type { Socket as TcpSocket } from 'node:net';
import { HeddleError } from '@heddle/model';
import { answerQuery, type Question } from './message';
import { openSockets, type DnsSockets } from './open-sockets';

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
  readonly onError: (error: Error) => void;
}

export interface DnsListenOptions extends DnsOptions {
  readonly address: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** The name server of one host's containers, over UDP and TCP. It answers from memory and asks nobody. */
export class DnsServer {
  private readonly clients = new Set<TcpSocket>();

  private constructor(
    private readonly options: DnsOptions,
    private readonly sockets: DnsSockets,
  ) {}

  /** @throws HeddleError `unavailable` when the address cannot be listened on */
  static async listen(options: DnsListenOptions): Promise<DnsServer> {
    const { address, port } = options;
    try {
      return DnsServer.on(await openSockets(address, port), options);
    } catch (error) {
      const { message } = HeddleError.from(error);
      throw new HeddleError('unavailable', `the name server cannot listen on ${address} port ${port}: ${message}`, {
        cause: error,
      });
    }
  }

  /** Answers on sockets that are bound already, in whatever network namespace they are. They are its own from now on. */
  static on(sockets: DnsSockets, options: DnsOptions): DnsServer {
    const server = new DnsServer(options, sockets);
    const { udp, tcp } = sockets;
    udp.on('message', (message, from) => server.onDatagram(message, from));
    tcp.on('connection', (client) => server.onClient(client));
    udp.on('error', options.onError);
    tcp.on('error', options.onError);
    return server;
  }

  get port(): number {
    return this.sockets.udp.address().port;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await new Promise<void>((done) => this.sockets.udp.close(() => done()));
    await new Promise<void>((done) => this.sockets.tcp.close(() => done()));
  }

  private onDatagram(message: Buffer, from: RemoteInfo): void {
    const reply = this.answer(message, from.address, MAX_UDP);
    // Nobody can be answered at port 0; the kernel lets such a sender through, and sending there throws.
    if (reply && from.port > 0) this.sockets.udp.send(reply, from.port, from.address);
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
