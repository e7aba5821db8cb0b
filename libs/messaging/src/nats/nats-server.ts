import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { systemClock, waitFor, type Clock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { backoff, pause } from '../async';
import { Listeners, type Unsubscribe } from '../listeners';
import { parseVersion, serverConfig, type NatsUser, type ServerVersion } from './server-config';

const START_MS = 10_000;
const STOP_MS = 10_000;
const KEPT_LOG_LINES = 200;
/** Exit status by which flock(1) says that the lock is taken; any that nats-server does not use. */
const STORE_IN_USE = 75;
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export interface NatsServerOptions {
  /** Folder of the store, the configuration and the lock. Made when missing. */
  readonly storeDir: string;
  /** Default 127.0.0.1: nobody from outside. */
  readonly host?: string;
  /** Default: a free one, kept across restarts. */
  readonly port?: number;
  /** Who may connect. Without this everybody may do everything: for tests only. */
  readonly users?: readonly NatsUser[];
  /** Bytes of one message. Default 1 MiB. */
  readonly maxPayload?: number;
  /** Name or path of the program. Default `nats-server`. */
  readonly binary?: string;
  /** Milliseconds until the server has to be ready. Default 10 s. */
  readonly deadlineMs?: number;
  /** Start it again when it ends by itself. */
  readonly restart?: boolean;
  /** Receives every line of the server's log. */
  readonly onLog?: (line: string) => void;
  readonly clock?: Clock;
}

export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether `stop` or `kill` asked for it. */
  readonly wanted: boolean;
  /** The last lines of the log. */
  readonly log: readonly string[];
}

/**
 * A nats-server with JetStream as a child process.
 *
 * It dies with its parent (`setpriv --pdeathsig`), and holds a lock on its store for as long as it lives (`flock`), so that
 * two servers never write one store, whatever was killed in which order. Both tools are part of util-linux; where they are
 * missing the server runs without this protection.
 */
export class NatsServer {
  private child: ChildProcessByStdio<null, null, Readable> | undefined;
  private chosenPort: number;
  private users: readonly NatsUser[] | undefined;
  private readonly serverName = `heddle-${randomUUID()}`;
  private readonly clock: Clock;
  private readonly log: string[] = [];
  private readonly logListeners = new Listeners<[string]>();
  private readonly exits = new Listeners<[ServerExit]>();
  private readonly stopping = new AbortController();
  private wantedExit = false;
  private wasReady = false;

  private constructor(
    private readonly options: NatsServerOptions,
    private readonly binary: string,
    /** The version of the program. */
    readonly version: ServerVersion,
  ) {
    this.chosenPort = options.port ?? -1;
    this.users = options.users;
    this.clock = options.clock ?? systemClock;
    if (options.onLog) this.logListeners.add(options.onLog);
  }

  /**
   * Starts a server and resolves when it takes connections and JetStream is up.
   * @throws HeddleError `unavailable` when the program is missing, `refused` when the store is in use, `deadline`,
   *   `internal` with the end of the log when it ended
   */
  static async start(options: NatsServerOptions): Promise<NatsServer> {
    const binary = findProgram(options.binary ?? 'nats-server');
    if (binary === undefined) {
      throw new HeddleError(
        'unavailable',
        `there is no ${options.binary ?? 'nats-server'} on this machine. Install it ("apt-get install nats-server" on Debian and ` +
          'Ubuntu, or a release from https://github.com/nats-io/nats-server/releases), or give the address of a running one',
      );
    }
    const server = new NatsServer(options, binary, await versionOf(binary));
    await server.start();
    return server;
  }

  get host(): string {
    return this.options.host ?? '127.0.0.1';
  }
  get port(): number {
    return this.chosenPort;
  }
  /** For `connectBus({ servers })`. */
  get url(): string {
    return `nats://${this.host}:${this.port}`;
  }
  get pid(): number | undefined {
    return this.child?.pid;
  }
  get running(): boolean {
    return this.child !== undefined;
  }

  /** Called whenever the process has ended. */
  onExit(listener: (exit: ServerExit) => void): Unsubscribe {
    return this.exits.add(listener);
  }

