import {
  inNetns,
  netnsPath,
  SystemIpCommand,
  SystemNetworkNamespaces,
  SystemNftCommand,
  SystemProcesses,
  vethAdd,
  type RunOptions,
  type RunResult,
} from '@heddle/host';
import { UPLINK } from './macvlan-driver-harness';

const LEAF_PORT = 'lp0';
const LEAF_BRIDGE = 'br0';
const PREFIX = 24;
let cables = 0;

/**
 * A host's namespace with an uplink, and at the other end of the cable a plain bridge with the address .1: a leaf that
 * enforces nothing. Containers are namespaces that the test moves interfaces into, as the engine does. Needs root.
 */
export class TestCable {
  private readonly processes = new SystemProcesses();
  private readonly namespaces = new SystemNetworkNamespaces(this.processes);
  private readonly made: string[] = [];
  private readonly name = `hdmv${process.pid}-${++cables}`;
  /** In the host's namespace. */
  readonly runner = {
    run: (argv: readonly string[], options?: RunOptions): Promise<RunResult> =>
      this.processes.run([...inNetns(this.host), ...argv], options),
  };
  readonly ip = new SystemIpCommand(this.runner);
  readonly nft = new SystemNftCommand(this.runner);

  private constructor() {}

  /** @param subnet the first three octets of the addresses on the cable */
  static async make(subnet: string): Promise<TestCable> {
    const cable = new TestCable();
    try {
      for (const netns of [cable.host, cable.leaf]) await cable.addNetns(netns);
      const { processes, host, leaf } = cable;
      const outside = new SystemIpCommand(processes);
      await outside.batch([vethAdd({ name: UPLINK, netns: host }, { name: LEAF_PORT, netns: leaf })]);
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
      return cable;
    } catch (error) {
      await cable.end();
      throw error;
    }
  }

  get host(): string {
    return `${this.name}h`;
  }

  private get leaf(): string {
    return `${this.name}l`;
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
    const home = `/run/netns/${this.host}`;
    await this.processes.run(['nsenter', `--net=${sandbox}`, '--', 'ip', 'link', 'set', 'dev', link, 'netns', home]);
  }

  /** Runs a command in a container. */
  inside(sandbox: string, argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.processes.run(['nsenter', `--net=${sandbox}`, '--', ...argv], options);
  }

  /** Whether an address answers within a second; from the host itself without a sandbox. */
  async answers(address: string, sandbox = netnsPath(this.host)): Promise<boolean> {
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
