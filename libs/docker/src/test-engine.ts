import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  identify,
  isAlive,
  isErrno,
  SystemCgroup,
  SystemProcesses,
  waitFor,
  type Daemon,
  type ProcessIdentity,
} from '@heddle/host';
import { HeddleError } from '@heddle/model';
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
const START_MS = 30_000;
const STOP_MS = 10_000;

export interface TestEngineOptions {
  readonly liveRestore?: boolean;
  /** Address of a default bridge in CIDR. Default: no bridge, and no firewall rules. */
  readonly bridge?: string;
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
  private readonly processes = new SystemProcesses();
  private holder: Daemon | undefined;
  private daemon: Daemon | undefined;

  private constructor(
    readonly dirs: EngineDirs,
    private readonly cgroup: SystemCgroup,
    private readonly options: TestEngineOptions,
  ) {
    this.engine = new DockerEngine({ ...options.client, socketPath: dirs.socket });
  }

  static async start(options: TestEngineOptions = {}): Promise<TestEngine> {
    const tempRoot = options.tempRoot ?? tmpdir();
    await clearAbandoned(tempRoot);
    const base = await mkdtemp(path.join(tempRoot, PREFIX));
    const cgroup = await cgroupOf(base);
    try {
      await writeFile(ownerFile(base), JSON.stringify(await identify(process.pid)));
      const dirs = engineDirs(base);
      await prepare(dirs);
      // Version 2 allows processes in leaves only: the containers' cgroup cannot be that of the engine.
      await cgroup.child('engine').create();
      const test = new TestEngine(dirs, cgroup, options);
      await test.startHolder();
      await test.startDaemon();
      return test;
    } catch (error) {
      await clear(base, cgroup);
      throw error;
    }
  }

  /** Process id of the holder of the engine's mount and network namespaces. */
  get holderPid(): number {
    if (!this.holder) throw new HeddleError('internal', 'the holder was never started');
    return this.holder.identity.pid;
  }

  /** Path at which a plugin of that name has to listen for this engine to find it. */
  pluginSocket(name: string): string {
    return path.join(this.dirs.plugins, `${name}.sock`);
  }

  /** Runs a command in the engine's network namespace; gives its standard output. */
  async inNetns(argv: readonly string[]): Promise<string> {
    const enter = ['nsenter', '--net', '--target', String(this.holderPid), '--'];
    return (await this.processes.run([...enter, ...argv])).stdout;
  }

  /** Ends the engine alone, as a crash or an upgrade would; containers go on with live restore. */
  async stopDaemon(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { daemon } = this;
    if (!daemon) return;
    this.daemon = undefined;
    await this.processes.signal(daemon.identity, signal);
    await daemon.exited;
  }

  /** Starts the engine, again after {@link stopDaemon}; resolves when it answers. */
  async startDaemon(): Promise<void> {
    // A killed engine takes its containerd with it, but not in the same instant.
    await succeed('the old engine to be gone', START_MS, () => clearStale(this.dirs));
    const argv = engineArgv(this.dirs, {
      holderPid: this.holderPid,
      cgroupParent: this.cgroup.child('containers').path,
      liveRestore: this.options.liveRestore ?? false,
      ...(this.options.bridge === undefined ? {} : { bridge: this.options.bridge }),
    });
    this.daemon = await this.spawn(argv, 'engine.log');
    await this.answers(this.daemon, 'engine.log', () => this.engine.ping({ deadlineMs: 2000 }));
  }

  async stop(): Promise<void> {
    this.engine.close();
    await clear(this.dirs.base, this.cgroup);
  }

  private async startHolder(): Promise<void> {
    this.holder = await this.spawn(holderArgv(this.dirs), 'holder.log');
    await this.answers(this.holder, 'holder.log', async () => {
      if (!(await this.log('holder.log')).includes(HOLDER_READY)) throw new Error('no word from the holder');
    });
  }

  private spawn(argv: readonly string[], logFile: string): Promise<Daemon> {
    return this.processes.spawnDaemon(argv, {
      logFile: path.join(this.dirs.base, logFile),
      env: environment,
      cgroup: this.cgroup.child('engine'),
    });
  }

  /** Asks until there is an answer, or the daemon ends: then its log is the error. */
  private async answers(daemon: Daemon, logFile: string, ask: () => Promise<void>): Promise<void> {
    const ended = daemon.exited.then(async ({ code, signal }) => {
      const log = (await this.log(logFile)).slice(-2000);
      throw new HeddleError('unavailable', `the engine ended with ${signal ?? `code ${code}`}: ${log}`);
    });
    await Promise.race([succeed('an answer of the engine', START_MS, ask), ended]);
  }

  private log(logFile: string): Promise<string> {
    return readFile(path.join(this.dirs.base, logFile), 'utf8');
  }
}

const ownerFile = (base: string): string => path.join(base, 'owner.json');
const cgroupOf = (base: string): Promise<SystemCgroup> => SystemCgroup.open(`/${path.basename(base)}`);

async function clear(base: string, cgroup: SystemCgroup): Promise<void> {
  await cgroup.killAll(STOP_MS);
  await cgroup.remove();
  // The mounts of the private namespace go with its last process; the kernel may take a moment.
  await succeed(`${base} to be removed`, STOP_MS, () => rm(base, { recursive: true, force: true }));
}

/** Clears the engines of test runs that died without clearing them. */
async function clearAbandoned(tempRoot: string): Promise<void> {
  for (const name of (await readdir(tempRoot)).filter((entry) => entry.startsWith(PREFIX))) {
    const base = path.join(tempRoot, name);
    const owner = await readOwner(base);
    // Without an owner it is being made at this moment, or holds nothing yet.
    if (owner && !(await isAlive(owner))) await clear(base, await cgroupOf(base));
  }
}

async function readOwner(base: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(ownerFile(base), 'utf8')) as ProcessIdentity;
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Tries until an attempt succeeds; at the deadline the error of the last attempt is thrown. */
async function succeed(what: string, deadlineMs: number, attempt: () => Promise<unknown>): Promise<void> {
  let failure: unknown;
  const tried = (): Promise<boolean> =>
    attempt().then(
      () => true,
      (error: unknown) => {
        failure = error;
        return false;
      },
    );
  await waitFor(tried, { deadlineMs, what }).catch((error: unknown) => {
    throw failure ?? error;
  });
}
