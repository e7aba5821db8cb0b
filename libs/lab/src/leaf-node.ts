import { HeddleError } from '@heddle/model';
import { vethAdd } from '@heddle/host';
import { LabNode, type LabContext } from './lab-node';
import { LEAF, leafPortName, uplinkName } from './names';
import type { PartSpec } from './parts';
import type { PartName } from './records';
import { NodeSwitch } from './switch';
import { linkUp, UNDERLAY_MTU } from './underlay';

const LEAF_BRIDGE = 'br-leaf';

/** The leaf: a switch in a namespace of its own that all other nodes are connected to. */
export class LeafNode extends LabNode {
  protected readonly required: readonly PartName[] = ['ovsdb', 'vswitchd'];
  private readonly switch: NodeSwitch;

  constructor(context: LabContext) {
    super(context, LEAF, 'leaf');
    this.switch = new NodeSwitch(this.machine, this.netns, this.layout);
  }

  async address(): Promise<undefined> {
    return undefined;
  }

  async make(signal?: AbortSignal): Promise<void> {
    await this.prepare();
    await this.start('ovsdb', signal);
    await this.start('vswitchd', signal);
    await this.markUp();
  }

  /** Lays a cable from a node to the leaf; the node's end has the MAC address, and both are still down. */
  async attach(node: LabNode, mac?: string): Promise<void> {
    const port = leafPortName(this.lab, node.name);
    await this.step(`connect ${node.name}`, async () => {
      await this.machine.ip.batch([
        vethAdd(
          { name: port, netns: this.netns, mtu: UNDERLAY_MTU },
          { name: uplinkName(this.lab), netns: node.netns, mtu: UNDERLAY_MTU, mac },
        ),
      ]);
      await this.ip(...linkUp(port));
      await this.switch.bridge(LEAF_BRIDGE, { ports: [port] });
    });
  }

  /** Takes a node's cable away. Harmless when there is none. */
  async detach(node: string): Promise<void> {
    const port = leafPortName(this.lab, node);
    await this.step(`disconnect ${node}`, async () => {
      await this.switch.removePort(LEAF_BRIDGE, port);
      if (await this.machine.ip.link(port, this.netns)) await this.ip(['link', 'del', 'dev', port]);
    });
  }

  protected async spec(part: PartName): Promise<PartSpec> {
    if (part === 'ovsdb') return this.switch.database();
    if (part === 'vswitchd') return this.switch.daemon();
    throw new HeddleError('not-found', `the leaf has no ${part}: it has ${this.required.join(', ')}`);
  }

  protected override async afterStart(part: PartName): Promise<void> {
    if (part === 'vswitchd') await this.switch.bridge(LEAF_BRIDGE);
  }
}
