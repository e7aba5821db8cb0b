import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { HeddleError } from '@heddle/model';
import { CommandError } from './command-error';
import { isErrno } from './errno';
import { identify, isAlive, type ProcessIdentity } from './process-identity';
import type { Daemon, DaemonExit, DaemonOptions, ListedProcess, Processes, RunOptions, RunResult } from './processes';
import { waitFor } from './wait-for';

const DEFAULT_DEADLINE_MS = 10_000;
const DEFAULT_MAX_OUTPUT = 16 * 1024 * 1024;
/** SIGKILL takes effect at once unless the process is stuck in the kernel. */
const KILL_DEADLINE_MS = 5_000;

/**
 * Puts the process itself into the cgroups whose `cgroup.procs` files come before `--` (writing 0 means "me"), says so on
 * file descriptor 3, then becomes the command after it. A constant: nothing from outside is ever part of a shell's text.
 */
const JOIN_CGROUPS =
  'while [ "$1" != -- ]; do echo 0 >"$1" || exit 126; shift; done; shift; echo joined >&3; exec "$@" 3>&-';

/** Processes of this machine. */
export class SystemProcesses implements Processes {
  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return new Run(argv, options).result;
  }

  async spawnDaemon(argv: readonly string[], options: DaemonOptions): Promise<Daemon> {
    const command = options.cgroup
      ? ['/bin/sh', '-c', JOIN_CGROUPS, 'join-cgroups', ...options.cgroup.procsFiles, '--', ...argv]
      : argv;
    const log = openSync(options.logFile, 'a', 0o600);
    try {
      const child = spawn(command[0] ?? '', command.slice(1), {
        detached: true,
        stdio: ['ignore', log, log, ...(options.cgroup ? ['pipe' as const] : [])],
        env: options.env as NodeJS.ProcessEnv | undefined,
        cwd: options.cwd,
      });
      const exited = new Promise<DaemonExit>((resolve) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
      });
      const pid = await started(child, argv);
      child.unref();
      // Before it has joined, whoever clears the cgroup would miss it.
      const joined = options.cgroup === undefined || (await saysSomething(child.stdio[3]));
      const identity = joined ? await identify(pid) : undefined;
      if (identity === undefined) {
        const { code, signal } = await exited;
        const what = `${joined ? '' : 'could not join its cgroup and '}ended at once with ${signal ?? `code ${code}`}`;
        throw new CommandError({ argv, what, code: 'unavailable' });
      }
      return { identity, exited };
    } finally {
      closeSync(log);
    }
  }

  async list(): Promise<ListedProcess[]> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
    const found = await Promise.all(pids.map(async (pid) => ({ pid, argv: await commandLine(pid) })));
    return found.flatMap(({ pid, argv }) => (argv ? [{ pid, argv }] : []));
  }

  identify(pid: number): Promise<ProcessIdentity | undefined> {
    return identify(pid);
  }

  isAlive(identity: ProcessIdentity): Promise<boolean> {
    return isAlive(identity);
  }

  async signal(identity: ProcessIdentity, signal: NodeJS.Signals): Promise<boolean> {
    if (!(await isAlive(identity))) return false;
    try {
      process.kill(identity.pid, signal);
      return true;
    } catch (error) {
      if (isErrno(error, 'ESRCH')) return false;
      throw error;
    }
  }

  async terminate(identity: ProcessIdentity, graceMs: number): Promise<void> {
    if (!(await this.signal(identity, 'SIGTERM'))) return;
    try {
      await this.waitUntilGone(identity, graceMs);
    } catch (error) {
      if (!(error instanceof HeddleError && error.code === 'deadline')) throw error;
      await this.signal(identity, 'SIGKILL');
      await this.waitUntilGone(identity, KILL_DEADLINE_MS);
    }
  }

  private async waitUntilGone(identity: ProcessIdentity, deadlineMs: number): Promise<void> {
    await waitFor(async () => !(await isAlive(identity)), {
      deadlineMs,
      intervalMs: 5,
      what: `process ${identity.pid} to end`,
    });
  }
}

