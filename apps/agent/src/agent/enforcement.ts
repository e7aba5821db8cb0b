import type { Clock } from '@heddle/host';
import {
  HeddleError,
  type DistributedEncapsulation,
  type DistributedEndpoint,
  type ResolvedEntry,
  type Sighting,
  type Watermark,
} from '@heddle/model';
import type { PortState, Switch } from '@heddle/ovs';
import { Announcer } from '../datapath/announcer';
import { Datapath } from '../datapath/datapath';
import { endpointName } from '../datapath/port-ids';
import { Sightings } from '../datapath/sightings';
import { TrafficSampler, type TrafficById } from '../datapath/traffic-sampler';
import { TunnelPeers } from '../datapath/tunnel-peers';
import type { AttachedEndpoint } from '../link/protocol';
import type { Accepted, AgentStore } from '../store';
import type { Sides } from './host-snapshot';
import { NO_PORTS, readPorts, type BridgePorts, type PortEndpoint } from './local-endpoints';
import { PolicyView } from './policy-view';

/** How long a start waits for the flows of its endpoint to be on the switch. */
const IN_FORCE_DEADLINE_MS = 7_000;

export interface EnforcementParts {
  readonly host: string;
  readonly store: AgentStore;
  readonly bridge: Switch;
  readonly clock: Clock;
  /** Sorts the endpoints into those at a port of this bridge and the others. */
  readonly sides: (known: KnownEndpoints) => Sides;
  readonly log: (level: 'warn' | 'error', message: string) => void;
  /** What is attached here, or what is on the switch, changed. */
  readonly onChange: () => void;
}

/** What is known of endpoints: who there is in the cluster, how they attach, and the ports of this bridge. */
export interface KnownEndpoints {
  readonly ports: BridgePorts;
  readonly endpoints: ReadonlyMap<string, DistributedEndpoint>;
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
}

/**
 * Brings the policy and the map of endpoints together with what is attached to the bridge, and keeps the flows as these ask.
 * Begins with what was last accepted. Until there is a policy and a map the flows stay as an earlier run left them: an agent
 * that lost its memory must not cut what runs.
 */
export class Enforcement {
  private readonly datapath: Datapath;
  private readonly peers: TunnelPeers;
  private readonly announcer: Announcer;
  private readonly traffic: TrafficSampler;
  private readonly sightings: Sightings;
  private view: PolicyView;
  private everywhere: ReadonlyMap<string, DistributedEndpoint>;
  private ways: ReadonlyMap<string, DistributedEncapsulation>;
  private attachedPorts: BridgePorts = NO_PORTS;
  /** The ports of the bridge were told: to go by none of them would take every endpoint's flows away. */
  private portsKnown = false;

  constructor(private readonly parts: EnforcementParts) {
    const { store, bridge, log } = parts;
    this.view = new PolicyView(store.policy.value.accepted?.entries);
    this.everywhere = new Map(Object.entries(store.endpoints.value.accepted?.entries ?? {}));
    this.ways = new Map(Object.entries(store.encapsulations.value.accepted?.entries ?? {}));
    this.datapath = new Datapath(bridge, {
      clock: parts.clock,
      onState: () => parts.onChange(),
      onError: (error) => log('error', `datapath: ${error.message}`),
    });
    this.peers = new TunnelPeers({
      bridge,
      onError: (error) => log('warn', `tunnel peer: ${HeddleError.from(error).message}`),
    });
    this.announcer = new Announcer({
      bridge,
      onError: (error) => log('warn', `announcement: ${HeddleError.from(error).message}`),
    });
    this.traffic = new TrafficSampler(bridge, () => this.enforced, parts.clock);
    this.sightings = new Sightings(bridge, (port) => this.portName(port), parts.clock);
  }

  get policy(): PolicyView {
    return this.view;
  }

  /** Every endpoint of the cluster. */
  get endpoints(): ReadonlyMap<string, DistributedEndpoint> {
    return this.everywhere;
  }

  /** How EPGs attach, by path. */
  get encapsulations(): ReadonlyMap<string, DistributedEncapsulation> {
    return this.ways;
  }

  /** What is attached to the bridge of this host. */
  get ports(): BridgePorts {
    return this.attachedPorts;
  }

  /** Position of the policy whose flows are on the switch; 0 while that is in doubt. */
  get policyPosition(): number {
    const { problem, policyPosition } = this.datapath.current;
    return problem === undefined ? policyPosition : 0;
  }

  /** Ids of the endpoints that have their flows. */
  get enforced(): Iterable<string> {
    return this.datapath.current.inForce.keys();
  }

