import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { HeddleError } from '@heddle/model';
import { cancellable } from './cancellable';
import { checkContainerSpec, type CheckOptions } from './check-container-spec';
import type { ContainerSpec } from './container-spec';
import { withDeadline } from './deadline';
import type {
  CallOptions,
  ContainerAction,
  ContainerInspection,
  ContainerNetwork,
  ContainerStats,
  ContainerStatus,
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
import { networkConflict, networkDifferences, type NetworkInfo, type NetworkSpec } from './network-spec';

export interface FakeEngineOptions extends CheckOptions {
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** References of the images that are there from the start. */
  readonly images?: readonly string[];
  readonly now?: () => Date;
  /** Deadline of a hanging call that brings none of its own. Default 1000 ms. */
  readonly deadlineMs?: number;
}

export type EngineMethod = Exclude<keyof Engine, 'close'>;

export interface FakeCall {
  readonly method: EngineMethod;
  readonly args: readonly unknown[];
}

interface FakeContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly createdAt: string;
  readonly imageId: string;
  readonly log: (LogLine & { time: string })[];
  status: ContainerStatus;
  exitCode: number;
  oomKilled: boolean;
  pid?: number;
  startedAt?: string;
  finishedAt?: string;
  endpoint?: ContainerNetwork;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

/**
 * An engine in memory with the semantics of the real one: states, exit codes, events, names that are taken. Containers
 * run until they are stopped or {@link exit} is called. It can be told to fail or to hang, and records every call.
 */
export class FakeEngine implements Engine {
  readonly calls: FakeCall[] = [];
  private readonly containers = new Map<string, FakeContainer>();
  private readonly images = new Map<string, ImageInspection>();
  private readonly networks = new Map<string, NetworkInfo>();
  private readonly failures = new Map<EngineMethod, HeddleError[]>();
  private readonly hanging = new Set<EngineMethod>();
  private readonly watchers = new Set<Mailbox<EngineEvent>>();
  private readonly changed = new Set<() => void>();
  private serial = 0;

  constructor(private readonly options: FakeEngineOptions = {}) {
    for (const reference of options.images ?? []) this.addImage(reference);
  }

  // --- what a test tells it ---

  /** Makes the next calls of the method fail, one for each error. */
  fail(method: EngineMethod, ...errors: HeddleError[]): void {
    this.failures.set(method, [...(this.failures.get(method) ?? []), ...errors]);
  }

  /** Makes the method hang until its deadline, from now until the returned function is called. */
  hang(method: EngineMethod): () => void {
    this.hanging.add(method);
    return () => {
      this.hanging.delete(method);
      this.notify();
    };
  }

  /** Ends a running container by itself, as a crash does. */
  exit(id: string, exitCode: number, { oomKilled = false } = {}): void {
    const container = this.find(id);
    if (container.status !== 'running') throw new HeddleError('conflict', `container ${id} is not running`);
    container.oomKilled = oomKilled;
    this.end(container, exitCode);
  }

  /** Adds a line to a container's log. */
  write(id: string, line: string, stream: LogLine['stream'] = 'stdout'): void {
    this.find(id).log.push({ stream, line, time: this.now() });
    this.notify();
  }

  addImage(reference: string, image: Partial<ImageInspection> = {}): void {
    this.images.set(normal(reference), {
      id: `sha256:${createHash('sha256').update(reference).digest('hex')}`,
      tags: [normal(reference)],
      labels: {},
      entrypoint: [],
      command: [],
      user: '',
      sizeBytes: 0,
      ...image,
    });
  }

  /** Breaks every event stream for a moment: what the real engine's restart looks like to a watcher. */
  loseEvents(): void {
    for (const watcher of this.watchers) watcher.push({ kind: 'resync', reason: 'reconnected' });
  }

  /** The calls of one method, their arguments only. */
  callsOf(method: EngineMethod): readonly (readonly unknown[])[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.args);
  }

  // --- the engine ---

  async ping(options?: CallOptions): Promise<void> {
    await this.call('ping', [], options, () => undefined);
  }

  async version(options?: CallOptions): Promise<EngineVersion> {
    return this.call('version', [], options, () => ({
      version: '20.10.24',
      apiVersion: '1.41',
      os: 'linux',
      arch: 'amd64',
    }));
  }

  async info(options?: CallOptions): Promise<EngineInfo> {
    return this.call('info', [], options, () => ({
      id: 'FAKE',
      hostname: 'fake',
      cpus: this.options.cpus ?? 4,
      memoryBytes: this.options.memoryBytes ?? 8 * 1024 ** 3,
      cgroupVersion: '2',
      liveRestore: true,
    }));
  }

  async createContainer(spec: ContainerSpec, options?: CallOptions): Promise<string> {
    return this.call('createContainer', [spec], options, () => {
      const checked = checkContainerSpec(spec, this.options);
      const image = this.images.get(normal(checked.image));
      if (!image) throw new HeddleError('not-found', `create container ${spec.name}: No such image: ${spec.image}`);
      if ([...this.containers.values()].some((other) => other.spec.name === checked.name)) {
        throw new HeddleError('conflict', `create container ${spec.name}: the name is already in use`);
      }
      const container: FakeContainer = {
        id: this.newId(),
        spec: checked,
        createdAt: this.now(),
        imageId: image.id,
        log: [],
        status: 'created',
        exitCode: 0,
        oomKilled: false,
      };
      this.containers.set(container.id, container);
      this.emit('create', container);
      return container.id;
    });
  }

  async start(id: string, options?: CallOptions): Promise<void> {
    await this.call('start', [id], options, () => {
      const container = this.find(id);
      if (container.status === 'running') return;
      container.endpoint = this.attach(container);
      container.status = 'running';
      container.exitCode = 0;
      container.oomKilled = false;
      container.pid = 10_000 + ++this.serial;
      container.startedAt = this.now();
      delete container.finishedAt;
      this.emit('start', container);
    });
  }

  async stop(id: string, graceSeconds: number, options?: CallOptions): Promise<void> {
    await this.call('stop', [id, graceSeconds], options, () => {
      const container = this.find(id);
      if (container.status !== 'running') return;
      this.emit('kill', container);
      this.end(container, 143);
      this.emit('stop', container);
    });
  }

  async kill(id: string, signal: string, options?: CallOptions): Promise<void> {
    await this.call('kill', [id, signal], options, () => {
      const container = this.find(id);
      if (container.status !== 'running') {
        throw new HeddleError('conflict', `send ${signal} to container ${id}: it is not running`);
      }
      this.emit('kill', container);
      const number = SIGNAL_NUMBERS[signal] ?? Number(signal);
      if (Object.values(SIGNAL_NUMBERS).includes(number)) this.end(container, 128 + number);
    });
  }

  async remove(id: string, options: CallOptions & { readonly force?: boolean } = {}): Promise<void> {
    await this.call('remove', [id, { force: options.force ?? false }], options, () => {
      const container = this.lookUp(id);
      if (!container) return;
      if (container.status === 'running') {
        if (!options.force) throw new HeddleError('conflict', `remove container ${id}: it is running; stop it first`);
        this.emit('kill', container);
        this.end(container, 137);
      }
      this.containers.delete(container.id);
      this.emit('destroy', container);
    });
  }

  async inspect(id: string, options?: CallOptions): Promise<ContainerInspection> {
    return this.call('inspect', [id], options, () => {
      const c = this.find(id);
      const network = c.endpoint ?? { networkId: this.networks.get(c.spec.network.name)?.id ?? '' };
      return {
        id: c.id,
        name: c.spec.name,
        image: c.spec.image,
        imageId: c.imageId,
        status: c.status,
        ...(c.pid === undefined ? {} : { pid: c.pid }),
        ...(c.status === 'exited' ? { exitCode: c.exitCode } : {}),
        oomKilled: c.oomKilled,
        restartCount: 0,
        createdAt: c.createdAt,
        ...(c.startedAt === undefined ? {} : { startedAt: c.startedAt }),
        ...(c.finishedAt === undefined ? {} : { finishedAt: c.finishedAt }),
        labels: c.spec.labels ?? {},
        networks: { [c.spec.network.name]: network },
      };
    });
  }

  async list(options: ListOptions = {}): Promise<readonly ContainerSummary[]> {
    return this.call('list', [{ labels: options.labels ?? {}, all: options.all ?? false }], options, () =>
      [...this.containers.values()]
        .filter((c) => (options.all || c.status === 'running') && matches(c.spec.labels, options.labels))
        .map((c) => ({
          id: c.id,
          name: c.spec.name,
          image: c.spec.image,
          imageId: c.imageId,
          status: c.status,
          createdAt: c.createdAt,
          labels: c.spec.labels ?? {},
        }))
        .reverse(),
    );
  }

  async wait(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<{ readonly exitCode: number }> {
    this.record('wait', [id]);
    const container = this.find(id);
    const what = `wait for container ${id}`;
    // No deadline of its own: as long as a timer can run.
    return withDeadline({ what, ms: 2 ** 31 - 1, signal: options.signal }, async (signal) => {
      while (container.status === 'running') await this.nextChange(signal);
      return { exitCode: container.exitCode };
    });
  }

  async stats(id: string, options?: CallOptions): Promise<ContainerStats | undefined> {
    return this.call('stats', [id], options, () => {
      const container = this.find(id);
      if (container.status !== 'running') return undefined;
      const { memoryBytes } = container.spec.resources;
      return {
        cpuNanos: 1_000_000,
        memoryBytes: 1_048_576,
        memoryLimitBytes: memoryBytes,
        pids: 1,
        readAt: this.now(),
      };
    });
  }

  logs(id: string, options: LogOptions = {}): AsyncIterableIterator<LogLine> {
    this.calls.push({ method: 'logs', args: [id, options] });
    return cancellable([options.signal], (signal) => this.readLog(id, options, signal));
  }

  private async *readLog(id: string, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogLine, void> {
    this.failIfTold('logs');
    const container = this.find(id);
    const since = options.since === undefined ? undefined : new Date(options.since).toISOString();
    const matching = (lines: FakeContainer['log']): FakeContainer['log'] =>
      lines.filter(({ time }) => since === undefined || time >= since);
    let next = container.log.length;
    const past = matching(container.log.slice(0, next));
    let lines = options.tail === undefined ? past : options.tail === 0 ? [] : past.slice(-options.tail);
    while (!signal.aborted) {
      for (const { stream, line, time } of lines) yield { stream, line, ...(options.timestamps ? { time } : {}) };
      lines = matching(container.log.slice(next));
      next = container.log.length;
      if (lines.length > 0) continue;
      if (!options.follow || container.status !== 'running') return;
      await this.nextChange(signal);
    }
  }

  events(options: EventOptions = {}): AsyncIterableIterator<EngineEvent> {
    this.calls.push({ method: 'events', args: [options] });
    return cancellable([options.signal], (signal) => this.watch(options, signal));
  }

  private async *watch(options: EventOptions, signal: AbortSignal): AsyncGenerator<EngineEvent, void> {
    this.failIfTold('events');
    const mailbox = new Mailbox<EngineEvent>();
    this.watchers.add(mailbox);
    const onAbort = (): void => mailbox.close();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) mailbox.close();
    mailbox.push({ kind: 'resync', reason: 'connected' });
    try {
      for (let event = await mailbox.take(); event; event = await mailbox.take()) {
        if (event.kind === 'resync' || matches(event.labels, options.labels)) yield event;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.watchers.delete(mailbox);
    }
  }

  async imageExists(reference: string, options?: CallOptions): Promise<boolean> {
    return this.call('imageExists', [reference], options, () => this.images.has(normal(reference)));
  }

  async inspectImage(reference: string, options?: CallOptions): Promise<ImageInspection> {
    return this.call('inspectImage', [reference], options, () => {
      const image = this.images.get(normal(reference));
      if (!image) throw new HeddleError('not-found', `inspect image ${reference}: No such image: ${reference}`);
      return image;
    });
  }

  async importImage(
    tar: Readable | Buffer,
    tag: string,
    changes: readonly string[] = [],
    options?: CallOptions,
  ): Promise<string> {
    const content = Buffer.isBuffer(tar) ? tar : Buffer.concat(await tar.toArray());
    return this.call('importImage', [content, tag, changes], options, () => {
      const id = `sha256:${createHash('sha256').update(content).digest('hex')}`;
      const labels = changes.map((change) => /^LABEL ([^\s=]+)="?([^"]*)"?$/.exec(change)).filter((m) => m !== null);
      this.addImage(tag, {
        id,
        labels: Object.fromEntries(labels.map((m) => [m[1], m[2]])),
        sizeBytes: content.length,
      });
      return id;
    });
  }

  async ensureNetwork(spec: NetworkSpec, options?: CallOptions): Promise<{ id: string; created: boolean }> {
    return this.call('ensureNetwork', [spec], options, () => {
      const found = this.networks.get(spec.name);
      if (found) {
        const differences = networkDifferences(spec, found);
        if (differences.length > 0) throw networkConflict(spec.name, differences);
        return { id: found.id, created: false };
      }
      const network: NetworkInfo = {
        ipamOptions: {},
        options: {},
        labels: {},
        internal: false,
        ...spec,
        id: this.newId(),
      };
      this.networks.set(spec.name, network);
      return { id: network.id, created: true };
    });
  }

  async removeNetwork(nameOrId: string, options?: CallOptions): Promise<void> {
    await this.call('removeNetwork', [nameOrId], options, () => {
      const network = [...this.networks.values()].find((n) => n.name === nameOrId || n.id === nameOrId);
      if (!network) return;
      const user = [...this.containers.values()].find((c) => c.endpoint?.networkId === network.id);
      if (user) throw new HeddleError('refused', `remove network ${nameOrId}: container ${user.spec.name} uses it`);
      this.networks.delete(network.name);
    });
  }

  async listNetworks(options: CallOptions & { readonly labels?: LabelFilter } = {}): Promise<readonly NetworkInfo[]> {
    return this.call('listNetworks', [{ labels: options.labels ?? {} }], options, () =>
      [...this.networks.values()].filter((network) => matches(network.labels, options.labels)),
    );
  }

  close(): void {
    for (const watcher of this.watchers) watcher.close();
  }

  // --- inside ---

  private record(method: EngineMethod, args: readonly unknown[]): void {
    this.calls.push({ method, args });
    this.failIfTold(method);
  }

  private failIfTold(method: EngineMethod): void {
    const error = this.failures.get(method)?.shift();
    if (error) throw error;
  }

  private async call<T>(
    method: EngineMethod,
    args: readonly unknown[],
    options: CallOptions | undefined,
    run: () => T,
  ): Promise<T> {
    const ms = options?.deadlineMs ?? this.options.deadlineMs ?? 1000;
    return withDeadline({ what: method, ms, signal: options?.signal }, async (signal) => {
      this.record(method, args);
      while (this.hanging.has(method) && !signal.aborted) await this.nextChange(signal);
      // A call that was given up must not take effect behind its caller's back: tests would see two outcomes.
      return signal.aborted ? (new Promise<never>(() => undefined) as Promise<T>) : run();
    });
  }

  private lookUp(id: string): FakeContainer | undefined {
    return [...this.containers.values()].find(
      (c) => c.id === id || c.spec.name === id || (id.length >= 12 && c.id.startsWith(id)),
    );
  }

  private find(id: string): FakeContainer {
    const container = this.lookUp(id);
    if (!container) throw new HeddleError('not-found', `No such container: ${id}`);
    return container;
  }

  private attach({ spec }: FakeContainer): ContainerNetwork {
    const { name, ipv4Address, macAddress } = spec.network;
    if (name === 'none') return { networkId: 'none', endpointId: this.newId() };
    const network = this.networks.get(name);
    if (!network) throw new HeddleError('not-found', `start container ${spec.name}: network ${name} not found`);
    const [base = '10.0.0.0', prefix = '24'] = (network.subnet ?? '').split('/');
    const host = ++this.serial;
    return {
      networkId: network.id,
      endpointId: this.newId(),
      ipv4Address: ipv4Address ?? `${base.split('.').slice(0, 2).join('.')}.${(host >> 8) & 255}.${host & 255}`,
      ipv4PrefixLength: Number(prefix),
      macAddress: macAddress ?? `02:fa:00:00:${hex(host >> 8)}:${hex(host)}`,
    };
  }

  private end(container: FakeContainer, exitCode: number): void {
    container.status = 'exited';
    container.exitCode = exitCode;
    container.finishedAt = this.now();
    delete container.pid;
    delete container.endpoint;
    this.emit('die', container, exitCode);
  }

  private emit(action: ContainerAction, { id, spec }: FakeContainer, exitCode?: number): void {
    const event: EngineEvent = {
      kind: 'container',
      action,
      id,
      name: spec.name,
      labels: spec.labels ?? {},
      ...(exitCode === undefined ? {} : { exitCode }),
      time: this.now(),
    };
    for (const watcher of this.watchers) watcher.push(event);
    this.notify();
  }

  private notify(): void {
    for (const wake of this.changed) wake();
    this.changed.clear();
  }

  private async nextChange(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.changed.delete(wake);
        resolve();
      };
      this.changed.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }

  private newId(): string {
    return createHash('sha256').update(String(++this.serial)).digest('hex');
  }

  private now(): string {
    return (this.options.now?.() ?? new Date()).toISOString();
  }
}

class Mailbox<T> {
  private items: T[] = [];
  private closed = false;
  private wake: (() => void) | undefined;

  push(item: T): void {
    this.items.push(item);
    this.wake?.();
  }

  close(): void {
    this.closed = true;
    this.wake?.();
  }

  async take(): Promise<T | undefined> {
    while (this.items.length === 0 && !this.closed) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.closed ? undefined : this.items.shift();
  }
}

const hex = (n: number): string => (n & 255).toString(16).padStart(2, '0');

/** A reference without a tag means `latest`. */
const normal = (reference: string): string =>
  reference.includes(':', reference.lastIndexOf('/') + 1) ? reference : `${reference}:latest`;

const matches = (labels: Readonly<Record<string, string>> = {}, filter: LabelFilter = {}): boolean =>
  Object.entries(filter).every(([key, value]) => (value === true ? key in labels : labels[key] === value));
