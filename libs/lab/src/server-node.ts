import { HeddleError, type Attachment } from '@heddle/model';
import { SERVER_BRIDGE } from './bridges';
import { cableOf, FABRIC_MTU } from './cables';
import { learningBridge } from './commands';
import { LabNode, type LabContext } from './lab-node';
import type { LeafNode } from './leaf-node';
import { checkNodeName, LEAF, leafPortName } from './names';
import type { PartSpec } from './parts';
import { required, type PartName } from './records';
import { addressOf, DEFAULT_SERVER_MTU, type LabServerSpec } from './server-spec';
import { NodeSwitch } from './switch';
import { linkUp, macOf } from './underlay';

/**
 * A server that Heddle does not run: a namespace cabled to a port of the leaf, with nothing of Heddle's in it. One that speaks in
 * a VLAN has a switch of its own, which tags in user space: kernels need not have VLAN interfaces.
 */
export class ServerNode extends LabNode {
  readonly cables = ['fabric'] as const;
  protected readonly required: readonly PartName[] = [];
  private readonly switch: NodeSwitch;

  constructor(context: LabContext, name: string) {
    super(context, checkNodeName('server', name), 'server');
    this.switch = new NodeSwitch(this.machine, this.netns, this.layout);
  }

  /** Writes down that the server is about to be made. @throws HeddleError `conflict` */
  async reserve(server: LabServerSpec): Promise<void> {
    await this.checkNamespaceIsFree();
    await this.records.saveNode({ name: this.name, kind: 'server', phase: 'starting', server });
  }

  async address(): Promise<string | undefined> {
    const loaded = await this.records.loadNode();
    const server = loaded.state === 'ok' ? loaded.value.server : undefined;
    return server && addressOf(server);
  }

  /** What its Endpoint object says about where it is. */
  async attachment(): Promise<Extract<Attachment, { driver: 'static' }>> {
    const { vlan } = await this.server();
    const port = leafPortName(this.lab, this.name, 'fabric');
    return { driver: 'static', leaf: LEAF, port, ...(vlan === undefined ? {} : { vlan }) };
  }

  /** MAC address of the interface that it speaks from. */
  async mac(): Promise<string> {
    return macOfServer(await this.server());
  }

  /** Makes a reserved server, cabled to the leaf. */
  async make(leaf: LeafNode, signal?: AbortSignal): Promise<void> {
    const server = await this.server();
    await this.prepare({ server });
    const isTagged = server.vlan !== undefined;
    const end = isTagged ? { offloads: false } : { offloads: true, mac: macOfServer(server) };
    await leaf.attach(this, [cableOf(this.lab, this.name, 'fabric', end)]);
    if (isTagged) {
      await this.switch.guardCables(this.lab);
      await this.start('ovsdb', signal);
      await this.start('vswitchd', signal);
    } else {
      await this.step('set address', () => this.setAddress(this.link(), server));
    }
    await this.markUp();
  }

  protected async spec(part: PartName): Promise<PartSpec> {
    if (part === 'ovsdb') return this.switch.database();
    if (part === 'vswitchd') return this.switch.daemon();
    throw new HeddleError('not-found', `a server has no ${part}: one in a VLAN has ovsdb, vswitchd`);
  }

  protected override async afterStart(part: PartName): Promise<void> {
    if (part !== 'vswitchd') return;
    const server = await this.server();
    const { vlan = 0, mtu = DEFAULT_SERVER_MTU } = server;
    const link = this.link();
    await this.ip(...linkUp(link, FABRIC_MTU));
    await this.switch.vsctl(
      ...learningBridge(SERVER_BRIDGE, { mac: macOfServer(server) }),
      ['set', 'port', SERVER_BRIDGE, `tag=${vlan}`],
      // Without this the switch would give its own port the MTU of the cable again.
      ['set', 'interface', SERVER_BRIDGE, `mtu_request=${mtu}`],
      ['--may-exist', 'add-port', SERVER_BRIDGE, link, 'vlan_mode=trunk', `trunks=${vlan}`],
    );
    await this.setAddress(SERVER_BRIDGE, server);
  }

  private async setAddress(link: string, { address, gateway, mtu = DEFAULT_SERVER_MTU }: LabServerSpec): Promise<void> {
    await this.ip(
      ...linkUp(link, mtu),
      ['addr', 'replace', address, 'dev', link],
      ...(gateway === undefined ? [] : [['route', 'replace', 'default', 'via', gateway, 'dev', link]]),
    );
  }

  private async server(): Promise<LabServerSpec> {
    const { server } = required(await this.records.loadNode(), this.layout.record);
    if (!server) throw new HeddleError('state', `${this.name} of lab ${this.lab} is no server`);
    return server;
  }
}

function macOfServer(server: LabServerSpec): string {
  return server.mac ?? macOf(addressOf(server));
}
