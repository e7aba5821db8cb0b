import type { Clock } from '@heddle/host';
import { DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats';
import type { BlobPort, StorePort, StreamPort, StreamSpec } from '../stream/stream-port';
import { NatsBlobs } from './nats-blobs';
import { NatsStream } from './nats-stream';
import { prepareStream } from './prepare-stream';
import type { NatsTransport } from './nats-transport';

const API_TIMEOUT_MS = 3_000;
/** How long the server recognises a record that is sent twice, which the fenced writer does after a doubt. */
const DUPLICATE_WINDOW_MS = 120_000;

/** Streams and blobs in JetStream, on files. */
export class NatsStore implements StorePort {
  constructor(
    private readonly transport: NatsTransport,
    private readonly clock: Clock,
    /** Copies of every stream: 1 on a single server, 3 in a cluster. */
    private readonly replicas: number,
  ) {}

  async stream(spec: StreamSpec, options: { create?: boolean } = {}): Promise<StreamPort> {
    await prepareStream(this.config(spec), {
      create: options.create ?? true,
      transport: this.transport,
      clock: this.clock,
      apiTimeoutMs: API_TIMEOUT_MS,
    });
    return new NatsStream(spec.name, this.transport, this.clock, API_TIMEOUT_MS);
  }

  async blobs(name: string): Promise<BlobPort> {
    return new NatsBlobs(name, this.transport, this.clock, { replicas: this.replicas, apiTimeoutMs: API_TIMEOUT_MS });
  }

  private config(spec: StreamSpec): Partial<StreamConfig> & { name: string; subjects: string[] } {
    return {
      name: spec.name,
      description: spec.description,
      subjects: [...spec.subjects],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      num_replicas: this.replicas,
      // A full store refuses new facts of desired state rather than forget old ones; what may be forgotten has an age.
      discard: spec.maxAgeMs === undefined ? DiscardPolicy.New : DiscardPolicy.Old,
      max_msgs_per_subject: spec.perSubject ?? -1,
      max_age: spec.maxAgeMs === undefined ? 0 : nanos(spec.maxAgeMs),
      max_bytes: spec.maxBytes ?? -1,
      duplicate_window: nanos(Math.min(DUPLICATE_WINDOW_MS, spec.maxAgeMs ?? Infinity)),
      // Direct get is answered by any replica, which may be behind.
      allow_direct: false,
      allow_rollup_hdrs: false,
      deny_delete: true,
      deny_purge: spec.perSubject === undefined,
    };
  }
}
