import type { Readable } from 'node:stream';
import { HeddleError } from '@heddle/model';
import { cancellable } from './cancellable';
import type { CheckOptions } from './check-container-spec';
import type { ContainerSpec } from './container-spec';
import {
  imageFrom,
  inspectionFrom,
  networkInfoFrom,
  statsFrom,
  summaryFrom,
  type RawImage,
  type RawInspection,
  type RawNetwork,
  type RawStats,
  type RawSummary,
} from './container-state';
import { createRequest } from './create-request';
import { cancelled, withDeadline } from './deadline';
import type {
  CallOptions,
  ContainerInspection,
  ContainerStats,
  ContainerSummary,
  Engine,
  EngineEvent,
  EngineInfo,
  EngineVersion,
  EventOptions,
  ImageInspection,
  LabelFilter,
  ListOptions,
  LogLine,
  LogOptions,
} from './engine';
import { EngineClient, type DockerApi } from './engine-client';
import { engineError, statusOf } from './engine-error';
import { sinceParameter } from './engine-time';
import { CONTAINER_ACTIONS, eventLoop } from './events';
import { FrameDecoder, LineAssembler } from './log-frames';
import { networkConflict, networkDifferences, type NetworkInfo, type NetworkSpec } from './network-spec';

export interface DockerEngineOptions extends CheckOptions {
  /** The engine's socket. Default `/var/run/docker.sock`. */
  readonly socketPath?: string;
  /** Default deadlines in milliseconds. */
  readonly deadlines?: Partial<EngineDeadlines>;
  /** Told of every loss of the event stream, for the log. */
  readonly onEventsLost?: (error: HeddleError) => void;
}

export interface EngineDeadlines {
  /** Questions and small changes. */
  readonly query: number;
  readonly create: number;
  /** The engine waits for the network plugin, 15 s if it is not there. */
  readonly start: number;
  /** Added to the grace time: two calls to a plugin that is not there are 15 s each. */
  readonly stop: number;
  readonly remove: number;
  readonly network: number;
  readonly import: number;
}

const DEADLINES: EngineDeadlines = {
  query: 10_000,
  create: 30_000,
  start: 60_000,
  stop: 45_000,
  remove: 60_000,
  network: 60_000,
  import: 300_000,
};

/** Container, image and network references become parts of URL paths. */
const REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,254}$/;
const CONTAINER_REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;
const SIGNAL = /^(SIG[A-Z0-9+-]{2,12}|[1-9][0-9]?)$/;