  /** What endpoints have sent and received, if it was read since this was last asked for. */
  takeTraffic(): TrafficById | undefined {
    return this.traffic.take();
  }

  /** Addresses that were claimed where their endpoints are not, since this was last asked for. */
  takeSightings(): readonly Sighting[] {
    return this.sightings.take();
  }

  get flows(): number {
    return this.datapath.current.flows;
  }

  get problem(): string | undefined {
    const missing = this.missing;
    if (missing === undefined) return this.datapath.current.problem;
    return `no ${missing} was accepted yet: nothing can be attached, and what runs keeps the flows that it has`;
  }

  acceptPolicy(accepted: Accepted<ResolvedEntry>): void {
    const { policy } = this.parts.store;
    this.view = new PolicyView(accepted.entries);
    policy.set({ accepted, highestClassId: Math.max(policy.value.highestClassId, this.view.highestClassId) });
    this.recompute();
  }

  acceptEndpoints(accepted: Accepted<DistributedEndpoint>): void {
    this.everywhere = new Map(Object.entries(accepted.entries));
    this.parts.store.endpoints.set({ accepted });
    this.recompute();
  }

  acceptEncapsulations(accepted: Accepted<DistributedEncapsulation>): void {
    this.ways = new Map(Object.entries(accepted.entries));
    this.parts.store.encapsulations.set({ accepted });
    this.recompute();
  }

  setPorts(states: readonly PortState[]): void {
    const ports = readPorts(states);
    // Carriers come and go as interfaces are moved into containers; that changes nothing here.
    if (this.portsKnown && JSON.stringify(ports) === JSON.stringify(this.attachedPorts)) return;
    this.portsKnown = true;
    this.attachedPorts = ports;
    this.recompute();
    this.parts.onChange();
  }

  /**
   * Resolves when the endpoint's own flows, and with them its policy, are on the switch; at once for one without a port there.
   * @throws HeddleError `unavailable` when its EPG is not resolved here; `deadline`
   */
  async attached({ ofport, ...facts }: AttachedEndpoint & { readonly ofport?: number }): Promise<void> {
    if (!this.view.classOf(facts.epg))
      throw new HeddleError('unavailable', `the EPG ${facts.epg} is not resolved on this host`);
    if (ofport === undefined) return;
    const endpoint: PortEndpoint = { ...facts, ofport };
    // The database's own notice of the port may come later than this call.
    if (!this.ports.endpoints.some((e) => e.endpointId === endpoint.endpointId)) {
      this.attachedPorts = { ...this.ports, endpoints: [...this.ports.endpoints, endpoint] };
      this.recompute();
    }
    const name = endpointName(this.parts.host, endpoint);
    await this.datapath.whenState(
      ({ problem, inForce }) => problem === undefined && inForce.get(name) === endpoint.ofport,
      `the flows of ${name} could not be brought into force`,
      IN_FORCE_DEADLINE_MS,
    );
  }

  /** Something of an allocation changed that flows are made from. */
  recompute(): void {
    if (this.missing !== undefined || !this.portsKnown) return;
    const { store, sides } = this.parts;
    const { policy, encapsulations } = store;
    const { tunnel, hostLink } = this.ports;
    const { local, remote } = sides({ ports: this.ports, endpoints: this.everywhere, encapsulations: this.ways });
    this.datapath.update({
      policyPosition: Math.min(positionOf(policy.value), positionOf(encapsulations.value)),
      resolved: this.view.entries,
      local,
      remote,
      ports: { tunnel, hostLink },
    });
    this.peers.update(new Set(remote.map((e) => e.underlay)), tunnel);
    this.announcer.update(local, remote, (epg) => this.view.classOf(epg)?.bridgeDomain);
  }

  /** Reads back what is on the switch and puts right what somebody else changed; greets the tunnel's other ends anew. */
  refresh(): void {
    this.datapath.resynchronise();
    this.peers.refresh();
  }

  /** Stops steering; the flows stay. */
  async close(): Promise<void> {
    this.peers.close();
    this.traffic.close();
    this.sightings.close();
    await this.datapath.close();
  }

  private portName(port: number): string | undefined {
    return Object.entries(this.ports.numbers).find(([, number]) => number === port)?.[0];
  }

  private get missing(): string | undefined {
    const { policy, endpoints, encapsulations } = this.parts.store;
    if (!policy.value.accepted) return 'policy';
    if (!endpoints.value.accepted) return 'map of endpoints';
    return encapsulations.value.accepted ? undefined : 'list of how EPGs attach';
  }
}

const positionOf = ({ accepted }: { accepted?: { watermark: Watermark } }): number => accepted?.watermark.position ?? 0;
