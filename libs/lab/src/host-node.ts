import { HeddleError } from '@heddle/model';
import { EngineProcess } from '@heddle/docker';
import { inProcessNamespaces, type Cgroup } from '@heddle/host';
import { AgentNode } from './agent-node';
import { UPLINK_BRIDGE } from './bridges';
import { cableOf, FABRIC_MTU, type Cable } from './cables';
import { HOLDER_READY, holderCommand } from './commands';
import { PLUGIN_NAME, PLUGIN_SOCKET, type AgentConfig, type HostConfig, type LabHostSpec } from './host-config';
import type { LabContext } from './lab-node';
import type { LeafNode } from './leaf-node';
import { CABLES, checkNodeName, LEAF, leafPortName, type UplinkName } from './names';
import type { PartSpec } from './parts';
import type { PartName } from './records';
import { accepts, answers } from './sockets';
import { together } from './together';
import { hostAddress, linkUp, macOf, UNDERLAY_MTU, UNDERLAY_PREFIX_LENGTH } from './underlay';

/** One host of a lab: switch, Docker Engine, attach daemon and agent, as on a machine of its own. */
export class HostNode extends AgentNode<HostConfig> {
  readonly cables = CABLES;
  protected readonly required: readonly PartName[] = ['ovsdb', 'vswitchd', 'holder', 'engine'];
  protected readonly optional: readonly PartName[] = ['attach', 'agent'];
  protected readonly uplinkBridge = UPLINK_BRIDGE;

  constructor(context: LabContext, name: string) {
    super(context, checkNodeName('host', name), 'host');
  }

  /** Writes down that the host is about to be made, and with which address. @throws HeddleError `conflict`, `limit` */
  async reserve(spec: LabHostSpec, index: number): Promise<void> {
    hostAddress(index);
    await this.checkNamespaceIsFree();
    await this.records.saveNode({ name: this.name, kind: 'host', phase: 'starting', index, spec });
  }

  /** The index that a host of this name has, if its record can be read. */
  async index(): Promise<number | undefined> {
    const loaded = await this.records.loadNode();
    return loaded.state === 'ok' ? loaded.value.index : undefined;
  }

  async address(): Promise<string | undefined> {
    const index = await this.index();
    return index === undefined ? undefined : hostAddress(index);
  }

  /** Makes a reserved host, cabled to the leaf, and starts everything on it. */
  async make(leaf: LeafNode, signal?: AbortSignal): Promise<void> {
    const { index, spec } = await this.record();
    await this.prepare({ index, spec });
    await leaf.attach(this, await this.layCables());
    await this.startAll(signal, (s) => this.writeConfig(s));
    await this.markUp();
  }

  /** Ends everything on the host at once, containers too, as a power cut would. Its disk stays. */
  powerOff(): Promise<void> {
    return this.step('power off', () => this.cgroup.killAll(10_000));
  }

  /** Boots the host again after {@link powerOff}. */
  async powerOn(): Promise<void> {
    await this.machine.files.remove(this.layout.run);
    await this.makeRunFolder();
    await this.startAll();
  }

  protected override async spec(part: PartName): Promise<PartSpec> {
    if (part === 'holder') return this.holder();
    if (part === 'engine') return this.engine();
    if (part === 'attach') return this.attach();
    return super.spec(part);
  }

  protected override async afterStart(part: PartName): Promise<void> {
    await super.afterStart(part);
    if (part !== 'vswitchd') return;
    const address = hostAddress((await this.record()).index ?? 0);
    await this.switch.bridge(UPLINK_BRIDGE, { mac: macOf(address), ports: [this.link('underlay')] });
    await this.ip(
      ...linkUp(this.link('underlay')),
      ...linkUp(this.link('fabric'), FABRIC_MTU),
      ...linkUp(this.link('macvlan'), FABRIC_MTU),
      ...linkUp(UPLINK_BRIDGE),
      ['addr', 'replace', `${address}/${UNDERLAY_PREFIX_LENGTH}`, 'dev', UPLINK_BRIDGE],
    );
  }

  protected async describe(common: AgentConfig): Promise<HostConfig> {
    const { layout } = this;
    const { spec } = await this.record();
    return {
      role: 'host',
      ...common,
      docker: { socket: layout.engine.socket },
      plugin: { socket: PLUGIN_SOCKET, name: PLUGIN_NAME },
      attach: { socket: layout.attachSocket },
      ...(spec?.resources ? { resources: spec.resources } : {}),
      cgroupParent: this.containers.path,
      uplinks: { fabric: this.uplink('fabric'), macvlan: this.uplink('macvlan') },
    };
  }

  protected override async inside(): Promise<string[]> {
    return inProcessNamespaces(await this.pid('holder'));
  }

  /** The host's cables. At the far end of macvlan's is the kernel, which sends for the children; of the others, the switch. */
  private async layCables(): Promise<Cable[]> {
    const switchOffloads = await this.leavesSegmentation();
    return this.cables.map((name) =>
      cableOf(this.lab, this.name, name, { offloads: name === 'macvlan' || switchOffloads }),
    );
  }

  private uplink(name: UplinkName): HostConfig['uplinks'][UplinkName] {
    const port = leafPortName(this.lab, this.name, name);
    return { interface: this.link(name), mtu: UNDERLAY_MTU, leaf: LEAF, port };
  }

  /**
   * What does not need one another starts side by side. The attach daemon comes before the engine, which waits long for a
   * plugin that is not there, and needs the switch.
   */
  private async startAll(outer?: AbortSignal, configure?: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { commands } = this.context.options;
    await together(
      [
        (signal) => this.startSwitch(signal),
        (signal) => this.start('holder', signal),
        async (signal) => configure?.(signal),
      ],
      outer,
    );
    if (commands.attach) await this.start('attach', outer);
    await this.start('engine', outer);
    if (commands.agent) await this.start('agent', outer);
  }

  private get containers(): Cgroup {
    return this.cgroup.child('containers');
  }

  private async holder(): Promise<PartSpec> {
    return {
      part: 'holder',
      argv: holderCommand(this.netns),
      ready: async () => this.machine.files.exists(await this.insidePath(HOLDER_READY)),
    };
  }

  private async engine(): Promise<PartSpec> {
    const { layout } = this;
    await EngineProcess.clearStale(layout.engine);
    return {
      part: 'engine',
      argv: EngineProcess.engineArgv(layout.engine, {
        holderPid: await this.pid('holder'),
        cgroupParent: this.containers.path,
        liveRestore: true,
      }),
      socket: layout.engine.socket,
      ready: () => answers(layout.engine.socket, '/_ping'),
    };
  }

  private async attach(): Promise<PartSpec> {
    const { commands } = this.context.options;
    if (!commands.attach) throw new HeddleError('invalid', 'the lab was given no command for the attach daemon');
    const plugin = await this.insidePath(PLUGIN_SOCKET);
    return {
      part: 'attach',
      argv: [...(await this.inside()), ...commands.attach(await this.commandContext())],
      socket: plugin,
      ready: async () => (await accepts(plugin)) && (await accepts(this.layout.attachSocket)),
    };
  }

  /** A path as the host's processes see it, seen from outside. */
  private async insidePath(file: string): Promise<string> {
    return `/proc/${await this.pid('holder')}/root${file}`;
  }
}