/** The Docker Engine behind a Unix socket. Works with API 1.41 (Docker 20.10) and later. */
export class DockerEngine implements Engine {
  private readonly client: EngineClient;
  private readonly deadlines: EngineDeadlines;
  private networkChanges: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: DockerEngineOptions = {}) {
    this.client = new EngineClient(options.socketPath ?? '/var/run/docker.sock');
    this.deadlines = { ...DEADLINES, ...options.deadlines };
  }

  get socketPath(): string {
    return this.client.socketPath;
  }

  async ping(options?: CallOptions): Promise<void> {
    await this.call('ping the engine', 'query', options, (docker, abortSignal) => docker.ping({ abortSignal }));
  }

  async version(options?: CallOptions): Promise<EngineVersion> {
    const raw = (await this.call('ask for the engine version', 'query', options, (docker, abortSignal) =>
      docker.version({ abortSignal }),
    )) as Partial<Record<'Version' | 'ApiVersion' | 'Os' | 'Arch', string>>;
    return {
      version: raw.Version ?? '',
      apiVersion: raw.ApiVersion ?? '',
      os: raw.Os ?? '',
      arch: raw.Arch ?? '',
    };
  }

  async info(options?: CallOptions): Promise<EngineInfo> {
    interface RawInfo {
      ID?: string;
      Name?: string;
      NCPU?: number;
      MemTotal?: number;
      CgroupVersion?: string;
      LiveRestoreEnabled?: boolean;
    }
    const raw = (await this.call('ask for the engine info', 'query', options, (docker, abortSignal) =>
      docker.info({ abortSignal }),
    )) as RawInfo;
    return {
      id: raw.ID ?? '',
      hostname: raw.Name ?? '',
      cpus: raw.NCPU ?? 0,
      memoryBytes: raw.MemTotal ?? 0,
      cgroupVersion: raw.CgroupVersion === '2' ? '2' : '1',
      liveRestore: raw.LiveRestoreEnabled ?? false,
    };
  }

  async createContainer(spec: ContainerSpec, options?: CallOptions): Promise<string> {
    const body = createRequest(spec, { fileRoots: this.options.fileRoots ?? [] });
    // dockerode repeats the whole body in the query unless the two are given apart.
    const request = { _query: { name: spec.name }, _body: body };
    const container = await this.call(`create container ${spec.name}`, 'create', options, (docker, abortSignal) =>
      docker.createContainer({ ...request, abortSignal }),
    );
    return container.id;
  }

  async start(id: string, options?: CallOptions): Promise<void> {
    await this.change(`start container ${id}`, 'start', options, (docker, abortSignal) =>
      container(docker, id).start({ abortSignal }),
    );
  }

  async stop(id: string, graceSeconds: number, options: CallOptions = {}): Promise<void> {
    const seconds = Math.ceil(checkNumber('graceSeconds', graceSeconds, 0, 86_400));
    const deadlineMs = options.deadlineMs ?? seconds * 1000 + this.deadlines.stop;
    await this.change(`stop container ${id}`, 'stop', { ...options, deadlineMs }, (docker, abortSignal) =>
      container(docker, id).stop({ t: seconds, abortSignal }),
    );
  }

  async kill(id: string, signal: string, options?: CallOptions): Promise<void> {
    if (!SIGNAL.test(signal)) {
      throw new HeddleError('invalid', `found the signal ${JSON.stringify(signal)}; allowed are names such as SIGTERM`);
    }
    await this.change(`send ${signal} to container ${id}`, 'query', options, (docker, abortSignal) =>
      container(docker, id).kill({ signal, abortSignal }),
    );
  }

  async remove(id: string, options: CallOptions & { readonly force?: boolean } = {}): Promise<void> {
    const force = options.force ?? false;
    await this.change(
      `remove container ${id}`,
      'remove',
      options,
      (docker, abortSignal) => container(docker, id).remove({ force, v: true, abortSignal }),
      404,
    );
  }

  async inspect(id: string, options?: CallOptions): Promise<ContainerInspection> {
    const raw = await this.call(`inspect container ${id}`, 'query', options, (docker, abortSignal) =>
      container(docker, id).inspect({ abortSignal }),
    );
    return inspectionFrom(raw as RawInspection);
  }

  async list(options: ListOptions = {}): Promise<readonly ContainerSummary[]> {
    const filters = { label: labelFilter(options.labels) };
    const raw = await this.call('list containers', 'query', options, (docker, abortSignal) =>
      docker.listContainers({ all: options.all ?? false, filters, abortSignal }),
    );
    return (raw as RawSummary[]).map(summaryFrom);
  }

  async wait(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<{ readonly exitCode: number }> {
    const what = `wait for container ${id}`;
    checkReference(CONTAINER_REFERENCE, id);
    // Read as a stream: dockerode's own wait never settles when the engine dies while it is under way.
    const { body } = await this.client.stream(
      what,
      { method: 'POST', path: `/containers/${id}/wait`, query: { condition: 'not-running' } },
      options.signal,
    );
    const text = await this.readAll(what, body, options.signal);
    const result = parseJson(what, text) as { StatusCode?: number; Error?: { Message?: string } | null };
    if (result.Error?.Message) throw new HeddleError('unavailable', `${what}: ${result.Error.Message}`);
    return { exitCode: result.StatusCode ?? 0 };
  }

  async stats(id: string, options?: CallOptions): Promise<ContainerStats | undefined> {
    // Without one-shot the engine waits two seconds for a second reading.
    const query = { stream: false, 'one-shot': true } as const;
    const raw = await this.call(`read the usage of container ${id}`, 'query', options, (docker, abortSignal) =>
      container(docker, id).stats({ ...query, abortSignal }),
    );
    return statsFrom(raw as RawStats);
  }

  logs(id: string, options: LogOptions = {}): AsyncIterableIterator<LogLine> {
    checkReference(CONTAINER_REFERENCE, id);
    const query = {
      stdout: true,
      stderr: true,
      follow: options.follow ?? false,
      timestamps: options.timestamps ?? false,
      tail: options.tail === undefined ? 'all' : checkNumber('tail', options.tail, 0, Number.MAX_SAFE_INTEGER),
      ...(options.since === undefined ? {} : { since: sinceParameter(options.since) }),
    };
    return cancellable([options.signal, this.client.closed], (signal) => this.readLogs(id, query, signal));
  }

  private async *readLogs(
    id: string,
    query: { follow: boolean; timestamps: boolean; [key: string]: string | number | boolean },
    signal: AbortSignal,
  ): AsyncGenerator<LogLine, void> {
    if (signal.aborted) return;
    const what = `read the logs of container ${id}`;
    const decoder = new FrameDecoder();
    const assembler = new LineAssembler(query.timestamps);
    try {
      const { body, cancel } = await this.client.stream(
        what,
        { method: 'GET', path: `/containers/${id}/logs`, query },
        signal,
      );
      const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
      // A log that is followed may be silent for ever; one that is read to its end may not.
      const next = (): Promise<IteratorResult<Buffer>> =>
        query.follow
          ? chunks.next()
          : withDeadline({ what, ms: this.deadlines.query, signal, advice: ADVICE.query }, () => chunks.next());
      try {
        for (let read = await next(); !read.done; read = await next()) {
          for (const frame of decoder.push(read.value)) yield* assembler.push(frame);
        }
        yield* assembler.end();
      } finally {
        cancel();
      }
    } catch (error) {
      if (signal.aborted) return;
      throw engineError(what, error, this.socketPath);
    }
  }

  events(options: EventOptions = {}): AsyncIterableIterator<EngineEvent> {
    const since = options.since === undefined ? undefined : sinceParameter(options.since);
    const filters = { type: ['container'], event: [...CONTAINER_ACTIONS], label: labelFilter(options.labels) };
    const { onEventsLost } = this.options;
    return cancellable([options.signal, this.client.closed], (signal) =>
      eventLoop(
        {
          open: (first, abort) =>
            this.client.stream(
              'watch the events of the engine',
              { method: 'GET', path: '/events', query: { filters, ...(first && since ? { since } : {}) } },
              abort,
            ),
          ...(onEventsLost ? { onLost: onEventsLost } : {}),
        },
        signal,
      ),
    );
  }

  async imageExists(reference: string, options?: CallOptions): Promise<boolean> {
    try {
      await this.inspectImage(reference, options);
      return true;
    } catch (error) {
      if (error instanceof HeddleError && error.code === 'not-found') return false;
      throw error;
    }
  }

  async inspectImage(reference: string, options?: CallOptions): Promise<ImageInspection> {
    checkReference(REFERENCE, reference);
    const raw = await this.call(`inspect image ${reference}`, 'query', options, (docker, abortSignal) =>
      docker.getImage(reference).inspect({ abortSignal }),
    );
    return imageFrom(raw as RawImage);
  }

  async importImage(
    tar: Readable | Buffer,
    tag: string,
    changes: readonly string[] = [],
    options?: CallOptions,
  ): Promise<string> {
    const what = `import image ${tag}`;
    checkReference(REFERENCE, tag);
    const { repo, version } = splitTag(tag);
    return await this.call(what, 'import', options, async (docker, abortSignal) => {
      const query = { repo, tag: version, changes: [...changes], abortSignal };
      const progress = await docker.importImage(tar, query);
      const lines = (await this.readAll(what, progress, abortSignal)).split('\n').filter((line) => line.trim() !== '');
      const messages = lines.map((line) => parseJson(what, line) as { status?: string; error?: string });
      const failed = messages.find((message) => message.error !== undefined);
      if (failed) throw new HeddleError('unavailable', `${what}: ${failed.error}`, { retryable: false });
      const id = messages.map((message) => message.status).findLast((status) => status?.startsWith('sha256:'));
      if (!id)
        throw new HeddleError('internal', `${what}: the engine named no image: ${lines.join(' ').slice(0, 500)}`);
      return id;
    });
  }

  async ensureNetwork(spec: NetworkSpec, options?: CallOptions): Promise<{ id: string; created: boolean }> {
    checkReference(CONTAINER_REFERENCE, spec.name);
    // The engine looks for duplicates, but not atomically: two requests at once give two networks of one name.
    const previous = this.networkChanges.catch(() => undefined);
    const change = previous.then(() => this.findOrCreateNetwork(spec, options));
    this.networkChanges = change;
    return change;
  }

  private async findOrCreateNetwork(
    spec: NetworkSpec,
    options?: CallOptions,
  ): Promise<{ id: string; created: boolean }> {
    const existing = await this.findNetwork(spec, options);
    if (existing) return { id: existing, created: false };
    const network = await this.call(`create network ${spec.name}`, 'network', options, (docker, abortSignal) =>
      docker.createNetwork({ _query: {}, _body: networkRequest(spec), abortSignal }),
    );
    return { id: network.id, created: true };
  }

  private async findNetwork(spec: NetworkSpec, options?: CallOptions): Promise<string | undefined> {
    const all = await this.networks({ name: [spec.name] }, options);
    // The engine's filter matches parts of names too.
    const [found, second] = all.filter((network) => network.name === spec.name);
    if (!found) return undefined;
    if (second) throw networkConflict(spec.name, [`the name is taken twice, by ${found.id} and ${second.id}`]);
    const differences = networkDifferences(spec, found);
    if (differences.length > 0) throw networkConflict(spec.name, differences);
    return found.id;
  }

  async removeNetwork(nameOrId: string, options?: CallOptions): Promise<void> {
    checkReference(CONTAINER_REFERENCE, nameOrId);
    await this.change(
      `remove network ${nameOrId}`,
      'network',
      options,
      (docker, abortSignal) => docker.getNetwork(nameOrId).remove({ abortSignal }),
      404,
    );
  }

  async listNetworks(options: CallOptions & { readonly labels?: LabelFilter } = {}): Promise<readonly NetworkInfo[]> {
    return this.networks({ label: labelFilter(options.labels) }, options);
  }

  private async networks(filters: Record<string, string[]>, options?: CallOptions): Promise<readonly NetworkInfo[]> {
    const raw = await this.call('list networks', 'query', options, (docker, abortSignal) =>
      docker.listNetworks({ filters, abortSignal }),
    );
    return (raw as RawNetwork[]).map(networkInfoFrom);
  }

  close(): void {
    this.client.close();
  }

  private call<T>(
    what: string,
    kind: keyof EngineDeadlines,
    options: CallOptions | undefined,
    run: (docker: DockerApi, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const ms = options?.deadlineMs ?? this.deadlines[kind];
    return this.client.call(what, { ms, signal: options?.signal, advice: ADVICE[kind] }, run);
  }

  /** A call without an answer that counts the given statuses, and "nothing was to be done", as success. */
  private async change(
    what: string,
    kind: keyof EngineDeadlines,
    options: CallOptions | undefined,
    run: (docker: DockerApi, abortSignal: AbortSignal) => Promise<unknown>,
    ...success: number[]
  ): Promise<void> {
    await this.call(what, kind, options, async (docker, abortSignal) => {
      try {
        await run(docker, abortSignal);
      } catch (error) {
        const status = statusOf(error);
        if (status !== 304 && (status === undefined || !success.includes(status))) throw error;
      }
    });
  }

  private async readAll(what: string, body: NodeJS.ReadableStream, signal?: AbortSignal): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of body) chunks.push(Buffer.from(chunk));
    } catch (error) {
      const ended = [signal, this.client.closed].find((s) => s?.aborted);
      throw ended ? cancelled(what, ended) : engineError(what, error, this.socketPath);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}

