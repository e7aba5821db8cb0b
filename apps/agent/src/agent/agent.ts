import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Engine } from '@heddle/docker';
import { systemClock, type Processes } from '@heddle/host';
import {
  HeddleError,
  type DistributedEndpoint,
  type HeddleObject,
  type HostReport,
  type ProbeObservation,
  type ProbeTarget,
  type ResolvedEntry,
} from '@heddle/model';
import type { OvsDatabase, PortState, Switch } from '@heddle/ovs';
import { HOST_LINK_ADDRESS } from '@heddle/pipeline';
import { resolvConf } from '../attach/dns/zone';
import { ensureBridge } from '../attach/host-link';
import type { HostConfig } from '../config';
import { Datapath } from '../datapath/datapath';
import { namesOf } from '../datapath/names';
import { endpointName } from '../datapath/port-ids';
import { REFRESH_MS, TunnelPeers } from '../datapath/tunnel-peers';
import { LinkClient, type AgentPeer } from '../link/connect';
import { probeFrom } from '../probe/prober';
import { linkHealthProbe } from '../runtime/health-probe';
import type { Placement } from '../runtime/ports';
import { Runtime } from '../runtime/runtime';
import type { Accepted, AgentStore } from '../store';
import { highestClassId, linkConfiguration } from './link-configuration';
import { endpointReport, localEndpoint, readPorts, TUNNEL_ID, type BridgePorts } from './local-endpoints';

type Allocation = HeddleObject<'Allocation'>;

const TUNNEL_PORT = 'heddle-vxlan';
const LINK_DEADLINE_MS = 5_000;
/** How long a start waits for the flows of its endpoint to be on the switch. */
const IN_FORCE_DEADLINE_MS = 7_000;
const ENGINE_RESYNC_MS = 10_000;

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;

export interface AgentParts {
  readonly config: HostConfig;
  readonly store: AgentStore;
  readonly engine: Engine;
  readonly processes: Processes;
  readonly ovs: OvsDatabase;
  readonly bridge: Switch;
  readonly log: Log;
  /** Asks the inventory for another address block. */
  readonly leaseBlock: (bridgeDomain: string, have: readonly string[]) => Promise<string>;
  /** Something in {@link Agent.report} changed. */
  readonly onReport: () => void;
  readonly onEvent: (fact: { kind: string; tenant: string; name: string; what: string; message: string }) => void;
}

/**
 * The agent of one host: brings what it was told (policy, endpoints, allocations) together with what is here (ports of the
 * bridge, containers of the engine), keeps the flows and the containers as they should be, and reports. It goes on by what it
 * last accepted when the control plane is away.
 */
export class Agent {
  /** Tells this run of the agent from an earlier one. */
  readonly epoch = randomUUID();
  private readonly datapath: Datapath;
  private readonly peers: TunnelPeers;
  private readonly runtime: Runtime;
  private readonly link: LinkClient;
  private policy: ReadonlyMap<string, ResolvedEntry>;
  private endpoints: ReadonlyMap<string, DistributedEndpoint>;
  private allocations: ReadonlyMap<string, Allocation>;
  private ports: BridgePorts = { endpoints: [] };
  private readonly stopping = new AbortController();
  private resync: NodeJS.Timeout | undefined;
  private greetings: NodeJS.Timeout | undefined;
  private namesTimer: NodeJS.Timeout | undefined;
  private sequence = 0;
  private switchProblem: string | undefined;

