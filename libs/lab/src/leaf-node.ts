import { vethAdd } from '@heddle/host';
import { AgentNode } from './agent-node';
import { HEDDLE_BRIDGE, LEAF_BRIDGE } from './bridges';
import { finishingEnd, type Cable } from './cables';
import { learningBridge, secureBridge } from './commands';
import type { AgentConfig, LabLeafSpec, LeafConfig } from './host-config';
import type { LabContext, LabNode } from './lab-node';
import { CABLES, LEAF, leafPortName } from './names';
import type { PartName } from './records';
import { isLeafWhole } from './status';
import { together } from './together';
import { LEAF_ADDRESS, linkUp, macOf, UNDERLAY_PREFIX_LENGTH } from './underlay';

/**
 * The leaf: a switch in a namespace of its own that all other nodes are cabled to. One bridge learns, and joins the underlay
 * whatever Heddle does; the other one belongs to the leaf's agent, which decides what passes the fabric.
 */
export class LeafNode extends AgentNode<LeafConfig> {
  readonly cables = [] as const;
  protected readonly required: readonly PartName[] = ['ovsdb', 'vswitchd'];
  protected readonly optional: readonly PartName[] = ['agent'];
  protected readonly uplinkBridge = LEAF_BRIDGE;

  constructor(context: LabContext) {
    super(context, LEAF, 'leaf');
  }

  async address(): Promise<string> {
    return LEAF_ADDRESS;
  }

  async make(spec: LabLeafSpec = {}, signal?: AbortSignal): Promise<void> {
    await this.prepare({ spec: { name: LEAF, ...spec } });
    await this.startSwitch(signal);
    await this.markUp();
  }

  /** Whether nodes can be cabled to it: its agent may run or not. */
  async isWhole(): Promise<boolean> {
    return isLeafWhole(await this.status());
  }

  /** Starts the leaf's agent, when there is a command for it and it does not run. One that does not start is forgotten. */
  async startAgent(signal?: AbortSignal): Promise<void> {
    if (!this.context.options.commands.agent) return;
    if ((await this.parts.status('agent')).state === 'running') return;
    try {
      await this.writeConfig(signal);
      await this.start('agent', signal);
    } catch (error) {
      await this.parts.forget('agent');
      throw error;
    }
  }

  /** Lays cables from a node to the leaf. The leaf's ends are up, the node's are not yet. */
  async attach(node: LabNode, cables: readonly Cable[]): Promise<void> {
    const { ip } = this.machine;
    await this.step(`connect ${node.name}`, async () => {
      const offloads = await this.leavesSegmentation();
      await ip.batch(
        cables.map(({ port, link, mtu, mac }) =>
          vethAdd({ name: port, netns: this.netns, mtu }, { name: link, netns: node.netns, mtu, mac }),
        ),
      );
      await together<unknown>([
        () => this.ip(...cables.flatMap(({ port, mtu }) => linkUp(port, mtu))),
        () => this.switch.vsctl(...cables.map(({ bridge, port }) => ['--may-exist', 'add-port', bridge, port])),
        ...cables.map((cable) => async () => {
          const end = finishingEnd(cable, offloads);
          if (end === 'node') await ip.offloadsOff(cable.link, ['tx'], node.netns);
          if (end === 'leaf') await ip.offloadsOff(cable.port, ['tx'], this.netns);
        }),
      ]);
    });
  }

  /** Takes a node's cables away. Harmless when there are none. */
  async detach(node: string): Promise<void> {
    const ports = CABLES.map((cable) => leafPortName(this.lab, node, cable));
    await this.step(`disconnect ${node}`, async () => {
      await this.switch.vsctl(...ports.map((port) => ['--if-exists', 'del-port', port]));
      const links = new Set((await this.machine.ip.links(this.netns)).map((link) => link.ifname));
      await this.ip(...ports.filter((port) => links.has(port)).map((port) => ['link', 'del', 'dev', port]));
    });
  }

  protected override async afterStart(part: PartName): Promise<void> {
    await super.afterStart(part);
    if (part !== 'vswitchd') return;
    await this.switch.vsctl(
      ...learningBridge(LEAF_BRIDGE, { mac: macOf(LEAF_ADDRESS) }),
      ...secureBridge(HEDDLE_BRIDGE),
    );
    await this.ip(...linkUp(LEAF_BRIDGE), [
      'addr',
      'replace',
      `${LEAF_ADDRESS}/${UNDERLAY_PREFIX_LENGTH}`,
      'dev',
      LEAF_BRIDGE,
    ]);
  }

  protected async describe(common: AgentConfig): Promise<LeafConfig> {
    return { role: 'leaf', ...common };
  }
}