  /** Starts the server again after {@link kill} or {@link stop}, on the same port and store. */
  async start(): Promise<void> {
    if (this.child) return;
    const { storeDir, deadlineMs = START_MS } = this.options;
    await mkdir(storeDir, { recursive: true, mode: 0o700 });
    await this.writeConfig();
    const started = this.clock.monotonic();
    const left = (): number => Math.max(1, deadlineMs - (this.clock.monotonic() - started));
    let inUse = false;
    for (;;) {
      const ended = await this.attempt(left()).catch((error: unknown) => {
        throw inUse ? this.storeInUse() : error;
      });
      if (ended === undefined) return;
      inUse = ended.code === STORE_IN_USE;
      if (!inUse) {
        const log = ended.log.slice(-10).join('\n');
        throw new HeddleError('internal', `nats-server ended at once (${describe(ended)}):\n${log}`);
      }
      if (left() === 1) throw this.storeInUse();
      // A server whose parent was killed may need a moment to end.
      await pause(this.clock, 50);
    }
  }

  /** Resolves to nothing when the server is ready, to its exit when it ended before that. */
  private async attempt(deadlineMs: number): Promise<ServerExit | undefined> {
    const exit = this.spawn();
    const ready = this.ready(deadlineMs);
    const ended = await Promise.race([exit, ready]);
    // An exit that `ready` caused when it gave up: the reason is there.
    return ended?.wanted ? ready : ended;
  }

  /** Who may connect from now on. Users that are gone are cut off. */
  async setUsers(users: readonly NatsUser[]): Promise<void> {
    this.users = users;
    await this.writeConfig();
    if (this.child) await this.reload();
  }

  /** Makes the server read its configuration again (SIGHUP), and resolves when it has. */
  async reload(): Promise<void> {
    const { child } = this;
    if (!child) throw new HeddleError('unavailable', 'nats-server is not running');
    let outcome: string | undefined;
    const stop = this.logListeners.add((line) => {
      if (/Reloaded server configuration|[Ff]ailed to reload|\[ERR\].*reload/.test(line)) outcome ??= line;
    });
    try {
      child.kill('SIGHUP');
      const line = await waitFor(() => outcome ?? (this.child === child ? undefined : 'nats-server ended'), {
        deadlineMs: STOP_MS,
        intervalMs: 5,
        what: 'nats-server to read its configuration again',
        clock: this.clock,
      });
      if (!line.includes('Reloaded'))
        throw new HeddleError('invalid', `nats-server refuses its configuration: ${line}`);
    } finally {
      stop();
    }
  }

  /** Ends the server in order (SIGTERM), after ten seconds by force. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const { child } = this;
    if (!child) return;
    const timer = this.clock.after(STOP_MS, () => child.kill('SIGKILL'));
    await this.end(child, 'SIGTERM');
    timer.cancel();
  }

  /** Ends the server as a crash would (SIGKILL). With `restart` it comes back by itself. */
  async kill(): Promise<void> {
    if (this.child) await this.end(this.child, 'SIGKILL', this.options.restart !== true);
  }

  private end(child: ChildProcessByStdio<null, null, Readable>, signal: NodeJS.Signals, wanted = true): Promise<void> {
    this.wantedExit = wanted;
    return new Promise((resolve) => {
      const stop = this.exits.add(() => {
        stop();
        resolve();
      });
      child.kill(signal);
    });
  }

