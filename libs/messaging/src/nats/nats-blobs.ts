import { createHash } from 'node:crypto';
import type { Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { StorageType, type ObjectStore } from 'nats';
import { withDeadline } from '../async';
import type { BlobPort } from '../stream/stream-port';
import { subjects } from '../subjects';
import { fromNats } from './nats-error';
import type { NatsTransport } from './nats-transport';
import { whenWhole } from './prepare-stream';

/** For one blob, however large: a gigabyte at 10 MB/s. */
const TRANSFER_MS = 100_000;

/** Blobs in a NATS object store. */
export class NatsBlobs implements BlobPort {
  constructor(
    private readonly name: string,
    private readonly transport: NatsTransport,
    private readonly clock: Clock,
    private readonly options: { readonly replicas: number; readonly apiTimeoutMs: number },
  ) {}

  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    await this.within(`storing blob ${sha256}`, async () => {
      const store = await this.store();
      const existing = await store.info(sha256);
      if (existing !== null && !existing.deleted && existing.size === bytes.length) return;
      await store.putBlob({ name: sha256 }, bytes, { timeout: this.options.apiTimeoutMs });
    });
    return sha256;
  }

  async get(sha256: string): Promise<Uint8Array> {
    const bytes = await this.within(`reading blob ${sha256}`, async () => (await this.store()).getBlob(sha256));
    if (bytes === null) throw new HeddleError('not-found', `the object store ${this.name} has no blob ${sha256}`);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256) {
      throw new HeddleError(
        'state',
        `blob ${sha256} of object store ${this.name} is damaged: its content has hash ${found}`,
      );
    }
    return bytes;
  }

  private async store(): Promise<ObjectStore> {
    const connection = this.transport.live();
    const { apiTimeoutMs, replicas } = this.options;
    const store = await connection
      .jetstream({ timeout: apiTimeoutMs })
      .views.os(this.name, { storage: StorageType.File, replicas });
    const stream = { name: `OBJ_${this.name}`, subjects: [subjects.allBlobs(this.name)] };
    await whenWhole(connection, stream, { clock: this.clock, apiTimeoutMs });
    return store;
  }

  private async within<T>(doing: string, work: () => Promise<T>): Promise<T> {
    const late = new HeddleError('deadline', `${doing} took longer than ${TRANSFER_MS} ms`);
    try {
      return await withDeadline(work(), TRANSFER_MS, this.clock, () => late);
    } catch (error) {
      throw fromNats(error, doing);
    }
  }
}
