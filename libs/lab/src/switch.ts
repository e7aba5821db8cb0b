import { learningBridge, ovsdbCommand, vsctlCommand, vswitchdCommand } from './commands';
import { inNetns } from '@heddle/host';
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

  /** A learning bridge of that name, and the ports it has at least. */
  async bridge(name: string, options: { mac?: string; ports?: readonly string[] } = {}): Promise<void> {
    const ports = (options.ports ?? []).map((port) => ['--may-exist', 'add-port', name, port]);
    await this.run(...learningBridge(name, options), ...ports);
  }

  async removePort(bridge: string, port: string): Promise<void> {
    await this.run(['--if-exists', 'del-port', bridge, port]);
  }

  private async run(...commands: ReadonlyArray<readonly string[]>): Promise<void> {
    await this.machine.processes.run(vsctlCommand(this.layout, ...commands), { deadlineMs: 15_000 });
  }
}
