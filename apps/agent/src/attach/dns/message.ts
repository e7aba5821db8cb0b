import packet, { type Packet } from 'dns-packet';
import { resolve, type Answer } from './zone';

/** Short: a name follows its instances within a second. */
const TTL_SECONDS = 1;
const RCODE = { formatError: 1, serverFailure: 2, nxdomain: 3, notImplemented: 4, refused: 5 } as const;
const { AUTHORITATIVE_ANSWER, RECURSION_DESIRED, TRUNCATED_RESPONSE } = packet;
const HEADER_BYTES = 12;
/** The bits of a header's third octet that say "response", and what kind of operation it is. */
const RESPONSE_BIT = 0x80;
const OPCODE_MASK = 0x78;

/** What the answers are made from. */
export interface Question {
  /** The tenant of the endpoint behind a link address; undefined for an unknown one, which is refused. */
  readonly tenantOf: (linkAddress: string) => string | undefined;
  /** Undefined until it is known where names lead. */
  readonly names: () => ReadonlyMap<string, readonly string[]> | undefined;
}

/**
 * The reply to one message of a container, or undefined for what deserves none. Never throws: whatever a container sends,
 * the name server goes on.
 *
 * @param limit bytes that the reply may have; addresses beyond it are left out and the reply is marked as truncated
 */
export function answerQuery(message: Buffer, from: string, limit: number, about: Question): Buffer | undefined {
  // Nobody asks a question in less, and a response to a response would go on for ever.
  if (message.length < HEADER_BYTES || (message.readUInt8(2) & RESPONSE_BIT) !== 0) return undefined;
  if ((message.readUInt8(2) & OPCODE_MASK) !== 0) return bare(message, RCODE.notImplemented);
  try {
    const query = packet.decode(message);
    const [question, ...more] = query.questions ?? [];
    if (!question || more.length > 0) return bare(message, RCODE.formatError);
    const head: Packet = {
      id: query.id,
      type: 'response',
      questions: query.questions,
      flags: (query.flags ?? 0) & RECURSION_DESIRED,
    };
    const tenant = about.tenantOf(from);
    const names = about.names();
    if (tenant === undefined || question.class !== 'IN') return reply(head, RCODE.refused);
    if (names === undefined) return reply(head, RCODE.serverFailure);
    return answered(head, question, resolve(names, tenant, question.name), limit);
  } catch {
    // dns-packet throws what it cannot read, and what it read and cannot write.
    return bare(message, RCODE.formatError);
  }
}

function answered(head: Packet, question: { name: string; type: string }, answer: Answer, limit: number): Buffer {
  if (answer.type === 'refused') return reply(head, RCODE.refused);
  if (answer.type === 'nxdomain') return reply(head, AUTHORITATIVE_ANSWER | RCODE.nxdomain);
  // Only IPv4 so far: other types exist for the name but hold nothing.
  const wanted = question.type === 'A' || question.type === 'ANY' ? shuffled(answer.addresses, head.id ?? 0) : [];
  const answers = wanted.map((data) => ({
    type: 'A' as const,
    class: 'IN' as const,
    name: question.name,
    ttl: TTL_SECONDS,
    data,
  }));
  const whole = reply(head, AUTHORITATIVE_ANSWER, answers);
  if (whole.length <= limit) return whole;
  // All answers are of one size.
  const none = reply(head, AUTHORITATIVE_ANSWER | TRUNCATED_RESPONSE);
  const fitting = Math.floor((limit - none.length) / ((whole.length - none.length) / answers.length));
  return fitting <= 0 ? none : reply(head, AUTHORITATIVE_ANSWER | TRUNCATED_RESPONSE, answers.slice(0, fitting));
}

const reply = (head: Packet, flags: number, answers: Packet['answers'] = []): Buffer =>
  packet.encode({ ...head, flags: (head.flags ?? 0) | flags, answers });

/** A reply of a header alone, made by hand from the bytes of the message. */
function bare(message: Buffer, rcode: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  message.copy(bytes, 0, 0, 2);
  bytes.writeUInt8(RESPONSE_BIT | (message.readUInt8(2) & (OPCODE_MASK | 0x01)), 2);
  bytes.writeUInt8(rcode, 3);
  return bytes;
}

/** Begins with another address for each query, by its random id: clients take the first. */
function shuffled(addresses: readonly string[], id: number): string[] {
  const start = addresses.length === 0 ? 0 : id % addresses.length;
  return [...addresses.slice(start), ...addresses.slice(0, start)];
}
