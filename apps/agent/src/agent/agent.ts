import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { Engine } from '@heddle/docker';
import { SystemIpCommand, type Clock, type Files, type Processes, type Timer } from '@heddle/host';
import {
  HeddleError,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type EventFact,
  type HeddleObject,
  type HostReport,
  type EndpointReport,
  type ProbeObservation,
  type ProbeTarget,
  type ResolvedEntry,
  type Sighting,
  type UplinkProblems,
} from '@heddle/model';
import type { Switch } from '@heddle/ovs';
import { ensureBridge } from '../attach/host-link';
import { PORT_PREFIX } from '../attach/ovs/port-names';
import type { HostConfig } from '../config';
import { DropSampler, type Drops } from '../datapath/drops';
import { namesOf } from '../datapath/names';
import type { TrafficById } from '../datapath/traffic-sampler';
import { REFRESH_MS } from '../datapath/tunnel-peers';
import type { AttachedEndpoint, LinkConfiguration } from '../link/protocol';
import type { PortDatabase } from '../port-database';
import { probeFrom } from '../probe/prober';
import type { HealthProbe, PlaceOf } from '../runtime/ports';
import { Runtime } from '../runtime/runtime';
import type { Accepted, AgentStore, HeldBlock } from '../store';
import { AttachLink } from './attach-link';
import { Enforcement } from './enforcement';
import { followEngine } from './follow-engine';
import { HostBlocks } from './host-blocks';
import { linkConfiguration } from './link-configuration';
import { hostSides, switchedUplinks, switchedVlan } from './host-snapshot';
import { endpointReport, machineReport, type MachinePort } from './local-endpoints';
import { RESOLV_FOLDER, ResolvFiles } from './resolv-files';
import { ensureTunnel } from './tunnel-port';
import { UplinkDevices } from './uplink-devices';
import { UplinkPorts } from './uplink-ports';

type Allocation = HeddleObject<'Allocation'>;

/** Names follow the endpoints at once, but not more often than this. */
const NAMES_DELAY_MS = 20;

export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>) => void;

export interface AgentParts {
  readonly config: HostConfig;
  readonly store: AgentStore;
  readonly engine: Engine;
  readonly processes: Processes;
  readonly files: Files;
  readonly ovs: PortDatabase;
  readonly bridge: Switch;
  readonly health: HealthProbe;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the inventory for another address block. */
  readonly leaseBlock: (bridgeDomain: string, have: readonly string[]) => Promise<string>;
  /** Something in {@link Agent.report} changed. */
  readonly onReport: () => void;
  readonly onEvent: (fact: Omit<EventFact, 'at' | 'by'>) => void;
}

/**
 * The agent of one host: brings what it was told (policy, endpoints, allocations) together with what is here (ports of the
 * bridge, containers of the engine), keeps the flows and the containers as they should be, and reports. It goes on by what it
 * last accepted when the control plane is away.
 */
export class Agent {
  /** Tells this run of the agent from an earlier one. */
  readonly epoch: string = randomUUID();
  private readonly enforcement: Enforcement;
  private readonly runtime: Runtime;
  private readonly attach: AttachLink;
  private readonly blocks: HostBlocks;
  private readonly sampler: DropSampler;
  private allocations: ReadonlyMap<string, Allocation>;
  /** What the attach daemon has confirmed: only by this can a container be attached. */
  private configured: LinkConfiguration | undefined;
  private readonly uplinks: UplinkPorts;
  private readonly devices: UplinkDevices;
  /** What is attached without a port on the bridge, as the attach daemon says. */
  private unported: readonly AttachedEndpoint[];
  private sequence = 0;
  private namesTimer: Timer | undefined;
  private readonly stopping = new AbortController();
  private readonly endings: (() => void)[] = [];

