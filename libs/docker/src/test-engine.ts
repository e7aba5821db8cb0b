import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HeddleError } from '@heddle/model';
import { Cgroup } from './cgroup';
import { DockerEngine, type DockerEngineOptions } from './docker-engine';
import {
  clearStale,
  engineArgv,
  engineDirs,
  environment,
  HOLDER_READY,
  holderArgv,
  prepare,
  type EngineDirs,
} from './engine-process';

const PREFIX = 'heddle-engine-';
const READY_MS = 30_000;
const run = promisify(execFile);

export interface TestEngineOptions {
  readonly liveRestore?: boolean;
  /** Options of the client; the socket is the engine's. */
  readonly client?: Omit<DockerEngineOptions, 'socketPath'>;
  /** Where its directory is made; short, for the sake of socket paths. Default: the system's temporary directory. */
  readonly tempRoot?: string;
}

/**
 * A Docker Engine for tests, apart from everything on the machine: namespaces, directories, plugin folder and cgroup of
 * its own. {@link stop} ends exactly what it started, containers and shims included, and leaves nothing behind. What a
 * killed test run left is cleared by the next start. Needs root.
 */
export class TestEngine {
  readonly engine: DockerEngine;
  private daemon: ChildProcess | undefined;

  private constructor(
    readonly dirs: EngineDirs,
    private readonly cgroup: Cgroup,
    private readonly holder: ChildProcess,
    private readonly options: TestEngineOptions,
  ) {
    this.engine = new DockerEngine({ ...options.client, socketPath: dirs.socket });
  }

  static async start(options: TestEngineOptions = {}): Promise<TestEngine> {
    const tempRoot = options.tempRoot ?? tmpdir();
    await clearAbandoned(tempRoot);
    const base = await mkdtemp(path.join(tempRoot, PREFIX));
    const cgroup = await Cgroup.at(path.basename(base));
    try {
      await writeFile(path.join(base, 'owner'), await processIdentity(process.pid));
      const dirs = engineDirs(base);
      await prepare(dirs);
      await cgroup.create();
      const test = new TestEngine(dirs, cgroup, await startHolder(dirs, cgroup), options);
      await test.startDaemon();
      return test;
    } catch (error) {
      await clear(base, cgroup);
      throw error;
    }
  }

  /** Process id of the holder of the engine's mount and network namespaces. */
  get holderPid(): number {
    return pidOf(this.holder);
  }

  /** Path at which a plugin of that name has to listen for this engine to find it. */
  pluginSocket(name: string): string {
    return path.join(this.dirs.plugins, `${name}.sock`);
  }

  /** Runs a command in the engine's network namespace; gives its standard output. */
  async inNetns(argv: readonly string[]): Promise<string> {
    const { stdout } = await run('nsenter', ['--net', '--target', String(this.holderPid), '--', ...argv], {
      timeout: 10_000,
    });
    return stdout;
  }

  /** Ends the engine alone, as a crash or an upgrade would; containers go on with live restore. */
  async stopDaemon(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { daemon } = this;
    if (!daemon) return;
    this.daemon = undefined;
    const ended = daemon.exitCode === null && daemon.signalCode === null ? once(daemon, 'exit') : undefined;
    daemon.kill(signal);
    await ended;
  }

  /** Starts the engine, again after {@link stopDaemon}; resolves when it answers. */
  async startDaemon(): Promise<void> {
    // A killed engine takes its containerd with it, but not in the same instant.
    await retry(READY_MS, () => clearStale(this.dirs));
    const argv = engineArgv(this.dirs, {
      holderPid: this.holderPid,
      cgroupParent: this.cgroup.containers,
      liveRestore: this.options.liveRestore ?? false,
    });
    this.daemon = await spawnIn(this.cgroup, argv, path.join(this.dirs.base, 'engine.log'));
    const { daemon } = this;
    await retry(READY_MS, async () => {
      if (daemon.exitCode !== null) throw new Stopped(`the engine ended with ${daemon.exitCode}: ${await this.log()}`);
      await this.engine.ping({ deadlineMs: 2000 });
    });
  }

  /** The end of the engine's own log. */
  async log(): Promise<string> {
    return (await readFile(path.join(this.dirs.base, 'engine.log'), 'utf8')).slice(-4000);
  }

  async stop(): Promise<void> {
    this.engine.close();
    await clear(this.dirs.base, this.cgroup);
  }
}

async function startHolder(dirs: EngineDirs, cgroup: Cgroup): Promise<ChildProcess> {
  const log = path.join(dirs.base, 'holder.log');
  const holder = await spawnIn(cgroup, holderArgv(dirs), log);
  await retry(READY_MS, async () => {
    const text = await readFile(log, 'utf8');
    if (holder.exitCode !== null) throw new Stopped(`no namespaces for the engine: ${text}`);
    if (!text.includes(HOLDER_READY)) throw new Error('the namespaces of the engine are not ready');
  });
  return holder;
}

async function spawnIn(cgroup: Cgroup, argv: readonly string[], logFile: string): Promise<ChildProcess> {
  const [command = '', ...args] = cgroup.enterArgv(argv);
  const log = await open(logFile, 'a');
  try {
    const child = spawn(command, args, { env: { ...environment }, stdio: ['ignore', log.fd, log.fd] });
    await once(child, 'spawn');
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new HeddleError('internal', 'the process has no id: it was never started');
  return child.pid;
}

async function clear(base: string, cgroup: Cgroup): Promise<void> {
  await cgroup.destroy();
  // The mounts of the private namespace go with its last process; the kernel may take a moment.
  await retry(10_000, () => rm(base, { recursive: true, force: true }));
}

/** Clears the engines of test runs that died without clearing them. */
async function clearAbandoned(tempRoot: string): Promise<void> {
  for (const name of (await readdir(tempRoot)).filter((entry) => entry.startsWith(PREFIX))) {
    const base = path.join(tempRoot, name);
    const owner = await readFile(path.join(base, 'owner'), 'utf8').catch(() => '');
    const pid = Number(owner.split(' ')[0]);
    // Without an owner it is being made at this moment, or holds nothing yet.
    if (!(pid > 0) || owner === (await processIdentity(pid))) continue;
    await clear(base, await Cgroup.at(name));
  }
}

/** A process for good: number, boot and start time. Numbers alone are used again. */
async function processIdentity(pid: number): Promise<string> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The 22nd field is the start time; the second, the name, may hold spaces and ends at the last parenthesis.
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
  return `${pid} ${boot} ${started}`;
}

/** An end that no further attempt can change. */
class Stopped extends HeddleError {
  constructor(message: string) {
    super('unavailable', message);
  }
}

async function retry<T>(ms: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Stopped || Date.now() > deadline) throw error;
    }
    await delay(25);
  }
}
