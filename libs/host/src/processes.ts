import type { Cgroup } from './cgroup';
import type { ProcessIdentity } from './process-identity';

export interface RunOptions {
  /** Milliseconds until the command is killed. Default 10,000. */
  readonly deadlineMs?: number;
  /** What the command reads from its standard input; without it that is empty. */
  readonly input?: string | Uint8Array;
  /** The whole environment of the command; without it, this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Bytes of output, each for stdout and stderr, beyond which the command is killed. Default 16 MiB. */
  readonly maxOutput?: number;
  /** Exit codes that are no failure. Default: 0 alone. */
  readonly okCodes?: readonly number[];
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface DaemonOptions {
  /** Gets the daemon's output, appended. Its folder must exist. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Joined by the process itself before its program is loaded, so that not even its first child can be outside. */
  readonly cgroup?: Cgroup;
}

/** How a daemon ended, for the process that started it. */
export interface DaemonExit {
  /** Exit code, or `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process as it stands in the process table. */
export interface ListedProcess {
  readonly pid: number;
  /** Empty for kernel threads and zombies. */
  readonly argv: readonly string[];
}

export interface Daemon {
  readonly identity: ProcessIdentity;
  /** Resolves when the daemon ends while this process still lives. Never rejects. */
  readonly exited: Promise<DaemonExit>;
}

/** Processes of the machine. Commands are argument vectors; no shell ever reads them. */
export interface Processes {
  /**
   * Runs a command to its end.
   * @throws CommandError when it ends with a code not in `okCodes`, is killed, runs out of time (`deadline`), gives too
   *   much output (`limit`) or cannot be started (`unavailable`)
   */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /**
   * Starts a process that outlives this one: own session, no standard input, output to a log file.
   * @throws CommandError `unavailable` when it cannot be started
   */
  spawnDaemon(argv: readonly string[], options: DaemonOptions): Promise<Daemon>;
  /** All processes of the machine that can be seen from here. */
  list(): Promise<ListedProcess[]>;
  /** The process that has this pid now, or nothing. */
  identify(pid: number): Promise<ProcessIdentity | undefined>;
  /** Whether exactly this process still runs; a zombie does not. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** Sends a signal, if the process is still the one that was recorded. Returns whether it was sent. */
  signal(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean>;
  /**
   * Ends a process: SIGTERM, after `graceMs` SIGKILL. Nothing happens when it is gone already.
   * @throws HeddleError `deadline` when even SIGKILL does not end it within 5 s (a process stuck in the kernel)
   */
  terminate(identity: ProcessIdentity, graceMs: number): Promise<void>;
}