  private constructor(private readonly parts: AgentParts) {
    const { store, config, bridge, engine, log } = parts;
    this.policy = entriesOf(store.state.policy);
    this.endpoints = entriesOf(store.state.endpoints);
    this.allocations = entriesOf(store.state.allocations);
    this.datapath = new Datapath(bridge, {
      host: config.host,
      onState: () => parts.onReport(),
      onError: (error) => log('error', `datapath: ${error.message}`),
    });
    this.peers = new TunnelPeers({
      send: (packet) => bridge.packetOut(packet),
      onError: (error) => log('warn', `tunnel peer: ${HeddleError.from(error).message}`),
    });
    this.runtime = new Runtime({
      host: config.host,
      plugin: config.plugin.name,
      engine,
      placement: this.placement(),
      health: linkHealthProbe,
      linkIndexOf: (allocation) => this.ports.endpoints.find((e) => e.allocation === allocation)?.linkIndex,
      clock: systemClock,
      remembered: store.state.instances,
      onStatus: () => this.statusChanged(),
      onEvent: (allocation, what, message) =>
        parts.onEvent({
          kind: 'Allocation',
          tenant: allocation.metadata.tenant as string,
          name: `${allocation.metadata.application}/${allocation.metadata.name}`,
          what,
          message,
        }),
    });
    this.link = new LinkClient({
      socketPath: config.attach.socket,
      handlers: {
        attached: async (endpoint) => {
          await this.attached(endpoint);
          return {};
        },
        detached: async () => ({}),
      },
      onConnected: (peer) => this.linkUp(peer),
      onDisconnected: (reason) => {
        if (this.linkProblem === undefined) log('warn', `attach daemon: ${reason}`);
        this.linkProblem = `the attach daemon is away (${reason}): containers that run are not affected, none can start`;
      },
    });
  }

  private linkProblem: string | undefined = 'the attach daemon was not reached yet';

