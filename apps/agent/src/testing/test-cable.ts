import {
  inNetns,
  netnsPath,
  SystemIpCommand,
  SystemNetworkNamespaces,
  SystemNftCommand,
  SystemProcesses,
  vethAdd,
  waitFor,
  type RunOptions,
  type RunResult,
} from '@heddle/host';
import { UPLINK } from './macvlan-driver-harness';

const LEAF_PORT = 'lp0';
const LEAF_BRIDGE = 'br0';
const PREFIX = 24;
let cables = 0;

export interface TestCableOptions {
  /** A process in the namespace that the host has already; without it, one is made. */
  readonly hostPid?: number;
}

/**
 * A host's namespace with an uplink, and at the other end of the cable a plain bridge with the address .1: a leaf that
 * enforces nothing. Containers are namespaces that the test moves interfaces into, as the engine does. Needs root.
 */
export class TestCable {
  private readonly processes = new SystemProcesses();
  private readonly namespaces = new SystemNetworkNamespaces(this.processes);
  private readonly made: string[] = [];
  private readonly name = `hdmv${process.pid}-${++cables}`;
  private readonly leaf = `${this.name}l`;
  /** In the host's namespace. */
  readonly runner = {
    run: (argv: readonly string[], options?: RunOptions): Promise<RunResult> => this.inside(this.host, argv, options),
  };
  readonly ip = new SystemIpCommand(this.runner);
  readonly nft = new SystemNftCommand(this.runner);

  private constructor(private readonly hostPid?: number) {}

  /** @param subnet the first three octets of the addresses on the cable */
  static async make(subnet: string, { hostPid }: TestCableOptions = {}): Promise<TestCable> {
    const cable = new TestCable(hostPid);
    try {
      await cable.addNetns(cable.leaf);
      if (hostPid === undefined) await cable.addNetns(cable.hostName);
      const { processes, leaf } = cable;
      const outside = new SystemIpCommand(processes);
      await outside.batch([vethAdd({ name: UPLINK, netns: cable.hostName }, { name: LEAF_PORT, netns: leaf })]);
      await cable.ip.batch([['link', 'set', 'dev', UPLINK, 'up']]);
      await outside.batch(
        [
          ['link', 'add', 'name', LEAF_BRIDGE, 'type', 'bridge'],
          ['link', 'set', 'dev', LEAF_PORT, 'master', LEAF_BRIDGE],
          ['link', 'set', 'dev', LEAF_PORT, 'up'],
          ['address', 'add', `${subnet}.1/${PREFIX}`, 'dev', LEAF_BRIDGE],
          ['link', 'set', 'dev', LEAF_BRIDGE, 'up'],
        ],
        leaf,
      );
      // It sends nothing before, and tells nobody.
      const isUp = async (): Promise<boolean> => (await outside.link(LEAF_BRIDGE, leaf))?.operstate === 'UP';
      await waitFor(isUp, { deadlineMs: 5_000, what: 'the leaf to be up' });
      return cable;
    } catch (error) {
      await cable.end();
      throw error;
    }
  }

  /** The file that the host's namespace is found by. */
  get host(): string {
    return this.hostPid === undefined ? netnsPath(this.hostName) : `/proc/${this.hostPid}/ns/net`;
  }

  /** As `ip link` knows it. */
  private get hostName(): string {
    return this.hostPid === undefined ? `${this.name}h` : String(this.hostPid);
  }

  /** Whether the leaf sends frames back by the port that they came in at. */
  hairpin(on: boolean): Promise<RunResult> {
    const words = ['bridge', 'link', 'set', 'dev', LEAF_PORT, 'hairpin', on ? 'on' : 'off'];
    return this.processes.run([...inNetns(this.leaf), ...words]);
  }

  /** A new container's namespace; returns the file that it is mounted on. */
  async container(name: string): Promise<string> {
    const netns = `${this.name}${name}`;
    await this.addNetns(netns);
    return netnsPath(netns);
  }

  async removeContainer(sandbox: string): Promise<void> {
    await this.namespaces.remove(sandbox.slice(netnsPath('x').length - 1));
  }

  /** Moves an interface into a container, with another name and an address, up. */
  async enter(link: string, sandbox: string, address: string, inside = 'eth0'): Promise<void> {
    await this.ip.batch([['link', 'set', 'dev', link, 'netns', sandbox.slice(netnsPath('x').length - 1)]]);
    await this.ip.batch(
      [
        ['link', 'set', 'dev', link, 'name', inside],
        ['address', 'add', `${address}/${PREFIX}`, 'dev', inside],
        ['link', 'set', 'dev', inside, 'up'],
      ],
      sandbox,
    );
  }

  /** Moves it back to the host under the name that it had, down: what the engine does when a container ends. */
  async leave(link: string, sandbox: string, inside = 'eth0'): Promise<void> {
    await this.ip.batch(
      [
        ['link', 'set', 'dev', inside, 'down'],
        ['link', 'set', 'dev', inside, 'name', link],
      ],
      sandbox,
    );
    await this.inside(sandbox, ['ip', 'link', 'set', 'dev', link, 'netns', this.host]);
  }

  /** Runs a command in a container. */
  inside(sandbox: string, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.processes.run(['nsenter', `--net=${sandbox}`, '--', ...argv], options);
  }

  /** Whether an address answers within a second; from the host itself without a sandbox. */
  async answers(address: string, sandbox = this.host): Promise<boolean> {
    const ping = ['busybox', 'ping', '-c', '1', '-W', '1', address];
    return (await this.inside(sandbox, ping, { okCodes: [0, 1] })).code === 0;
  }

  async end(): Promise<void> {
    for (const netns of this.made.reverse()) await this.namespaces.remove(netns);
  }

  private async addNetns(netns: string): Promise<void> {
    await this.namespaces.add(netns);
    this.made.push(netns);
    await new SystemIpCommand(this.processes).batch([['link', 'set', 'dev', 'lo', 'up']], netns);
  }
}
