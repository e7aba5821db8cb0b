import { HeddleError } from '@heddle/model';
import { EngineProcess } from '@heddle/docker';
import { inProcessNamespaces, waitFor, type Cgroup, type RunOptions, type RunResult } from '@heddle/host';
import { HOLDER_READY, holderCommand } from './commands';
import {
  HEDDLE_BRIDGE,
  PLUGIN_NAME,
  PLUGIN_SOCKET,
  UPLINK_BRIDGE,
  type HostConfig,
  type LabHostSpec,
} from './host-config';
import { LabNode, type LabContext } from './lab-node';
import type { LeafNode } from './leaf-node';
import { checkHostName } from './names';
import type { HostContext } from './options';
import type { PartSpec } from './parts';
import { required, type PartName } from './records';
import { accepts, answers } from './sockets';
import { NodeSwitch } from './switch';
import { together } from './together';
import { hostAddress, linkUp, macOf, NATS_URL, UNDERLAY_MTU, UNDERLAY_PREFIX_LENGTH } from './underlay';

/** The control plane may have to start first. */
const CREDENTIALS_DEADLINE_MS = 60_000;

/** One host of a lab: switch, Docker Engine, attach daemon and agent, as on a machine of its own. */
export class HostNode extends LabNode {
  protected readonly required: readonly PartName[] = ['ovsdb', 'vswitchd', 'holder', 'engine'];
  private readonly switch: NodeSwitch;

  constructor(context: LabContext, name: string) {
    super(context, checkHostName(name), 'host');
    this.switch = new NodeSwitch(this.machine, this.netns, this.layout);
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

  /** Makes a reserved host, connected to the leaf, and starts everything on it. */
  async make(leaf: LeafNode, signal?: AbortSignal): Promise<void> {
    const { index, spec } = required(await this.records.loadNode(), this.layout.record);
    await this.prepare({ index, spec });
    await leaf.attach(this);
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

  /** The configuration that the host's agent and attach daemon read. */
  async config(): Promise<HostConfig> {
    const config = await this.machine.files.readJson(this.layout.hostConfig);
    if (config === undefined) throw new HeddleError('not-found', `host ${this.name} has no configuration yet`);
    return config as HostConfig;
  }

  /** Runs a command in the host's network and mount namespace, with `/` as its folder. */
  override async exec(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return this.machine.processes.run([...(await this.inside()), ...argv], options);
  }

  protected async spec(part: PartName): Promise<PartSpec> {
    switch (part) {
      case 'ovsdb':
        return this.switch.database();
      case 'vswitchd':
        return this.switch.daemon();
      case 'holder':
        return this.holder();
      case 'engine':
        return this.engine();
      case 'attach':
        return this.attach();
      case 'agent':
        return this.agent();
      default:
        throw new HeddleError('not-found', `a host has no ${part}: it has ${this.required.join(', ')}, attach, agent`);
    }
  }

  protected override async afterStart(part: PartName): Promise<void> {
    if (part !== 'vswitchd') return;
    const address = hostAddress(required(await this.records.loadNode(), this.layout.record).index ?? 0);
    await this.switch.bridge(UPLINK_BRIDGE, { mac: macOf(address), ports: [this.uplink] });
    await this.ip(...linkUp(this.uplink), ...linkUp(UPLINK_BRIDGE), [
      'addr',
      'replace',
      `${address}/${UNDERLAY_PREFIX_LENGTH}`,
      'dev',
      UPLINK_BRIDGE,
    ]);
  }

  /**
   * What does not need one another starts side by side. The attach daemon comes before the engine, which waits long for a
   * plugin that is not there, and needs the switch.
   */
  private async startAll(outer?: AbortSignal, configure?: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { commands } = this.context.options;
    await together(
      [
        async (signal) => {
          await this.start('ovsdb', signal);
          await this.start('vswitchd', signal);
        },
        (signal) => this.start('holder', signal),
        async (signal) => configure?.(signal),
      ],
      outer,
    );
    if (commands.attach) await this.start('attach', outer);
    await this.start('engine', outer);
    if (commands.agent) await this.start('agent', outer);
  }

  private async writeConfig(signal?: AbortSignal): Promise<void> {
    const { layout } = this;
    const { files } = this.machine;
    await this.step('write configuration', async () => {
      const seed = await this.seed(signal);
      const { spec } = required(await this.records.loadNode(), layout.record);
      const config: HostConfig = {
        host: this.name,
        stateDir: layout.data,
        runDir: layout.run,
        docker: { socket: layout.engine.socket },
        plugin: { socket: PLUGIN_SOCKET, name: PLUGIN_NAME },
        ovs: {
          databaseSocket: layout.ovsSocket,
          runDir: layout.ovsRun,
          bridge: HEDDLE_BRIDGE,
          datapathType: 'netdev',
          uplinkBridge: UPLINK_BRIDGE,
        },
        underlay: { address: (await this.address()) ?? '', mtu: UNDERLAY_MTU },
        nats: { servers: [NATS_URL], ...(seed === undefined ? {} : { seedFile: layout.seedFile }) },
        attach: { socket: layout.attachSocket },
        agent: { socket: layout.agentSocket },
        labels: spec?.labels ?? {},
        zone: spec?.zone ?? 'default',
        ...(spec?.resources ? { resources: spec.resources } : {}),
        cgroupParent: this.containers.path,
      };
      if (seed !== undefined) await files.writeAtomic(layout.seedFile, seed);
      await files.writeAtomic(layout.hostConfig, `${JSON.stringify(config, null, 2)}\n`);
    });
  }

  /** What the caller gives as the host's credentials. @throws HeddleError `deadline` when it takes too long over it */
  private async seed(signal?: AbortSignal): Promise<string | undefined> {
    const { credentials } = this.context.options;
    if (!credentials) return undefined;
    const asked: { seed?: string; error?: unknown } = {};
    credentials(this.name).then(
      (seed) => (asked.seed = seed),
      (error: unknown) => (asked.error = error),
    );
    return waitFor(
      () => {
        if (asked.error !== undefined) throw asked.error;
        return asked.seed;
      },
      { deadlineMs: CREDENTIALS_DEADLINE_MS, what: `credentials of ${this.name}`, clock: this.machine.clock, signal },
    );
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
      argv: [...(await this.inside()), ...commands.attach(await this.hostContext())],
      socket: plugin,
      ready: async () => (await accepts(plugin)) && (await accepts(this.layout.attachSocket)),
    };
  }

  private async agent(): Promise<PartSpec> {
    const { commands } = this.context.options;
    if (!commands.agent) throw new HeddleError('invalid', 'the lab was given no command for the agent');
    return {
      part: 'agent',
      argv: [...(await this.inside()), ...commands.agent(await this.hostContext())],
      socket: this.layout.agentSocket,
      ready: () => accepts(this.layout.agentSocket),
    };
  }

  private async hostContext(): Promise<HostContext> {
    return { lab: this.lab, configFile: this.layout.hostConfig, config: await this.config() };
  }

  private async inside(): Promise<string[]> {
    return inProcessNamespaces(await this.pid('holder'));
  }

  /** A path as the host's processes see it, seen from outside. */
  private async insidePath(file: string): Promise<string> {
    return `/proc/${await this.pid('holder')}/root${file}`;
  }
}
