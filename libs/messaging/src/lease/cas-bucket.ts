import { HeddleError } from '@heddle/model';
import { AppendError, type StorePort, type StreamPort, type StreamSpec } from '../stream/stream-port';
import { subjects } from '../subjects';
import { decodeBody, encodeBody } from '../wire';

/** A value with the revision that a write has to name. */
export interface CasEntry {
  readonly value: unknown;
  /** Sequence of the record in the bucket's stream. */
  readonly revision: number;
}

/** A bucket of small values that several processes write, each write by compare-and-set. */
export interface CasBucketPort {
  /** Through the stream's leader: never stale. */
  get(key: string): Promise<CasEntry | undefined>;
  /**
   * Writes when the key still has this revision (0: does not exist), and resolves to the new one.
   * @throws HeddleError `conflict` when it has another: nothing was written; `unavailable`: nothing was written;
   *   `deadline`: it may have been written
   */
  put(key: string, value: unknown, revision: number, timeoutMs: number): Promise<number>;
}

/** The stream of a bucket that keeps one value a key; readable with any NATS key-value client. */
export function bucketSpec(name: string, description: string): StreamSpec {
  return { name: `KV_${name}`, description, subjects: [subjects.allKeys(name)], perSubject: 1 };
}

export class CasBucket implements CasBucketPort {
  private constructor(
    private readonly name: string,
    private readonly stream: StreamPort,
  ) {}

  /** @param options.create `false`: a missing bucket is a `state` error */
  static async open(
    store: StorePort,
    name: string,
    description: string,
    options: { create?: boolean } = {},
  ): Promise<CasBucket> {
    return new CasBucket(name, await store.stream(bucketSpec(name, description), options));
  }

  async get(key: string): Promise<CasEntry | undefined> {
    const record = await this.stream.last(subjects.key(this.name, key));
    return record && { value: decodeBody(record.data, `${key} of bucket ${this.name}`), revision: record.sequence };
  }

  async put(key: string, value: unknown, revision: number, timeoutMs: number): Promise<number> {
    const record = { subject: subjects.key(this.name, key), data: encodeBody(value) };
    try {
      return await this.stream.append(record, { lastSubjectSequence: revision }, timeoutMs);
    } catch (error) {
      if (!(error instanceof AppendError)) throw error;
      const doing = `writing ${key} of bucket ${this.name}`;
      switch (error.outcome) {
        case 'expectation':
          throw new HeddleError('conflict', `${doing}: somebody else has written it since`, { cause: error });
        case 'rejected':
        case 'unsent':
          throw new HeddleError(error.cause.code, `${doing}: ${error.message}`, { cause: error });
        case 'unknown':
          throw new HeddleError('deadline', `${doing}: no answer; whether it was written is unknown`, { cause: error });
      }
    }
  }
}
