import { HeddleError } from '@heddle/model';
import { inNetns } from '@heddle/host';
import { forwarderCommand } from './commands';
import { FORWARDER_PROGRAM } from './forwarder-program';
import { cableOf } from './cables';
import { LabNode, type LabContext } from './lab-node';
import type { LeafNode } from './leaf-node';
import { CONTROL } from './names';
import type { PartSpec } from './parts';
import type { PartName } from './records';
import { accepts } from './sockets';
import { CONTROL_ADDRESS, linkUp, macOf, UNDERLAY_PREFIX_LENGTH } from './underlay';

/** Where the control plane runs: a namespace with an underlay address, and a door to it from outside. */
export class ControlNode extends LabNode {
  readonly cables = ['underlay'] as const;
  protected readonly required: readonly PartName[] = ['forwarder'];

  constructor(context: LabContext) {
    super(context, CONTROL, 'control');
  }

  async address(): Promise<string> {
    return CONTROL_ADDRESS;
  }

  /** Makes namespace and door. The control plane itself is started apart, by {@link start}. */
  async make(signal?: AbortSignal): Promise<void> {
    await this.prepare();
    await this.start('forwarder', signal);
  }

  /** Connects the node to the leaf, with its address. */
  async join(leaf: LeafNode): Promise<void> {
    await leaf.attach(this, [
      cableOf(this.lab, this.name, 'underlay', { offloads: true, mac: macOf(CONTROL_ADDRESS) }),
    ]);
    const link = this.link();
    await this.step('set address', () =>
      this.ip(['addr', 'add', `${CONTROL_ADDRESS}/${UNDERLAY_PREFIX_LENGTH}`, 'dev', link], ...linkUp(link)),
    );
    await this.markUp();
  }

  /** Whether the control plane was ever started here. */
  async hasServer(): Promise<boolean> {
    return (await this.records.parts()).includes('server');
  }

  /** The TCP port on 127.0.0.1 that leads to the API, once the forwarder has one. */
  async port(): Promise<number | undefined> {
    const text = await this.machine.files.readText(this.context.layout.portFile);
    return text === undefined ? undefined : Number(text);
  }

  protected async spec(part: PartName): Promise<PartSpec> {
    if (part === 'forwarder') return this.forwarder();
    if (part === 'server') return this.server();
    throw new HeddleError('not-found', `the control plane's node has no ${part}: it has forwarder, server`);
  }

  private async forwarder(): Promise<PartSpec> {
    const { apiSocket, portFile } = this.context.layout;
    // The port it had before, so that addresses given out stay good.
    const port = (await this.port()) ?? 0;
    await this.machine.files.remove(portFile);
    const program = `${this.layout.run}/forwarder.js`;
    await this.machine.files.writeAtomic(program, FORWARDER_PROGRAM);
    return {
      part: 'forwarder',
      argv: forwarderCommand(program, apiSocket, port, portFile),
      socket: portFile,
      ready: async () => (await this.port()) !== undefined,
    };
  }

  private async server(): Promise<PartSpec> {
    const { commands } = this.context.options;
    if (!commands.server) throw new HeddleError('invalid', 'the lab was given no command for the control plane');
    const { apiSocket } = this.context.layout;
    const argv = commands.server({
      lab: this.lab,
      address: CONTROL_ADDRESS,
      apiSocket,
      stateDir: this.layout.data,
      runDir: this.layout.run,
    });
    return {
      part: 'server',
      argv: [...inNetns(this.netns), ...argv],
      socket: apiSocket,
      ready: () => accepts(apiSocket),
    };
  }
}
