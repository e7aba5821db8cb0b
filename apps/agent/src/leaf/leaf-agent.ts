import { randomUUID } from 'node:crypto';
import type { Clock, NftCommand } from '@heddle/host';
import {
  HeddleError,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type HostReport,
  type ResolvedEntry,
  type Sighting,
} from '@heddle/model';
import type { PortState, Switch } from '@heddle/ovs';
import type { Log } from '../agent/agent';
import type { AgentSide } from '../agent/control-plane';
import { Enforcement } from '../agent/enforcement';
import { leafSides, missingPorts } from '../agent/leaf-snapshot';
import { ensureTunnel } from '../agent/tunnel-port';
import { ensureBridge } from '../attach/host-link';
import { ensureGuard, keepGuard } from '../attach/packet-guard';
import { portGuard } from '../attach/port-guard';
import type { LeafConfig } from '../config';
import { DropSampler, type Drops } from '../datapath/drops';
import type { TrafficById } from '../datapath/traffic-sampler';
import { REFRESH_MS } from '../datapath/tunnel-peers';
import type { PortDatabase } from '../port-database';
import type { Accepted, AgentStore } from '../store';

export interface LeafAgentParts {
  readonly config: LeafConfig;
  readonly store: AgentStore;
  readonly ovs: PortDatabase;
  readonly bridge: Switch;
  readonly nft: NftCommand;
  readonly clock: Clock;
  readonly log: Log;
  /** Something of what is reported changed. */
  readonly onReport: () => void;
}

/**
 * The agent of a leaf: keeps the flows of a switch whose ports are the cables of hosts and servers, by the same policy and
 * with the same pipeline as on hosts. It learns who is behind which port from the inventory alone, and goes on by what it last
 * accepted when the control plane is away. Ports are added to the bridge by whoever lays the cables.
 */
export class LeafAgent implements AgentSide {
  readonly epoch: string = randomUUID();
  readonly surveyed = true;
  private readonly enforcement: Enforcement;
  private readonly sampler: DropSampler;
  private sequence = 0;
  private guarded: readonly string[] = [];
  private guardProblem: string | undefined;
  private readonly endings: (() => void)[] = [];

  private constructor(private readonly parts: LeafAgentParts) {
    const { config, store, bridge, clock, log, onReport } = parts;
    this.enforcement = new Enforcement({
      host: config.host,
      store,
      bridge,
      clock,
      log,
      sides: ({ ports, endpoints }) => leafSides(config.host, ports.numbers, endpoints.values()),
      onChange: onReport,
    });
    this.sampler = new DropSampler(bridge, clock);
    this.endings.push(() => this.sampler.close());
  }

  /** Starts with what was last accepted: nothing is asked of the control plane. */
  static async start(parts: LeafAgentParts): Promise<LeafAgent> {
    const { ovs, config, clock } = parts;
    const { bridge, datapathType } = config.ovs;
    await ensureBridge(ovs, { bridge, datapathType });
    await ensureTunnel(ovs, config);
    const agent = new LeafAgent(parts);
    const { enforcement } = agent;
    const watch = ovs.watchPorts(bridge, (ports) => agent.setPorts(ports));
    const refresh = clock.every(REFRESH_MS, () => enforcement.refresh());
    const unguard = keepGuard(parts.nft, () => portGuard(agent.guarded), {
      onMissing: () =>
        parts.log('warn', 'somebody removed the rules that keep the cables from the leaf itself; they are back'),
      onError: (error) => agent.guardFailed(error),
    });
    agent.endings.push(
      unguard,
      () => watch.close(),
      () => refresh.cancel(),
    );
    enforcement.recompute();
    return agent;
  }

  /** Stops steering; flows stay on the switch. */
  async stop(): Promise<void> {
    for (const end of this.endings) end();
    await this.enforcement.close();
    await this.parts.store.flush();
  }

  acceptPolicy(accepted: Accepted<ResolvedEntry>): void {
    this.enforcement.acceptPolicy(accepted);
  }

  acceptEndpoints(accepted: Accepted<DistributedEndpoint>): void {
    this.enforcement.acceptEndpoints(accepted);
  }

  acceptEncapsulations(accepted: Accepted<DistributedEncapsulation>): void {
    this.enforcement.acceptEncapsulations(accepted);
  }

  /** A cable is for the switch alone, before it is for anybody. */
  private setPorts(ports: readonly PortState[]): void {
    const { bridge } = this.parts.config.ovs;
    this.guarded = ports.filter(({ name, type }) => type === '' && name !== bridge).map(({ name }) => name);
    ensureGuard(this.parts.nft, portGuard(this.guarded))
      .then(() => (this.guardProblem = undefined))
      .catch((error: unknown) => this.guardFailed(HeddleError.from(error)))
      .finally(() => this.enforcement.setPorts(ports));
  }

  private guardFailed(error: HeddleError): void {
    this.guardProblem = `what is on the cables may reach the leaf itself: ${error.message}`;
    this.parts.log('error', this.guardProblem);
  }

  /** A leaf gives no addresses. */
  setBlocks(): void {}

  /** Nothing is attached by a leaf: hosts report what is behind its ports, and servers are written down. */
  report(): HostReport {
    const { host } = this.parts.config;
    return { host, agentEpoch: this.epoch, sequence: ++this.sequence, endpoints: [], allocations: [] };
  }

  get policyPosition(): number {
    return this.enforcement.policyPosition;
  }

  /** No containers are to be run here, so whatever was decided of them is done. */
  get workloadPosition(): number {
    return this.enforcement.policyPosition;
  }

  get usage(): { containers: number; endpoints: number; flows: number } {
    const { flows, ports, endpoints } = this.enforcement;
    const { local } = leafSides(this.parts.config.host, ports.numbers, endpoints.values());
    return { containers: 0, endpoints: local.length, flows };
  }

  get drops(): Drops | undefined {
    return this.sampler.drops;
  }

  takeTraffic(): TrafficById | undefined {
    return this.enforcement.takeTraffic();
  }

  takeSightings(): readonly Sighting[] {
    return this.enforcement.takeSightings();
  }

  get problems(): string[] {
    const { problem, ports, endpoints } = this.enforcement;
    const missing = missingPorts(this.parts.config.host, ports.numbers, endpoints.values());
    return [
      ...(problem === undefined ? [] : [problem]),
      ...(this.guardProblem === undefined ? [] : [this.guardProblem]),
      ...(missing.length === 0
        ? []
        : [`endpoints are behind ports that the bridge does not have: ${missing.join(', ')}; add them to it`]),
    ];
  }
}