  private spawn(): Promise<ServerExit> {
    this.wantedExit = false;
    const [program, ...args] = this.command();
    const child = spawn(program as string, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let rest = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.keep(line);
    });
    return new Promise((resolve, reject) => {
      child.once('error', (error) => {
        this.child = undefined;
        reject(new HeddleError('internal', `cannot start ${program}: ${error.message}`, { cause: error }));
      });
      child.once('close', (code, signal) => {
        if (rest) this.keep(rest);
        this.child = undefined;
        const exit: ServerExit = { code, signal, wanted: this.wantedExit, log: [...this.log] };
        this.exits.emit(exit);
        resolve(exit);
        if (this.options.restart && this.wasReady && !exit.wanted) void this.comeBack();
        this.wasReady = false;
      });
    });
  }

  private async comeBack(): Promise<void> {
    const { signal } = this.stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      await pause(this.clock, backoff(attempt, 50, 5_000), signal);
      if (signal.aborted) return;
      try {
        return await this.start();
      } catch (error) {
        this.keep(`heddle: ${HeddleError.from(error).message}`);
      }
    }
  }

  /** The program in its wrappers; each replaces itself by the next, so that the child is nats-server itself. */
  private command(): string[] {
    const setpriv = findProgram('setpriv');
    const flock = findProgram('flock');
    return [
      ...(setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'TERM', '--']),
      ...(flock === undefined
        ? []
        : [flock, '-n', '-F', '-E', String(STORE_IN_USE), path.join(this.options.storeDir, 'lock')]),
      this.binary,
      '-c',
      this.configFile,
    ];
  }

  private storeInUse(): HeddleError {
    return new HeddleError(
      'refused',
      `another nats-server uses the store ${this.options.storeDir}; end that one first`,
    );
  }

  private get configFile(): string {
    return path.join(this.options.storeDir, 'nats-server.conf');
  }

  private async writeConfig(): Promise<void> {
    const { storeDir, maxPayload = 1_048_576 } = this.options;
    const text = serverConfig({
      serverName: this.serverName,
      host: this.host,
      port: this.chosenPort,
      storeDir,
      portsDir: storeDir,
      maxPayload,
      users: this.users,
      version: this.version,
    });
    const temporary = `${this.configFile}.new`;
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, this.configFile);
  }

  /** Waits until the server greets, and is this one and not another on the same port; or until it has ended. */
  private async ready(deadlineMs: number): Promise<undefined> {
    const { child } = this;
    try {
      await waitFor(async () => this.child !== child || (await this.greets(child?.pid)), {
        deadlineMs,
        intervalMs: 10,
        what: `nats-server on ${this.host}:${this.chosenPort}`,
        clock: this.clock,
      });
    } catch (error) {
      if (child && this.child === child) await this.end(child, 'SIGKILL');
      throw error;
    }
    // When it has ended meanwhile, its exit decides.
    if (this.child === child) this.wasReady = true;
    return this.child === child ? undefined : new Promise(() => undefined);
  }

  private async greets(pid: number | undefined): Promise<boolean> {
    if (pid === undefined) return false;
    if (this.chosenPort === -1) {
      const port = await this.portOf(pid);
      if (port === undefined) return false;
      this.chosenPort = port;
    }
    const info = await greeting(this.host, this.chosenPort);
    return info?.server_name === this.serverName && info.jetstream === true;
  }

  private async portOf(pid: number): Promise<number | undefined> {
    const file = path.join(this.options.storeDir, `nats-server_${pid}.ports`);
    try {
      const { nats } = JSON.parse(await readFile(file, 'utf8')) as { nats?: string[] };
      const port = Number(nats?.[0]?.split(':').at(-1));
      if (!Number.isSafeInteger(port)) return undefined;
      await rm(file, { force: true });
      return port;
    } catch (error) {
      // Not there yet, or half written.
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  private keep(line: string): void {
    this.log.push(line);
    if (this.log.length > KEPT_LOG_LINES) this.log.shift();
    this.logListeners.emit(line);
  }
}

/** The full path of a program, looked for on the PATH and where system programs are (not on every user's PATH). */
export function findProgram(name: string): string | undefined {
  if (name.includes('/')) return isExecutable(name) ? name : undefined;
  const folders = [...(process.env['PATH'] ?? '').split(path.delimiter), ...SYSTEM_FOLDERS];
  return folders
    .filter(Boolean)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function versionOf(binary: string): Promise<ServerVersion> {
  const { stdout, stderr } = await promisify(execFile)(binary, ['-v'], { timeout: 5_000 });
  return parseVersion(stdout + stderr);
}

/** The line with which a NATS server greets every connection; nothing when there is none. */
function greeting(host: string, port: number): Promise<{ server_name?: string; jetstream?: boolean } | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connectTcp({ host, port });
    const finish = (value: { server_name?: string; jetstream?: boolean } | undefined): void => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(1_000, () => finish(undefined));
    socket.once('error', () => finish(undefined));
    socket.once('close', () => finish(undefined));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\r\n');
      if (end < 0) return;
      const match = /^INFO (.*)$/.exec(text.slice(0, end).trim());
      try {
        finish(match ? (JSON.parse(match[1] as string) as { server_name?: string; jetstream?: boolean }) : undefined);
      } catch {
        finish(undefined);
      }
    });
  });
}

function describe(exit: ServerExit): string {
  return exit.signal === null ? `status ${exit.code}` : exit.signal;
}
