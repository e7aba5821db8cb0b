import type { Readable } from 'node:stream';
import type { ContainerSpec } from './container-spec';
import type { NetworkInfo, NetworkSpec } from './network-spec';

/** Limits of one call. Every call has a deadline of its own kind even when none is given here. */
export interface CallOptions {
  /** Milliseconds until the call fails with code `deadline`; replaces the default of the method. */
  readonly deadlineMs?: number;
  /** Ends the call early; it then fails with code `unavailable`. */
  readonly signal?: AbortSignal;
}

export interface EngineVersion {
  /** Version of the engine, such as `20.10.24`. */
  readonly version: string;
  /** Newest API version the engine speaks, such as `1.41`. */
  readonly apiVersion: string;
  readonly os: string;
  readonly arch: string;
}

export interface EngineInfo {
  /** Identity of the engine's data root; another one means that its containers and networks are others too. */
  readonly id: string;
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: '1' | '2';
  readonly liveRestore: boolean;
}

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** One network of a container. Addresses are absent while the container does not run. */
export interface ContainerNetwork {
  readonly networkId: string;
  /** Another one after every start. */
  readonly endpointId?: string;
  readonly ipv4Address?: string;
  readonly ipv4PrefixLength?: number;
  readonly macAddress?: string;
}

/** What the engine knows of one container, in one shape for every engine version. Times are RFC 3339. */
export interface ContainerInspection {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** The reference the container was created from. */
  readonly image: string;
  readonly imageId: string;
  readonly status: ContainerStatus;
  /** Process id of the first process in the engine's pid namespace, while it runs. */
  readonly pid?: number;
  /** Once the container has ended, or could not be started. */
  readonly exitCode?: number;
  /** Why the last start failed, in the engine's words. */
  readonly error?: string;
  /**
   * Whether the kernel killed a process of the container for its memory limit. A killed child sets it too, so it says
   * nothing about success: read it together with the exit code.
   */
  readonly oomKilled: boolean;
  readonly restartCount: number;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By network name. */
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly status: ContainerStatus;
  readonly createdAt: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ListOptions extends CallOptions {
  /** Only objects that carry each of these labels; `true` stands for any value. */
  readonly labels?: LabelFilter;
  /** Also containers that do not run. Default false. */
  readonly all?: boolean;
}

export type LabelFilter = Readonly<Record<string, string | true>>;

export interface LogOptions {
  /** Go on until the container ends. Default false: what is there. */
  readonly follow?: boolean;
  /** Only the last so many lines. */
  readonly tail?: number;
  /** Only from this instant on: a Date, or RFC 3339 text as in {@link LogLine.time}. */
  readonly since?: Date | string;
  /** Deliver {@link LogLine.time}. */
  readonly timestamps?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  /** Without its newline. A line beyond 64 KiB arrives in pieces. */
  readonly line: string;
  /** When the engine received the line, RFC 3339 with nanoseconds; only with `timestamps`. */
  readonly time?: string;
}

export interface EventOptions {
  /** Replays what the engine still remembers since then (it keeps the last 256 events of all kinds): a hint only. */
  readonly since?: Date | string;
  readonly labels?: LabelFilter;
  readonly signal?: AbortSignal;
}

export type ContainerAction =
  'create' | 'start' | 'die' | 'oom' | 'kill' | 'stop' | 'restart' | 'pause' | 'unpause' | 'destroy';

/**
 * `resync`: from here on events are delivered, what happened before may have been missed: list now. It is the first
 * item, and comes again after every lost connection and every overflow.
 */
export type EngineEvent =
  | { readonly kind: 'resync'; readonly reason: 'connected' | 'reconnected' | 'overflow' }
  | {
      readonly kind: 'container';
      readonly action: ContainerAction;
      readonly id: string;
      readonly name: string;
      readonly labels: Readonly<Record<string, string>>;
      /** With `die`. */
      readonly exitCode?: number;
      /** RFC 3339 with nanoseconds. */
      readonly time: string;
    };

export interface ContainerStats {
  /** CPU time used since the start, in nanoseconds. */
  readonly cpuNanos: number;
  /** Memory that cannot be reclaimed: usage without inactive page cache. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly pids: number;
  readonly readAt: string;
}

export interface ImageInspection {
  readonly id: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly user: string;
  readonly sizeBytes: number;
}

/**
 * A container engine, with no more than an agent needs of one. Methods are idempotent where a retry is natural: starting
 * a running container, stopping a stopped one and removing a missing one succeed. Failures are `HeddleError`s:
 * `not-found`, `conflict` (wrong state, name taken), `refused` (in use), `invalid`, `unavailable` (engine not there, or
 * its fault), `deadline` (the outcome is unknown).
 */
export interface Engine {
  ping(options?: CallOptions): Promise<void>;
  version(options?: CallOptions): Promise<EngineVersion>;
  info(options?: CallOptions): Promise<EngineInfo>;

  /** Creates without starting; returns the container's id. A taken name fails with `conflict`. */
  createContainer(spec: ContainerSpec, options?: CallOptions): Promise<string>;
  start(id: string, options?: CallOptions): Promise<void>;
  /** Sends the stop signal, and SIGKILL `graceSeconds` later; returns when the container has ended. */
  stop(id: string, graceSeconds: number, options?: CallOptions): Promise<void>;
  kill(id: string, signal: string, options?: CallOptions): Promise<void>;
  /** Removes the container and its anonymous volumes; a running one only with `force`. */
  remove(id: string, options?: CallOptions & { readonly force?: boolean }): Promise<void>;
  inspect(id: string, options?: CallOptions): Promise<ContainerInspection>;
  list(options?: ListOptions): Promise<readonly ContainerSummary[]>;
  /** Waits until the container does not run, for as long as it takes; ended by `signal`. */
  wait(id: string, options?: { readonly signal?: AbortSignal }): Promise<{ readonly exitCode: number }>;
  /** One reading; undefined when the container does not run. */
  stats(id: string, options?: CallOptions): Promise<ContainerStats | undefined>;
  /** Ends when the log does; `return()` and `signal` end it at once. */
  logs(id: string, options?: LogOptions): AsyncIterableIterator<LogLine>;
  /** Never ends by itself: it reconnects. `return()` and `signal` end it at once. */
  events(options?: EventOptions): AsyncIterableIterator<EngineEvent>;

  imageExists(reference: string, options?: CallOptions): Promise<boolean>;
  inspectImage(reference: string, options?: CallOptions): Promise<ImageInspection>;
  /** Makes a one-layer image of a root file system in a tar; `changes` are Dockerfile instructions. Returns its id. */
  importImage(tar: Readable | Buffer, tag: string, changes?: readonly string[], options?: CallOptions): Promise<string>;

  /** Creates the network unless it is there; one of that name with other settings fails with `conflict`. */
  ensureNetwork(spec: NetworkSpec, options?: CallOptions): Promise<{ readonly id: string; readonly created: boolean }>;
  /** By name or id. A network that is in use is `refused`. */
  removeNetwork(nameOrId: string, options?: CallOptions): Promise<void>;
  listNetworks(options?: CallOptions & { readonly labels?: LabelFilter }): Promise<readonly NetworkInfo[]>;

  /** Ends every open stream and call; the engine and its containers go on. */
  close(): void;
}
