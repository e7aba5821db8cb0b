import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import {
  inNetns,
  SystemIpCommand,
  SystemNetworkNamespaces,
  SystemProcesses,
  vethAdd,
  type IpCommand,
  type RunOptions,
  type RunResult,
} from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { TestOvs } from '@heddle/ovs';

/** `lad`, the process id, and a name of the caller's: so those of a bench that was killed can be told from living ones. */
const SPACE = /^lad(\d+)-/;
const READY_MS = 10_000;

/** One end of what is measured, in a network namespace of its own. */
export interface End {
  readonly netns: string;
  readonly mac: string;
  readonly address: string;
}

/** Where the other end of an interface's cable is. */
export interface Socket {
  readonly netns: string;
  readonly link: string;
}

const INTERFACE = 'eth0';
export const PREFIX_LENGTH = 24;

/** Network namespaces, links, switches and servers of one run. All of it ends with {@link close}, and with this process. */
export class Testbed {
  private readonly processes = new SystemProcesses();
  private readonly namespaces = new SystemNetworkNamespaces(this.processes);
  readonly ip: IpCommand = new SystemIpCommand(this.processes);
  private readonly spaces: string[] = [];
  private readonly servers: ChildProcess[] = [];
  private readonly switches: TestOvs[] = [];

  private constructor() {}

  /** An empty one. What a run that was killed has left is taken away. */
  static async open(): Promise<Testbed> {
    const bed = new Testbed();
    for (const name of await bed.namespaces.list()) {
      const pid = SPACE.exec(name)?.[1];
      if (pid !== undefined && (await bed.processes.identify(Number(pid))) === undefined) {
        await bed.namespaces.remove(name);
      }
    }
    return bed;
  }

  /** A network namespace, with its loopback up. */
  async space(name: string): Promise<string> {
    const netns = `lad${process.pid}-${name}`;
    await this.namespaces.add(netns);
    this.spaces.push(netns);
    await this.ip.batch([['link', 'set', 'dev', 'lo', 'up']], netns);
    return netns;
  }

  /** A namespace for one end, without an interface yet. */
  async end(name: string, number: number): Promise<End> {
    const netns = await this.space(name);
    // So many connections are opened that ports have to be used again at once.
    await this.sysctl(netns, 'net.ipv4.ip_local_port_range=1024 65535', 'net.ipv4.tcp_tw_reuse=1');
    return { netns, mac: `02:48:0a:14:00:${hex(number)}`, address: `10.20.0.${number}` };
  }

  /** Gives an end an interface by a cable to somewhere. */
  async cable(end: End, to: Socket, { mtu = 1_500, checksumsInSoftware = false } = {}): Promise<void> {
    await this.ip.batch([
      vethAdd(
        { name: to.link, netns: to.netns, mtu, up: true },
        { name: INTERFACE, netns: end.netns, mtu, mac: end.mac },
      ),
    ]);
    await this.raise(end);
    if (checksumsInSoftware) await this.ip.offloadsOff(INTERFACE, ['tx'], end.netns);
  }

  /** Gives an end's interface, which is there, its address. */
  async raise({ netns, address }: Pick<End, 'netns' | 'address'>, link = INTERFACE): Promise<void> {
    await this.ip.batch(
      [
        ['address', 'add', `${address}/${PREFIX_LENGTH}`, 'dev', link],
        ['link', 'set', 'dev', link, 'up'],
      ],
      netns,
    );
  }

  /**
   * Has the interfaces of an end send frames as long as their MTU, not segments for somebody else to cut. Switching the offload
   * off would not do: macvlan's is always on.
   */
  async oneFrameEach(netns: string): Promise<void> {
    const links = (await this.ip.links(netns)).filter((link) => link.ifname !== 'lo');
    await this.ip.batch(
      links.map(({ ifname }) => ['link', 'set', 'dev', ifname, 'gso_max_segs', '1']),
      netns,
    );
  }

  async sysctl(netns: string, ...settings: readonly string[]): Promise<void> {
    await this.run(netns, ['busybox', 'sysctl', '-q', '-w', ...settings]);
  }

  /** An Open vSwitch in a namespace of its own, with the user-space datapath. */
  async openVSwitch(userspaceTso: boolean): Promise<TestOvs> {
    const ovs = await TestOvs.start({ userspaceTso });
    this.switches.push(ovs);
    return ovs;
  }

  run(netns: string, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.processes.run([...inNetns(netns), ...argv], options);
  }

  /**
   * Starts a server and waits until it says that it is ready.
   * @throws HeddleError `unavailable` when it ends instead, `deadline` when it does not say so in time
   */
  async serve(netns: string, argv: readonly string[], ready: RegExp): Promise<void> {
    const [command = '', ...words] = ['setpriv', '--pdeathsig', 'KILL', ...inNetns(netns), ...argv];
    const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.servers.push(child);
    const failure = (code: 'unavailable' | 'deadline', what: string): HeddleError =>
      new HeddleError(code, `${argv.join(' ')} ${what}`);
    await new Promise<void>((resolve, reject) => {
      const late = `was not ready within ${READY_MS} ms`;
      const timer = setTimeout(() => reject(failure('deadline', late)), READY_MS);
      child.once('error', (error) => reject(failure('unavailable', error.message)));
      child.once('exit', (code) => reject(failure('unavailable', `ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (!ready.test(line)) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.servers.map(ended));
    await Promise.all(this.switches.map((ovs) => ovs.stop()));
    for (const netns of this.spaces) await this.namespaces.remove(netns);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

const hex = (number: number): string => number.toString(16).padStart(2, '0');
