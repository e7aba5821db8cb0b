import type { Station } from './station';

/** Where every container finds the name server of its host; see the pipeline. */
export const NAME_SERVER = '169.254.1.1';

export interface DnsAnswer {
  readonly code: 'ok' | 'no such name' | 'refused' | `code ${number}`;
  /** Sorted: the order changes with every answer. */
  readonly addresses: readonly string[];
}

const TYPE = { A: 1, AAAA: 28 } as const;
const IN = 1;

/** Asks the name server of a container's host from inside that container (RFC 1035, and 7766 for TCP). */
export async function lookUp(
  station: Station,
  name: string,
  { protocol = 'udp', type = 'A' }: { protocol?: 'udp' | 'tcp'; type?: keyof typeof TYPE } = {},
): Promise<DnsAnswer> {
  const query = encode(name, TYPE[type]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  const request = protocol === 'tcp' ? Buffer.concat([length, query]) : query;
  const reply = Buffer.from(
    await station.ask({ protocol, to: NAME_SERVER, port: 53, hex: request.toString('hex') }),
    'hex',
  );
  return decode(protocol === 'tcp' ? reply.subarray(2) : reply);
}

function encode(name: string, type: number): Buffer {
  const header = Buffer.from([0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, type, 0, IN])]);
}

function decode(reply: Buffer): DnsAnswer {
  const code = reply.readUInt8(3) & 0x0f;
  const addresses: string[] = [];
  let at = skipName(reply, 12) + 4;
  for (let left = reply.readUInt16BE(6); left > 0; left--) {
    at = skipName(reply, at);
    const [type, length] = [reply.readUInt16BE(at), reply.readUInt16BE(at + 8)];
    at += 10;
    if (type === TYPE.A) addresses.push([...reply.subarray(at, at + 4)].join('.'));
    at += length;
  }
  const words = { 0: 'ok', 3: 'no such name', 5: 'refused' } as const;
  return { code: words[code as 0 | 3 | 5] ?? `code ${code}`, addresses: addresses.sort() };
}

/** The place after a name: labels, ended by an empty one or by a pointer of two octets. */
function skipName(message: Buffer, start: number): number {
  for (let at = start; ;) {
    const length = message.readUInt8(at);
    if (length >= 0xc0) return at + 2;
    if (length === 0) return at + 1;
    at += length + 1;
  }
}
