import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import packet, { type Packet } from 'dns-packet';
import { resolve, type Answer } from './zone';

/** Short: a name follows its instances within a second. */
const TTL_SECONDS = 1;
const AUTHORITATIVE = packet.AUTHORITATIVE_ANSWER;
const RCODE = { noError: 0, formatError: 1, nxdomain: 3, notImplemented: 4, refused: 5 } as const;
/** A UDP answer without EDNS; more addresses than fit are left out and the answer is marked as truncated. */
const MAX_UDP = 512;
const MAX_TCP_CLIENTS = 256;

export interface DnsOptions {
  readonly address: string;
  readonly port: number;
  /** The tenant of the endpoint behind a link address; undefined for an unknown one, which is refused. */
  readonly tenantOf: (linkAddress: string) => string | undefined;
  readonly names: () => ReadonlyMap<string, readonly string[]>;
  readonly onError: (error: Error) => void;
}

/** The name server of one host's containers, over UDP and TCP. It answers from memory and asks nobody. */
export class DnsServer {
  private rotation = 0;
  private readonly clients = new Set<TcpSocket>();

  private constructor(
    private readonly options: DnsOptions,
    private readonly udp: Socket,
    private readonly tcp: Server,
  ) {}

  static async listen(options: DnsOptions): Promise<DnsServer> {
    const udp = createSocket('udp4');
    const tcp = createServer();
    const server = new DnsServer(options, udp, tcp);
    udp.on('message', (message, from) => server.onDatagram(message, from));
    tcp.on('connection', (client) => server.onClient(client));
    await new Promise<void>((done, fail) => {
      udp.once('error', fail);
      udp.bind(options.port, options.address, () => done());
    });
    const bound = udp.address().port;
    await new Promise<void>((done, fail) => {
      tcp.once('error', fail);
      tcp.listen(bound, options.address, () => done());
    });
    udp.on('error', options.onError);
    tcp.on('error', options.onError);
    return server;
  }

  get port(): number {
    return this.udp.address().port;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    this.udp.close();
    await new Promise<void>((done) => this.tcp.close(() => done()));
  }

  private onDatagram(message: Buffer, from: RemoteInfo): void {
    const reply = this.answer(message, from.address, MAX_UDP);
    if (reply) this.udp.send(reply, from.port, from.address);
  }

  private onClient(client: TcpSocket): void {
    if (this.clients.size >= MAX_TCP_CLIENTS) return void client.destroy();
    this.clients.add(client);
    let received = Buffer.alloc(0);
    client.setTimeout(5_000, () => client.destroy());
    client.on('error', () => client.destroy());
    client.on('close', () => this.clients.delete(client));
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = received.readUInt16BE(0);
        const reply = this.answer(received.subarray(2, 2 + length), client.remoteAddress ?? '', 0xffff);
        received = received.subarray(2 + length);
        if (!reply) return void client.destroy();
        const head = Buffer.alloc(2);
        head.writeUInt16BE(reply.length);
        client.write(Buffer.concat([head, reply]));
      }
    });
  }

  /** The reply to one message, or undefined for what deserves none. */
  private answer(message: Buffer, from: string, limit: number): Buffer | undefined {
    let query: Packet;
    try {
      query = packet.decode(message);
    } catch {
      // Too short even for an id: there is nobody to answer.
      return message.length < 2
        ? undefined
        : packet.encode({ id: message.readUInt16BE(0), type: 'response', flags: RCODE.formatError });
    }
    if (query.type !== 'query') return undefined;
    const [question] = query.questions ?? [];
    const head = { id: query.id, type: 'response' as const, questions: query.questions };
    if (!question || query.questions?.length !== 1) return packet.encode({ ...head, flags: RCODE.formatError });
    const tenant = this.options.tenantOf(from);
    if (tenant === undefined) return packet.encode({ ...head, flags: RCODE.refused });
    return this.encode(head, question, resolve(this.options.names(), tenant, question.name), limit);
  }

  private encode(head: Packet, question: { name: string; type: string }, answer: Answer, limit: number): Buffer {
    if (answer.type === 'refused') return packet.encode({ ...head, flags: RCODE.refused });
    if (answer.type === 'nxdomain') return packet.encode({ ...head, flags: AUTHORITATIVE | RCODE.nxdomain });
    // Only IPv4 so far: other types exist for the name but hold nothing.
    const wanted = question.type === 'A' || question.type === 'ANY' ? this.rotate(answer.addresses) : [];
    for (let count = wanted.length; ; count = Math.floor(count / 2)) {
      const truncated = count < wanted.length ? packet.TRUNCATED_RESPONSE : 0;
      const reply = packet.encode({
        ...head,
        flags: AUTHORITATIVE | truncated,
        answers: wanted
          .slice(0, count)
          .map((data) => ({ type: 'A' as const, class: 'IN' as const, name: question.name, ttl: TTL_SECONDS, data })),
      });
      if (reply.length <= limit || count === 0) return reply;
    }
  }

  /** Each answer begins with the next address: clients take the first. */
  private rotate(addresses: readonly string[]): string[] {
    const start = addresses.length === 0 ? 0 : this.rotation++ % addresses.length;
    return [...addresses.slice(start), ...addresses.slice(0, start)];
  }
}