const ADVICE: Readonly<Record<keyof EngineDeadlines, string>> = {
  query: 'the engine hangs or is overloaded; its log tells more',
  create: 'the engine hangs or is overloaded; its log tells more',
  start: 'the network plugin may hang; inspect the container before trying again',
  stop: 'the network plugin may be missing; inspect the container before trying again',
  remove: 'inspect the container before trying again',
  network: 'the network plugin may be missing; list the networks before trying again',
  import: 'look whether the image is there before trying again',
};

function container(docker: DockerApi, id: string): ReturnType<DockerApi['getContainer']> {
  checkReference(CONTAINER_REFERENCE, id);
  return docker.getContainer(id);
}

function checkReference(pattern: RegExp, text: string): void {
  if (pattern.test(text)) return;
  throw new HeddleError(
    'invalid',
    `found the name or id ${JSON.stringify(text)}; allowed are letters, digits, "_", "." and "-"`,
  );
}

function checkNumber(name: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new HeddleError('invalid', `found ${name} ${value}; allowed is a number from ${min} to ${max}`);
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HeddleError('unavailable', `${what}: the engine's answer is not JSON: ${text.slice(0, 200)}`, { cause });
  }
}

const labelFilter = (labels: LabelFilter = {}): string[] =>
  Object.entries(labels).map(([key, value]) => (value === true ? key : `${key}=${value}`));

/** A colon after the last slash begins the tag; one before it belongs to the registry's port. */
function splitTag(reference: string): { repo: string; version: string } {
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1);
  return colon < 0
    ? { repo: reference, version: 'latest' }
    : { repo: reference.slice(0, colon), version: reference.slice(colon + 1) };
}

function networkRequest(spec: NetworkSpec): object {
  return {
    Name: spec.name,
    CheckDuplicate: true,
    Driver: spec.driver,
    Internal: spec.internal ?? false,
    EnableIPv6: false,
    Options: spec.options ?? {},
    Labels: spec.labels ?? {},
    IPAM: {
      Driver: spec.ipamDriver,
      Options: spec.ipamOptions ?? {},
      Config: [{ Subnet: spec.subnet, ...(spec.gateway ? { Gateway: spec.gateway } : {}) }],
    },
  };
}
