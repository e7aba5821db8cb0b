import { HeddleError } from '@heddle/model';
import { waitFor } from '@heddle/host';
import { HEDDLE_BRIDGE } from './bridges';
import type { AgentConfig, HostConfig, LeafConfig } from './host-config';
import { LabNode, type LabContext } from './lab-node';
import type { AgentContext } from './options';
import type { PartSpec } from './parts';
import type { NodeKind, PartName } from './records';
import { accepts } from './sockets';
import { NodeSwitch } from './switch';
import { together } from './together';
import { NATS_URL, UNDERLAY_MTU } from './underlay';

/** The control plane may have to start first. */
const CREDENTIALS_DEADLINE_MS = 60_000;

/** A node with a switch that an agent of Heddle programs: a host, or the leaf. */
export abstract class AgentNode<Config extends HostConfig | LeafConfig> extends LabNode {
  protected readonly switch: NodeSwitch;
  /** The bridge whose LOCAL port has the node's underlay address. */
  protected abstract readonly uplinkBridge: string;
  /** Parts that are there when the lab was given a command for them. */
  protected abstract readonly optional: readonly PartName[];

  constructor(context: LabContext, name: string, kind: NodeKind) {
    super(context, name, kind);
    this.switch = new NodeSwitch(this.machine, this.netns, this.layout);
  }

  /** The configuration that the node's agent reads. @throws HeddleError `not-found` while there is none */
  async config(): Promise<Config> {
    const config = await this.machine.files.readJson(this.layout.hostConfig);
    if (config === undefined) throw new HeddleError('not-found', `${this.name} has no configuration yet`);
    return config as Config;
  }

  /** One transaction of ovs-vsctl(8) on the node's switch, each command as its words. Returns its output. */
  vsctl(...commands: ReadonlyArray<readonly string[]>): Promise<string> {
    return this.switch.vsctl(...commands);
  }

  /** Whether the node's switch leaves segmentation and checksums to whoever receives; see {@link AgentConfig.tunnels}. */
  async leavesSegmentation(): Promise<boolean> {
    return (await this.record()).spec?.tunnels === false;
  }

  /** What the node's own configuration says beyond what all agents are told. */
  protected abstract describe(common: AgentConfig): Promise<Config>;

  protected async spec(part: PartName): Promise<PartSpec> {
    if (part === 'ovsdb') return this.switch.database();
    if (part === 'vswitchd') return this.switch.daemon();
    if (part === 'agent') return this.agent();
    const has = [...this.required, ...this.optional].join(', ');
    throw new HeddleError('not-found', `${this.name} has no ${part}: it has ${has}`);
  }

  protected override async afterStart(part: PartName): Promise<void> {
    // Written before the daemon is there, which reads it once.
    if (part === 'ovsdb' && (await this.leavesSegmentation())) await this.switch.leaveSegmentation();
  }

  protected async startSwitch(outer?: AbortSignal): Promise<void> {
    await together(
      [
        () => this.switch.guardCables(this.lab),
        async (signal) => {
          await this.start('ovsdb', signal);
          await this.start('vswitchd', signal);
        },
      ],
      outer,
    );
  }

  protected async writeConfig(signal?: AbortSignal): Promise<void> {
    const { layout } = this;
    const { files } = this.machine;
    await this.step('write configuration', async () => {
      const seed = await this.seed(signal);
      const { spec } = await this.record();
      const config = await this.describe({
        host: this.name,
        stateDir: layout.data,
        runDir: layout.run,
        ovs: {
          databaseSocket: layout.ovsSocket,
          runDir: layout.ovsRun,
          bridge: HEDDLE_BRIDGE,
          datapathType: 'netdev',
          uplinkBridge: this.uplinkBridge,
        },
        underlay: { address: (await this.address()) ?? '', mtu: UNDERLAY_MTU },
        nats: { servers: [NATS_URL], ...(seed === undefined ? {} : { seedFile: layout.seedFile }) },
        agent: { socket: layout.agentSocket },
        labels: spec?.labels ?? {},
        zone: spec?.zone ?? 'default',
        tunnels: spec?.tunnels ?? true,
      });
      if (seed !== undefined) await files.writeAtomic(layout.seedFile, seed);
      await files.writeAtomic(layout.hostConfig, `${JSON.stringify(config, null, 2)}\n`);
    });
  }

  protected async commandContext(): Promise<AgentContext<Config>> {
    return { lab: this.lab, configFile: this.layout.hostConfig, config: await this.config() };
  }

  /** What the caller gives as the agent's credentials. @throws HeddleError `deadline` when it takes too long over it */
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

  private async agent(): Promise<PartSpec> {
    const { commands } = this.context.options;
    if (!commands.agent) throw new HeddleError('invalid', 'the lab was given no command for the agent');
    return {
      part: 'agent',
      argv: [...(await this.inside()), ...commands.agent(await this.commandContext())],
      socket: this.layout.agentSocket,
      ready: () => accepts(this.layout.agentSocket),
    };
  }
}