  private constructor(private readonly parts: AgentParts) {
    const { store, config, bridge, clock, log } = parts;
    this.allocations = new Map(Object.entries(store.allocations.value.accepted?.entries ?? {}));
    this.unported = store.host.value.unported ?? [];
    this.enforcement = new Enforcement({
      host: config.host,
      store,
      bridge,
      clock,
      log,
      sides: (known) =>
        hostSides({
          host: config.host,
          uplinks: config.uplinks,
          allocation: (path) => this.allocations.get(path),
          ...known,
          ports: { ...known.ports, machines: known.ports.machines.filter((m) => this.isGuarded(m)) },
        }),
      onChange: () => parts.onReport(),
    });
    this.uplinks = new UplinkPorts({
      ovs: parts.ovs,
      bridge: config.ovs.bridge,
      uplinks: config.uplinks,
      onChange: () => parts.onReport(),
    });
    this.devices = new UplinkDevices({
      ip: new SystemIpCommand(parts.processes),
      uplinks: config.uplinks,
      onChange: () => parts.onReport(),
      onError: (error) => log('warn', `interfaces of the uplinks: ${error.message}`),
    });
    this.sampler = new DropSampler(bridge, clock);
    this.endings.push(() => this.sampler.close());
    this.runtime = this.makeRuntime();
    this.attach = new AttachLink({
      socketPath: config.attach.socket,
      clock,
      handlers: {
        attached: async (endpoint) => {
          await this.enforcement.attached(endpoint);
          return {};
        },
        unported: async (endpoints) => {
          this.setUnported(endpoints);
          return {};
        },
        leaseBlock: async ({ bridgeDomain }) => {
          await this.blocks.leaseBlock(bridgeDomain);
          return {};
        },
      },
      onConfigured: (configuration) => {
        this.configured = configuration;
        this.runtime.lookAt();
      },
      onProblem: (problem) => {
        if (problem !== undefined) log('warn', problem);
      },
    });
    this.blocks = new HostBlocks({
      host: store.host,
      lease: parts.leaseBlock,
      configure: () => this.configure(),
      configured: () => this.attach.configured(this.configuration()),
      reserve: (request) => this.attach.call('reserve', request),
    });
  }

  /** Starts with what was last accepted: nothing is asked of the control plane. */
  static async start(parts: AgentParts): Promise<Agent> {
    const { ovs, config, clock, engine, log } = parts;
    await ensureBridge(ovs, { bridge: config.ovs.bridge, datapathType: config.ovs.datapathType });
    await ensureTunnel(ovs, config);
    const agent = new Agent(parts);
    const { enforcement } = agent;
    const watch = ovs.watchPorts(config.ovs.bridge, (ports) => enforcement.setPorts(ports));
    const refresh = clock.every(REFRESH_MS, () => {
      enforcement.refresh();
      agent.uplinks.refresh();
      agent.devices.refresh();
    });
    agent.endings.push(
      () => watch.close(),
      () => refresh.cancel(),
    );
    enforcement.recompute();
    agent.uplinks.want(switchedUplinks(enforcement.encapsulations.values()));
    agent.devices.refresh();
    agent.configure();
    agent.pushNames();
    agent.runtime.update(agent.allocations);
    followEngine(engine, agent.runtime, {
      clock,
      signal: agent.stopping.signal,
      onError: (error) => log('error', `engine events: ${error.message}`),
    });
    return agent;
  }

  /** Stops steering. Containers run on, flows stay on the switch. */
  async stop(): Promise<void> {
    this.stopping.abort(new HeddleError('unavailable', 'the agent is stopping'));
    for (const end of this.endings) end();
    this.namesTimer?.cancel();
    this.attach.close();
    await this.runtime.stop();
    await Promise.all([this.uplinks.idle(), this.devices.idle()]);
    await this.enforcement.close();
    await this.parts.store.flush();
  }

  // ---- what the control plane says -----------------------------------------------------------------------------------

  acceptPolicy(accepted: Accepted<ResolvedEntry>): void {
    this.enforcement.acceptPolicy(accepted);
    this.configure();
  }

  acceptEndpoints(accepted: Accepted<DistributedEndpoint>): void {
    this.enforcement.acceptEndpoints(accepted);
    this.pushNames();
  }

  acceptEncapsulations(accepted: Accepted<DistributedEncapsulation>): void {
    this.enforcement.acceptEncapsulations(accepted);
    this.uplinks.want(switchedUplinks(this.enforcement.encapsulations.values()));
    this.configure();
  }

