import type { Clock } from '@heddle/host';
import type { HeddleError } from '@heddle/model';
import { bucketSpec, CasBucket } from '../lease/cas-bucket';
import type { Term } from '../lease/term';
import { FencedStream } from '../stream/fenced-stream';
import { readToEnd } from '../stream/follow';
import type { NewRecord, StorePort, StreamPort, StreamRecord } from '../stream/stream-port';
import { isReserved, lastName, subjects } from '../subjects';
import { decodeBody, encodeBody } from '../wire';

/** How key-value clients of NATS mark a deleted key. */
const OPERATION = 'KV-Operation';
const DELETE = 'DEL';

export interface FencedBucketOptions {
  readonly store: StorePort;
  readonly bucket: string;
  readonly term: Term;
  readonly clock?: Clock;
}

/** What a commit changes. */
export interface BucketChange<T> {
  readonly put?: ReadonlyMap<string, T>;
  readonly delete?: Iterable<string>;
}

/** Reads all entries of a bucket as they are now. */
export async function readBucket<T>(stream: StreamPort): Promise<Map<string, T>> {
  const entries = new Map<string, T>();
  await readToEnd(stream, (record) => takeRecord(entries, record));
  return entries;
}

function takeRecord<T>(entries: Map<string, T>, record: StreamRecord): void {
  if (isReserved(record.subject)) return;
  const key = lastName(record.subject);
  if (record.headers[OPERATION] === DELETE) entries.delete(key);
  else entries.set(key, decodeBody(record.data, `${key} in ${record.subject}`) as T);
}

/**
 * A bucket with one writer: the holder of a lease, who has marked its epoch in the bucket's stream. A stale writer is refused
 * by the server. A commit's entries become visible one after the other, in the order given; when it resolves, all are in.
 */
export class FencedBucket<T> {
  private constructor(
    private readonly name: string,
    private readonly stream: StreamPort,
    private readonly fenced: FencedStream,
  ) {}

  static async open<T>({ store, bucket, term, clock }: FencedBucketOptions): Promise<FencedBucket<T>> {
    const stream = await store.stream(bucketSpec(bucket, `Written by the holder of a lease: ${bucket}.`));
    const fenced = await FencedStream.open({
      stream,
      term,
      epochSubject: subjects.reservedKey(bucket, 'epoch'),
      ...(clock === undefined ? {} : { clock }),
    });
    return new FencedBucket(bucket, stream, fenced);
  }

  /** Everything that is in. What an earlier writer left under way can no longer get in: this one has marked its epoch. */
  readAll(): Promise<Map<string, T>> {
    return readBucket<T>(this.stream);
  }

  /** @throws HeddleError as {@link FencedStream}; part of the change may then be in, so write it again as a whole */
  async commit({ put = new Map(), delete: gone = [] }: BucketChange<T>): Promise<void> {
    const records: NewRecord[] = [
      ...[...put].map(([key, value]) => ({ subject: subjects.key(this.name, key), data: encodeBody(value) })),
      ...[...gone].map((key) => ({
        subject: subjects.key(this.name, key),
        data: new Uint8Array(),
        headers: { [OPERATION]: DELETE },
      })),
    ];
    await Promise.all(records.map((record) => this.fenced.append(record)));
  }

  /** Called once when nothing more can be written. */
  onFailure(listener: (error: HeddleError) => void): void {
    this.fenced.onFailure(listener);
  }

  close(): void {
    this.fenced.close();
  }
}

/** The bucket in which leases are kept. */
export const openLeases = (store: StorePort): Promise<CasBucket> => CasBucket.open(store, 'leases', 'Who writes what.');