  /** Starts with what was last accepted: nothing is asked of the control plane. */
  static async start(parts: AgentParts): Promise<Agent> {
    const { ovs, config } = parts;
    const { bridge, datapathType } = config.ovs;
    await ensureBridge(ovs, { bridge, datapathType });
    await ovs.ensurePort({
      bridge,
      name: TUNNEL_PORT,
      type: 'vxlan',
      options: { remote_ip: 'flow', key: 'flow', local_ip: config.underlay.address },
      externalIds: TUNNEL_ID,
    });
    const agent = new Agent(parts);
    ovs.watchPorts(bridge, (ports) => agent.portsChanged(ports));
    parts.bridge.onConnected(() => {
      agent.switchProblem = undefined;
      agent.datapath.resynchronise();
      agent.peers.refresh(agent.ports.tunnel);
    });
    parts.bridge.onDisconnected((reason) => {
      agent.switchProblem = `the switch is away (${reason.message}): nothing passes until it is back with its flows`;
    });
    agent.runtime.update(agent.allocations);
    agent.followEngine();
    agent.greetings = setInterval(() => agent.peers.refresh(agent.ports.tunnel), REFRESH_MS);
    return agent;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.resync);
    clearInterval(this.greetings);
    clearTimeout(this.namesTimer);
    this.link.close();
    await this.runtime.stop();
    await this.datapath.close();
  }

  // ---- what the control plane says -----------------------------------------------------------------------------------

  acceptPolicy(accepted: Accepted<ResolvedEntry>): void {
    this.policy = entriesOf(accepted);
    const { store } = this.parts;
    store.update({
      policy: accepted,
      highestClassId: Math.max(store.state.highestClassId, highestClassId(this.policy)),
    });
    this.recompute();
    this.configureLink();
    this.runtime.lookAt();
  }

  acceptEndpoints(accepted: Accepted<DistributedEndpoint>): void {
    this.endpoints = entriesOf(accepted);
    this.parts.store.update({ endpoints: accepted });
    this.recompute();
    this.pushNames();
  }

  acceptAllocations(accepted: Accepted<Allocation>): void {
    const before = this.allocations;
    this.allocations = entriesOf(accepted);
    this.parts.store.update({ allocations: accepted });
    this.runtime.update(this.allocations);
    this.recompute();
    // One that went without having been stopped may leave a container that belongs to nobody.
    if ([...before.keys()].some((path) => !this.allocations.has(path))) this.resynchroniseEngine();
  }

  setBlocks(blocks: readonly { bridgeDomain: string; block: string }[]): void {
    this.parts.store.update({ blocks });
    this.configureLink();
  }

  // ---- what is asked of the host -------------------------------------------------------------------------------------

  /** @throws HeddleError `not-found` when the allocation does not run here */
  async probe(allocation: string, targets: readonly ProbeTarget[], timeoutMs: number): Promise<ProbeObservation[]> {
    const { pid } = await this.parts.engine.inspect(this.containerOf(allocation));
    if (pid === undefined)
      throw new HeddleError('not-found', `the container of ${allocation} does not run at the moment`);
    return probeFrom(this.parts.processes, pid, targets, timeoutMs);
  }

  containerOf(allocation: string): string {
    const id = this.runtime.containerOf(allocation);
    if (id !== undefined) return id;
    throw new HeddleError('not-found', `the allocation ${allocation} has no container on ${this.parts.config.host}`);
  }

  // ---- what it reports -----------------------------------------------------------------------------------------------

  /** Whether everything was looked at once; what is reported before would take for missing what was not. */
  get surveyed(): boolean {
    return this.runtime.surveyed;
  }

  report(): HostReport {
    const { host } = this.parts.config;
    const statuses = new Map(this.runtime.statuses().map((s) => [s.allocation, s]));
    return {
      host,
      agentEpoch: this.epoch,
      sequence: ++this.sequence,
      endpoints: this.ports.endpoints.map((e) => {
        const allocation = e.allocation === undefined ? undefined : this.allocations.get(e.allocation);
        const healthy = e.allocation === undefined ? true : (statuses.get(e.allocation)?.healthy ?? false);
        return endpointReport(host, e, allocation, healthy);
      }),
      allocations: [...statuses.values()],
    };
  }

  get policyPosition(): number {
    return this.datapath.current.problem === undefined ? this.datapath.current.policyPosition : 0;
  }

  get workloadPosition(): number {
    return this.parts.store.state.allocations?.watermark.position ?? 0;
  }

  get usage(): { containers: number; endpoints: number; flows: number } {
    return {
      containers: this.runtime.statuses().filter((s) => s.phase === 'running').length,
      endpoints: this.ports.endpoints.length,
      flows: this.datapath.current.flows,
    };
  }

  /** What keeps the host from being in order. */
  get problems(): string[] {
    return [this.linkProblem, this.switchProblem, this.datapath.current.problem, ...this.runtime.problems].filter(
      (p) => p !== undefined,
    );
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private recompute(): void {
    const { config, store } = this.parts;
    // Without any policy ever accepted (a new host, or one whose memory is damaged) nothing is known of what flows are for:
    // those that are there stay, and nothing is added to them.
    if (store.state.policy === undefined) return;
    this.datapath.update({
      policyPosition: store.state.policy?.watermark.position ?? 0,
      resolved: this.policy,
      endpoints: this.endpoints,
      local: this.ports.endpoints.map((e) =>
        localEndpoint(config.host, e, e.allocation === undefined ? undefined : this.allocations.get(e.allocation)),
      ),
      ports: { tunnel: this.ports.tunnel, hostLink: this.ports.hostLink },
    });
    const remote = [...this.endpoints.values()].filter((e) => e.host !== config.host);
    this.peers.update(new Set(remote.map((e) => e.underlay)), this.ports.tunnel);
  }

  private portsChanged(ports: readonly PortState[]): void {
    this.ports = readPorts(ports);
    this.recompute();
    this.parts.onReport();
  }

  /** Answers the attach daemon when the endpoint's own flows, and with them its policy, are on the switch. */
  private async attached(endpoint: BridgePorts['endpoints'][number]): Promise<void> {
    if (!this.policy.has(`class/${endpoint.epg}`)) {
      throw new HeddleError('unavailable', `the EPG ${endpoint.epg} is not resolved on this host`);
    }
    // The database's own notice of the port may come later than this call.
    if (!this.ports.endpoints.some((e) => e.endpointId === endpoint.endpointId)) {
      this.ports = { ...this.ports, endpoints: [...this.ports.endpoints, endpoint] };
      this.recompute();
    }
    const name = endpointName(this.parts.config.host, endpoint);
    await this.datapath.whenState(
      (state) => state.problem === undefined && state.inForce.has(name),
      `the flows of ${name} could not be brought into force`,
      IN_FORCE_DEADLINE_MS,
    );
  }

  private linkUp(peer: AgentPeer): void {
    this.linkProblem = undefined;
    peer.call('hello', { agentEpoch: this.epoch }, LINK_DEADLINE_MS).catch((error: unknown) => this.linkFailed(error));
    this.configureLink();
    this.pushNames();
    this.runtime.lookAt();
  }

  private configureLink(): void {
    if (!this.link.connected) return;
    const { store, config } = this.parts;
    const configuration = linkConfiguration(this.policy, store.state.blocks, config.underlay.mtu);
    this.link
      .get()
      .call('configure', configuration, LINK_DEADLINE_MS)
      .then(
        () => this.runtime.lookAt(),
        (error: unknown) => this.linkFailed(error),
      );
  }

  /** Names follow the endpoints at once, but not more often than every 20 ms. */
  private pushNames(): void {
    this.namesTimer ??= setTimeout(() => {
      this.namesTimer = undefined;
      if (!this.link.connected) return;
      this.link
        .get()
        .call('names', namesOf(this.endpoints.values()), LINK_DEADLINE_MS)
        .catch((error: unknown) => this.linkFailed(error));
    }, 20);
  }

  private linkFailed(error: unknown): void {
    this.parts.log('warn', `attach daemon: ${HeddleError.from(error).message}`);
  }

  private statusChanged(): void {
    // Before everything was looked at, what is remembered of an earlier run is better than what this one knows.
    if (this.runtime.surveyed) this.parts.store.update({ instances: this.runtime.remember() });
    this.parts.onReport();
  }

  private placement(): Placement {
    const { config } = this.parts;
    return {
      unavailable: () => this.link.problem,
      bridgeDomainOf: (epg) => {
        const entry = this.policy.get(`class/${epg}`);
        if (entry?.type !== 'class') return undefined;
        for (const domain of this.policy.values()) {
          if (domain.type === 'bridge-domain' && domain.id === entry.bridgeDomain) return domain;
        }
        return undefined;
      },
      reserve: async (bridgeDomain, owner) => {
        // A fresh block serves at once; two requests that both find the old ones used up may need another round.
        for (let attempt = 0; attempt < 3; attempt++) {
          const result = await this.link.get().call('reserve', { bridgeDomain, owner }, LINK_DEADLINE_MS);
          if (!('exhausted' in result)) return result;
          await this.leaseBlock(bridgeDomain);
        }
        throw new HeddleError('limit', `no address could be had for ${owner} in ${bridgeDomain}`);
      },
      release: async (owner) => void (await this.link.get().call('release', { owner }, LINK_DEADLINE_MS)),
      resolvConf: async (tenant, application) => {
        const folder = path.join(config.stateDir, 'resolv');
        const file = path.join(folder, `${tenant}.${application}.conf`);
        mkdirSync(folder, { recursive: true });
        // Not by rename: the file is mounted into containers, which would keep the old one.
        writeFileSync(file, resolvConf(tenant, application, HOST_LINK_ADDRESS), { mode: 0o644 });
        return file;
      },
    };
  }

  private async leaseBlock(bridgeDomain: string): Promise<void> {
    const { store, config } = this.parts;
    const have = store.state.blocks.filter((b) => b.bridgeDomain === bridgeDomain).map((b) => b.block);
    const block = await this.parts.leaseBlock(bridgeDomain, have);
    if (!have.includes(block)) await store.commit({ blocks: [...store.state.blocks, { bridgeDomain, block }] });
    await this.link
      .get()
      .call('configure', linkConfiguration(this.policy, store.state.blocks, config.underlay.mtu), LINK_DEADLINE_MS);
  }

  private resynchroniseEngine(): void {
    this.runtime
      .resynchronise()
      .catch((error: unknown) => this.parts.log('warn', `engine: ${HeddleError.from(error).message}`));
  }

  private followEngine(): void {
    const { engine, log } = this.parts;
    this.resync = setInterval(() => this.resynchroniseEngine(), ENGINE_RESYNC_MS);
    const follow = async (): Promise<void> => {
      for await (const event of engine.events({
        labels: { 'heddle.allocation': true },
        signal: this.stopping.signal,
      })) {
        if (event.kind === 'resync') this.resynchroniseEngine();
        else if (event.action === 'die' || event.action === 'destroy' || event.action === 'start')
          this.runtime.lookAt(event.labels['heddle.allocation']);
      }
    };
    follow().catch((error: unknown) => {
      if (!this.stopping.signal.aborted) log('error', `engine events: ${HeddleError.from(error).message}`);
    });
  }
}

function entriesOf<T>(accepted: Accepted<T> | undefined): ReadonlyMap<string, T> {
  return new Map(Object.entries(accepted?.entries ?? {}));
}
