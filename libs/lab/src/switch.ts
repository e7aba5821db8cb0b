import { inNetns } from '@heddle/host';
import {
  cableGuard,
  learningBridge,
  ovsdbCommand,
  segmentationCommand,
  vsctlCommand,
  vswitchdCommand,
} from './commands';
import type { NodeLayout } from './layout';
import type { Machine } from './machine';
import type { PartSpec } from './parts';
import { accepts } from './sockets';

/** The Open vSwitch of one node: a database server and a switch daemon of its own, in its network namespace. */
export class NodeSwitch {
  constructor(
    private readonly machine: Machine,
    private readonly netns: string,
    private readonly layout: NodeLayout,
  ) {}

  /** The database, made first where there is none. */
  async database(): Promise<PartSpec> {
    const { layout } = this;
    if (!(await this.machine.files.exists(layout.ovsDatabase))) {
      await this.machine.processes.run(['ovsdb-tool', 'create', layout.ovsDatabase]);
    }
    return {
      part: 'ovsdb',
      argv: [...inNetns(this.netns), ...ovsdbCommand(layout)],
      socket: layout.ovsSocket,
      ready: () => accepts(layout.ovsSocket),
    };
  }

  async daemon(): Promise<PartSpec> {
    const pidFile = `${this.layout.ovsRun}/ovs-vswitchd.pid`;
    await this.machine.files.remove(pidFile);
    return {
      part: 'vswitchd',
      argv: [...inNetns(this.netns), ...vswitchdCommand(this.layout)],
      // It takes over what the database says before it writes this.
      ready: () => this.machine.files.exists(pidFile),
    };
  }

  /** Has the daemon leave segmentation and checksums to whoever receives. To be called before it starts. */
  async leaveSegmentation(): Promise<void> {
    await this.machine.processes.run(segmentationCommand(this.layout), { deadlineMs: 15_000 });
  }

  /** Keeps the node's kernel out of what passes the lab's cables. Lasts as long as the namespace. */
  async guardCables(lab: string): Promise<void> {
    await this.machine.processes.run([...inNetns(this.netns), 'nft', '-f', '-'], { input: cableGuard(lab) });
  }

  /** A learning bridge of that name, and the ports it has at least. */
  async bridge(name: string, options: { mac?: string; ports?: readonly string[] } = {}): Promise<void> {
    const ports = (options.ports ?? []).map((port) => ['--may-exist', 'add-port', name, port]);
    await this.vsctl(...learningBridge(name, options), ...ports);
  }

  /** One transaction of ovs-vsctl(8), each command as its words; returns its output when the switch has taken it over. */
  async vsctl(...commands: ReadonlyArray<readonly string[]>): Promise<string> {
    const argv = vsctlCommand(this.layout, ...commands);
    return (await this.machine.processes.run(argv, { deadlineMs: 15_000 })).stdout;
  }
}