  acceptAllocations(accepted: Accepted<Allocation>): void {
    const before = this.allocations;
    this.allocations = new Map(Object.entries(accepted.entries));
    this.parts.store.allocations.set({ accepted });
    this.runtime.update(this.allocations);
    this.enforcement.recompute();
    // One that went without having been stopped may leave a container that belongs to nobody.
    if ([...before.keys()].some((path) => !this.allocations.has(path))) void this.runtime.resynchronise();
  }

  /** The blocks that the inventory says this host holds. */
  setBlocks(blocks: readonly HeldBlock[]): void {
    this.blocks.set(blocks);
  }

  // ---- what is asked of the host -------------------------------------------------------------------------------------

  /** @throws HeddleError `not-found` when the allocation does not run here */
  async probe(allocation: string, targets: readonly ProbeTarget[], timeoutMs: number): Promise<ProbeObservation[]> {
    const { pid } = await this.parts.engine.inspect(this.containerOf(allocation));
    if (pid === undefined)
      throw new HeddleError('not-found', `the container of ${allocation} does not run at the moment`);
    return probeFrom(this.parts.processes, pid, targets, timeoutMs);
  }

  /** @throws HeddleError `not-found` */
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
      endpoints: [
        ...this.attachedHere().map((e) => {
          const vlan = e.macvlan ? undefined : switchedVlan(this.enforcement.encapsulations.get(e.epg));
          const healthy = e.allocation === undefined || (statuses.get(e.allocation)?.healthy ?? false);
          const allocation = e.allocation === undefined ? undefined : this.allocations.get(e.allocation);
          return endpointReport(host, e, { allocation, healthy, vlan });
        }),
        ...this.machineReports(),
      ],
      allocations: [...statuses.values()],
    };
  }

  /** Position of the policy whose flows are on the switch; 0 while that is in doubt. */
  get policyPosition(): number {
    return this.enforcement.policyPosition;
  }

  /** Position of the last accepted set of allocations. */
  get workloadPosition(): number {
    return this.parts.store.allocations.value.accepted?.watermark.position ?? 0;
  }

  get usage(): { containers: number; endpoints: number; flows: number } {
    return {
      containers: this.runtime.statuses().filter((s) => s.phase === 'running').length,
      endpoints: this.attachedHere().length + this.enforcement.ports.machines.length,
      flows: this.enforcement.flows,
    };
  }

  /** What the switch dropped, of some seconds ago; undefined while that is unknown. */
  get drops(): Drops | undefined {
    return this.sampler.drops;
  }

  takeTraffic(): TrafficById | undefined {
    return this.enforcement.takeTraffic();
  }

  takeSightings(): readonly Sighting[] {
    return this.enforcement.takeSightings();
  }

  /** What keeps the host from being in order. */
  get problems(): string[] {
    const { attach, enforcement, uplinks, runtime } = this;
    const exposed = enforcement.ports.machines.filter((machine) => !this.isGuarded(machine)).map(exposedText);
    const own = [attach.problem, enforcement.problem, uplinks.trouble].filter((p) => p !== undefined);
    const cut = Object.entries(this.uplinkProblems).map(([name, why]) => `uplink "${name}": ${why}`);
    return [...own, ...cut, ...exposed, ...runtime.problems];
  }

  /** Why uplinks cannot be used, by their names. What the switch says of one is nearer to the matter. */
  get uplinkProblems(): UplinkProblems {
    return { ...this.devices.problems, ...this.uplinks.problems };
  }

  // ---- inside --------------------------------------------------------------------------------------------------------

  private makeRuntime(): Runtime {
    const { config, engine, health, clock, store, files, onEvent } = this.parts;
    const resolv = new ResolvFiles(files, path.join(config.stateDir, RESOLV_FOLDER));
    return new Runtime({
      host: config.host,
      plugin: config.plugin.name,
      engine,
      health,
      clock,
      placement: {
        placeOf: (epg) => this.placeOf(epg),
        reserve: (bridgeDomain, owner) => this.blocks.reserve(bridgeDomain, owner),
        release: async (owner) => void (await this.attach.call('release', { owner })),
        resolvConf: (tenant, application) => resolv.of(tenant, application),
      },
      endpointOf: (allocation) => this.attachedHere().find((e) => e.allocation === allocation),
      remembered: store.host.value.instances,
      onStatus: () => this.statusChanged(),
      onEvent: ({ metadata }, what, message) =>
        onEvent({
          kind: 'Allocation',
          tenant: metadata.tenant as string,
          name: `${metadata.application}/${metadata.name}`,
          what,
          message,
        }),
    });
  }

  private placeOf(epg: string): PlaceOf | { waitsFor: string } {
    if (this.attach.problem !== undefined) return { waitsFor: this.attach.problem };
    const bridgeDomain = this.configured?.epgs[epg];
    const place = this.configured?.bridgeDomains.find((d) => d.path === bridgeDomain);
    return place ?? { waitsFor: `the EPG ${epg} is not resolved on this host yet` };
  }

  /** Containers that are attached, to the switch or to an uplink. */
  private attachedHere(): readonly AttachedEndpoint[] {
    return [...this.enforcement.ports.endpoints, ...this.unported];
  }

  /** What a user-space switch has for a port the host's own stack sees as well, but for ports that the guard knows by name. */
  private isGuarded({ port }: MachinePort): boolean {
    return this.parts.config.ovs.datapathType === 'system' || port.startsWith(PORT_PREFIX);
  }

  private setUnported(endpoints: readonly AttachedEndpoint[]): void {
    const { host } = this.parts.store;
    if (JSON.stringify(endpoints) === JSON.stringify(this.unported)) return;
    this.unported = endpoints;
    // Without it a report before the daemon is there would take for gone what is attached.
    host.set({ ...host.value, unported: endpoints });
    this.parts.onReport();
  }

  /** Ports of virtual machines, each with the time since when it is seen, which a restart of the agent does not change. */
  private machineReports(): EndpointReport[] {
    const { clock, store, config } = this.parts;
    const machines = this.enforcement.ports.machines.filter((machine) => this.isGuarded(machine));
    const before = store.host.value.interfaces ?? {};
    const now = new Date(clock.now()).toISOString();
    const since = Object.fromEntries(machines.map(({ interfaceId }) => [interfaceId, before[interfaceId] ?? now]));
    if (JSON.stringify(since) !== JSON.stringify(before)) store.host.set({ ...store.host.value, interfaces: since });
    return machines.map((machine) => machineReport(config.host, machine, since[machine.interfaceId] as string));
  }

  /** Without a policy and ways to attach of our own the attach daemon keeps what it has. */
  private configure(): void {
    const { policy, encapsulations } = this.parts.store;
    if (policy.value.accepted && encapsulations.value.accepted) this.attach.configure(this.configuration());
  }

  private configuration(): LinkConfiguration {
    const { store, config } = this.parts;
    const { policy, encapsulations } = this.enforcement;
    return linkConfiguration({
      policy,
      encapsulations,
      blocks: store.host.value.blocks,
      underlayMtu: config.underlay.mtu,
      uplinks: config.uplinks,
    });
  }

  private pushNames(): void {
    this.namesTimer ??= this.parts.clock.after(NAMES_DELAY_MS, () => {
      this.namesTimer = undefined;
      this.attach.setNames(namesOf(this.enforcement.endpoints.values()));
    });
  }

  private statusChanged(): void {
    const { host } = this.parts.store;
    // Before everything was looked at, what is remembered of an earlier run is better than what this one knows.
    if (this.runtime.surveyed) {
      const instances = this.runtime.remember();
      if (JSON.stringify(instances) !== JSON.stringify(host.value.instances)) host.set({ ...host.value, instances });
    }
    this.parts.onReport();
  }
}

const exposedText = ({ port, interfaceId }: MachinePort): string =>
  `the port ${port} of the virtual machine ${interfaceId} passes nothing: with a user-space switch the host's own protocol stack would see its packets, too; give the tap a name that begins with ${PORT_PREFIX}`;