/** Whether anything comes out of a child's pipe before that is closed. */
function saysSomething(pipe: Readable | Writable | null | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    if (!(pipe instanceof Socket)) throw new TypeError('the child was started without a pipe');
    pipe.once('data', () => {
      resolve(true);
      pipe.destroy();
    });
    pipe.once('close', () => resolve(false));
  });
}

/** The arguments of a process; nothing when it has ended. */
async function commandLine(pid: number): Promise<string[] | undefined> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

/** The pid of a child once it is known to have been started. */
function started(child: ChildProcess, argv: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(notStarted(argv, cause)));
    child.once('spawn', () => resolve(child.pid as number));
  });
}

function notStarted(argv: readonly string[], cause: Error): CommandError {
  const missing = isErrno(cause, 'ENOENT') ? 'no such command is installed' : `cannot be started: ${cause.message}`;
  return new CommandError({ argv, what: missing, code: 'unavailable', cause });
}

/** One command from its start to its end. */
class Run {
  readonly result: Promise<RunResult>;
  private readonly child: ChildProcess;
  private readonly stdout: Collected;
  private readonly stderr: Collected;
  private failure?: CommandError;

  constructor(
    private readonly argv: readonly string[],
    private readonly options: RunOptions,
  ) {
    const maxOutput = options.maxOutput ?? DEFAULT_MAX_OUTPUT;
    const tooMuch = (): void => this.kill('limit', `gave more than ${maxOutput} bytes of output and was ended`);
    this.stdout = new Collected(maxOutput, tooMuch);
    this.stderr = new Collected(maxOutput, tooMuch);
    this.child = spawn(argv[0] ?? '', argv.slice(1), {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: options.env as NodeJS.ProcessEnv | undefined,
      cwd: options.cwd,
    });
    this.result = this.follow();
  }

  private follow(): Promise<RunResult> {
    const { child, options, argv } = this;
    const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    return new Promise<RunResult>((resolve, reject) => {
      const onAbort = (): void => this.kill('deadline', 'was given up by its caller and ended');
      const timer = setTimeout(() => this.kill('deadline', `was ended after ${deadlineMs} ms`), deadlineMs);
      const done = (): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', onAbort);
      };
      child.once('error', (cause) => {
        done();
        reject(notStarted(argv, cause));
      });
      child.once('close', (code, signal) => {
        done();
        const result = { stdout: this.stdout.text(), stderr: this.stderr.text(), code: code ?? -1 };
        const failure = this.failure ?? this.judge(code, signal, result);
        if (failure) reject(failure);
        else resolve(result);
      });
      child.stdout?.on('data', (chunk: Buffer) => this.stdout.add(chunk));
      child.stderr?.on('data', (chunk: Buffer) => this.stderr.add(chunk));
      // A command may end without reading its input; its exit code tells whether that was a failure.
      child.stdin?.on('error', () => child.stdin?.destroy());
      child.stdin?.end(options.input);
      if (options.signal?.aborted) onAbort();
      else options.signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  private judge(code: number | null, signal: NodeJS.Signals | null, result: RunResult): CommandError | undefined {
    if (code !== null && (this.options.okCodes ?? [0]).includes(code)) return undefined;
    return new CommandError({
      argv: this.argv,
      what: signal ? `was ended by ${signal}` : `ended with code ${code}`,
      code: 'internal',
      exitCode: code ?? undefined,
      stdout: result.stdout,
      stderr: result.stderr,
    });
  }

  private kill(code: 'deadline' | 'limit', what: string): void {
    this.failure ??= new CommandError({ argv: this.argv, what, code, stderr: this.stderr.text() });
    this.child.kill('SIGKILL');
    // A grandchild may hold the pipes open; what it would still write is of no interest.
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }
}

/** Output as it comes in, up to a limit. */
class Collected {
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor(
    private readonly limit: number,
    private readonly onLimit: () => void,
  ) {}

  add(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.limit) this.onLimit();
    else this.chunks.push(chunk);
  }

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}
