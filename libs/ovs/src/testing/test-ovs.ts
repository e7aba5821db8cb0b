import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HeddleError } from '@heddle/model';
import { waitFor } from './wait-for';

const run = promisify(execFile);

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const START_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 10_000;
/** Namespaces are called `tovs<pid>-<n>`, so that those of a test that was killed can be told from living ones. */
const NAME = /^tovs(\d+)-\d+$/;

let instances = 0;

export type Daemon = 'ovsdb-server' | 'ovs-vswitchd';

/**
 * A private Open vSwitch for tests: database server and switch (user-space datapath) in a temporary folder and a
 * network namespace of their own. Nothing of the machine's own Open vSwitch is used. Needs root.
 */
export class TestOvs {
  private readonly children = new Map<Daemon, ChildProcess>();

  private constructor(
    /** The network namespace, at most 15 characters; `ip netns exec` finds it. */
    readonly netns: string,
    /** Database, sockets, pid files and logs. */
    readonly dir: string,
  ) {}

  /**
   * Starts an Open vSwitch without bridges.
   * @param options.userspaceTso large segments pass the datapath whole (`userspace-tso-enable`), which is asked once at start
   */
  static async start({ userspaceTso = false } = {}): Promise<TestOvs> {
    await sweep();
    const netns = `tovs${process.pid}-${++instances}`;
    const dir = await mkdtemp(join(tmpdir(), 'tovs-'));
    const ovs = new TestOvs(netns, dir);
    try {
      await run('ip', ['netns', 'add', netns]);
      await run('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
      await run('ovsdb-tool', ['create', ovs.file('conf.db'), SCHEMA]);
      await ovs.startDaemon('ovsdb-server');
      const settings = userspaceTso ? ['--', 'set', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true'] : [];
      await run('ovs-vsctl', [`--db=unix:${ovs.dbSocket}`, '--no-wait', 'init', ...settings]);
      await ovs.startDaemon('ovs-vswitchd');
      return ovs;
    } catch (error) {
      await ovs.stop();
      throw error;
    }
  }

  /** The folder in which vswitchd keeps its sockets. */
  get rundir(): string {
    return this.dir;
  }

  get dbSocket(): string {
    return this.file('db.sock');
  }

  /** The OpenFlow management socket of a bridge. */
  bridgeSocket(bridge: string): string {
    return this.file(`${bridge}.mgmt`);
  }

  /** The process id of a running daemon. */
  pid(daemon: Daemon): number {
    const pid = this.children.get(daemon)?.pid;
    if (pid === undefined) throw new HeddleError('not-found', `${daemon} is not running`);
    return pid;
  }

  /** Runs a program inside the namespace, with OVS_RUNDIR set; returns what it wrote to standard output. */
  async exec(program: string, ...args: string[]): Promise<string> {
    const { stdout } = await run('nsenter', [`--net=/run/netns/${this.netns}`, program, ...args], {
      env: this.environment,
      maxBuffer: 256 * 1024 * 1024,
    });
    return stdout;
  }

  /** `ovs-vsctl` on this database. */
  vsctl(...args: string[]): Promise<string> {
    return this.exec('ovs-vsctl', `--db=unix:${this.dbSocket}`, ...args);
  }

  /** `ovs-ofctl` with OpenFlow 1.4 on a bridge: the command and what follows the name of the bridge. */
  ofctl(bridge: string, command: string, ...args: string[]): Promise<string> {
    return this.exec(
      'ovs-ofctl',
      '-O',
      'OpenFlow14',
      '--no-stats',
      command,
      `unix:${this.bridgeSocket(bridge)}`,
      ...args,
    );
  }

  /** Starts a daemon that is not running and waits until it answers. */
  async startDaemon(daemon: Daemon): Promise<void> {
    const pidfile = this.file(`${daemon}.pid`);
    await rm(pidfile, { force: true });
    if (daemon === 'ovsdb-server') await rm(this.dbSocket, { force: true });
    const own =
      daemon === 'ovsdb-server' ? [this.file('conf.db'), `--remote=punix:${this.dbSocket}`] : [`unix:${this.dbSocket}`];
    const common = ['--no-chdir', `--pidfile=${pidfile}`, `--log-file=${this.file(`${daemon}.log`)}`, '-vconsole:off'];
    // The death signal ends the daemon with the test, however the test ends.
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'nsenter', `--net=/run/netns/${this.netns}`, daemon, ...own, ...common],
      { env: this.environment, stdio: 'ignore' },
    );
    this.children.set(daemon, child);
    const ready = daemon === 'ovsdb-server' ? this.dbSocket : this.file(`${daemon}.${child.pid}.ctl`);
    await waitFor(
      () => {
        if (child.exitCode !== null) {
          throw new HeddleError('unavailable', `${daemon} ended with status ${child.exitCode}, see ${this.dir}`);
        }
        return existsSync(pidfile) && existsSync(ready);
      },
      `${daemon} to start`,
      START_DEADLINE_MS,
    );
  }

  /** Ends a daemon with a signal and waits until it is gone. Without effect when it does not run. */
  async stopDaemon(daemon: Daemon, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.children.get(daemon);
    if (child === undefined) return;
    this.children.delete(daemon);
    child.kill('SIGCONT');
    child.kill(signal);
    await waitFor(() => child.exitCode !== null || child.signalCode !== null, `${daemon} to end`, STOP_DEADLINE_MS);
    await rm(this.file(`${daemon}.pid`), { force: true });
  }

  /** Ends a daemon and starts it again. */
  async restartDaemon(daemon: Daemon, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.stopDaemon(daemon, signal);
    await this.startDaemon(daemon);
  }

  /** Holds a daemon still (SIGSTOP), so that it neither answers nor hangs up. */
  pauseDaemon(daemon: Daemon): void {
    this.children.get(daemon)?.kill('SIGSTOP');
  }

  resumeDaemon(daemon: Daemon): void {
    this.children.get(daemon)?.kill('SIGCONT');
  }

  /** A veth pair: `name` in the switch's namespace for the switch to take, its peer `<name>p` beside it, both up. */
  async addVeth(name: string): Promise<void> {
    await run('ip', ['-n', this.netns, 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`]);
    for (const end of [name, `${name}p`]) await run('ip', ['-n', this.netns, 'link', 'set', end, 'up']);
  }

  /** Ends both daemons and removes the namespace and the folder. */
  async stop(): Promise<void> {
    await this.stopDaemon('ovs-vswitchd', 'SIGKILL');
    await this.stopDaemon('ovsdb-server', 'SIGKILL');
    if (existsSync(`/run/netns/${this.netns}`)) await run('ip', ['netns', 'delete', this.netns]);
    await rm(this.dir, { recursive: true, force: true });
  }

  private file(name: string): string {
    return join(this.dir, name);
  }

  private get environment(): NodeJS.ProcessEnv {
    return { ...process.env, OVS_RUNDIR: this.dir, OVS_LOGDIR: this.dir, OVS_DBDIR: this.dir };
  }
}

/** Removes the namespaces of test runs that were killed; their daemons ended with them. */
async function sweep(): Promise<void> {
  if (!existsSync('/run/netns')) return;
  for (const name of await readdir('/run/netns')) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) await run('ip', ['netns', 'delete', name]);
  }
}
