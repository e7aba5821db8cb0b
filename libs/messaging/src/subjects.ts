import { decodeToken, encodeToken } from './token';

/**
 * The subjects that Heddle uses are built here, from names that are escaped as subject tokens. Two are not: the records of
 * blobs have subjects that the NATS client builds, and nats/prepare-stream.ts puts a word for the wildcards of a stream's.
 *
 *   heddle.rpc.SERVICE.METHOD               a request to a service; queue group = SERVICE
 *   heddle.from.HOST.SERVICE.METHOD         a request of a host to a service; only that host may publish it, so the
 *                                           subject itself says who asks; queue group = SERVICE
 *   heddle.agent.HOST.METHOD                a request to the agent of one host
 *   heddle.event.KIND.TENANT.NAME.WHAT      a fact that happened; TENANT is `_` where there is none
 *   heddle.dist.TOPIC                       deltas and heartbeats of a distributed state; a topic may have two parts,
 *                                           the second naming the only host that may read it: `allocations.h1`
 *   heddle.store.STREAM.record.ID           records of a stream that is not a bucket
 *   $KV.BUCKET.KEY                          records of a bucket
 *   $O.STORE.M.NAME                         what an object store tells of its blobs
 */
export const subjects = {
  rpc: (service: string, method: string): string => `heddle.rpc.${encodeToken(service)}.${encodeToken(method)}`,

  /** Requests of one host, or with `anyHost` what a service subscribes to. */
  from: (host: string, service: string, method: string): string =>
    `heddle.from.${encodeToken(host)}.${encodeToken(service)}.${encodeToken(method)}`,
  fromAnyHost: (service: string, method: string): string =>
    `heddle.from.*.${encodeToken(service)}.${encodeToken(method)}`,

  agent: (host: string, method: string): string => `heddle.agent.${encodeToken(host)}.${encodeToken(method)}`,

  /** Parts that are left out match everything; an empty tenant means "no tenant". */
  event: (part: { kind?: string; tenant?: string; name?: string; what?: string }): string =>
    `heddle.event.${wild(part.kind)}.${part.tenant === '' ? '_' : wild(part.tenant)}.${wild(part.name)}.${wild(part.what)}`,
  allEvents: 'heddle.event.>',

  dist: (topic: string): string => `heddle.dist.${topic.split('.').map(encodeToken).join('.')}`,

  record: (stream: string, record: string): string =>
    `heddle.store.${encodeToken(stream)}.record.${encodeToken(record)}`,
  anyRecord: (stream: string): string => `heddle.store.${encodeToken(stream)}.record.*`,
  /** Everything in a stream, records of our own included. */
  allRecords: (stream: string): string => `heddle.store.${encodeToken(stream)}.>`,
  /** Where the holder of a lease marks its epoch in a stream; escaped names never start with `_`. */
  epochRecord: (stream: string): string => `heddle.store.${encodeToken(stream)}._epoch`,

  key: (bucket: string, key: string): string => `$KV.${encodeToken(bucket)}.${encodeToken(key)}`,
  allKeys: (bucket: string): string => `$KV.${encodeToken(bucket)}.>`,
  /** A record of our own in a bucket, apart from every key. */
  reservedKey: (bucket: string, name: 'epoch' | 'journal'): string => `$KV.${encodeToken(bucket)}._${name}`,

  /** As the NATS client names them: nothing is escaped. */
  allBlobs: (store: string): string => `$O.${store}.M.>`,

  /** Where a user receives its replies. Each host has a prefix of its own, so none can listen to another's. */
  inboxPrefix: (host?: string): string => (host === undefined ? '_INBOX' : `_INBOX_${encodeToken(host)}`),
} as const;

const wild = (name: string | undefined): string => (name === undefined ? '*' : encodeToken(name));

/** The host that sent a request on `heddle.from.HOST...`; nothing for any other subject. */
export function hostOf(subject: string): string | undefined {
  const [root, from, host] = subject.split('.');
  return root === 'heddle' && from === 'from' && host !== undefined ? decodeToken(host) : undefined;
}

/** The last token of a subject, unescaped: the key of a bucket's record, the change id of a log record. */
export function lastName(subject: string): string {
  return decodeToken(lastToken(subject));
}

/** Whether a record is one of our own (epoch, journal) and not a user's key. */
export function isReserved(subject: string): boolean {
  return lastToken(subject).startsWith('_');
}

function lastToken(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

/** Whether a subject matches a pattern with `*` (one token) and `>` (one or more tokens at the end). */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const found = subject.split('.');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '>') return found.length > i;
    if (found[i] === undefined || (wanted[i] !== '*' && wanted[i] !== found[i])) return false;
  }
  return wanted.length === found.length;
}
