import type { Clock } from '@heddle/host';
import { HeddleError, type DistributedEndpoint, type HeddleObject, type ResolvedEntry } from '@heddle/model';
import type { PortState, Switch } from '@heddle/ovs';
import { Datapath } from '../datapath/datapath';
import { endpointName } from '../datapath/port-ids';
import { TunnelPeers } from '../datapath/tunnel-peers';
import type { AttachedEndpoint } from '../link/protocol';
import type { Accepted, AgentStore } from '../store';
import { localEndpoint, readPorts, type BridgePorts, type PortEndpoint } from './local-endpoints';
import { PolicyView } from './policy-view';

/** How long a start waits for the flows of its endpoint to be on the switch. */
const IN_FORCE_DEADLINE_MS = 7_000;

export interface EnforcementParts {
  readonly host: string;
  readonly store: AgentStore;
  readonly bridge: Switch;
  readonly clock: Clock;
  readonly allocation: (path: string) => HeddleObject<'Allocation'> | undefined;
  readonly log: (level: 'warn' | 'error', message: string) => void;
  /** What is attached here, or what is on the switch, changed. */
  readonly onChange: () => void;
}

/**
 * Brings the policy and the map of endpoints together with what is attached to the bridge, and keeps the flows as these ask.
 * Begins with what was last accepted. Until there is a policy and a map the flows stay as an earlier run left them: an agent
 * that lost its memory must not cut what runs.
 */
export class Enforcement {
  private readonly datapath: Datapath;
  private readonly peers: TunnelPeers;
  private view: PolicyView;
  private remote: ReadonlyMap<string, DistributedEndpoint>;
  private attachedPorts: BridgePorts = { endpoints: [] };

  constructor(private readonly parts: EnforcementParts) {
    const { store, bridge, log } = parts;
    this.view = new PolicyView(store.policy.value.accepted?.entries);
    this.remote = new Map(Object.entries(store.endpoints.value.accepted?.entries ?? {}));
    this.datapath = new Datapath(bridge, {
      host: parts.host,
      clock: parts.clock,
      onState: () => parts.onChange(),
      onError: (error) => log('error', `datapath: ${error.message}`),
    });
    this.peers = new TunnelPeers({
      bridge,
      onError: (error) => log('warn', `tunnel peer: ${HeddleError.from(error).message}`),
    });
  }

  get policy(): PolicyView {
    return this.view;
  }

  /** Every endpoint of the cluster, by id. */
  get endpoints(): ReadonlyMap<string, DistributedEndpoint> {
    return this.remote;
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
    this.remote = new Map(Object.entries(accepted.entries));
    this.parts.store.endpoints.set({ accepted });
    this.recompute();
  }

  setPorts(states: readonly PortState[]): void {
    const ports = readPorts(states);
    // Carriers come and go as interfaces are moved into containers; that changes nothing here.
    if (JSON.stringify(ports) === JSON.stringify(this.attachedPorts)) return;
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
    if (this.missing !== undefined) return;
    const { host, store, allocation } = this.parts;
    const { endpoints, tunnel, hostLink } = this.ports;
    this.datapath.update({
      policyPosition: store.policy.value.accepted?.watermark.position ?? 0,
      resolved: this.view.entries,
      endpoints: this.remote,
      local: endpoints.map((e) =>
        localEndpoint(host, e, e.allocation === undefined ? undefined : allocation(e.allocation)),
      ),
      ports: { tunnel, hostLink },
    });
    const remote = [...this.remote.values()].filter((e) => e.host !== host);
    this.peers.update(new Set(remote.map((e) => e.underlay)), tunnel);
  }

  /** Reads back what is on the switch and puts right what somebody else changed; greets the tunnel's other ends anew. */
  refresh(): void {
    this.datapath.resynchronise();
    this.peers.refresh();
  }

  /** Stops steering; the flows stay. */
  async close(): Promise<void> {
    this.peers.close();
    await this.datapath.close();
  }

  private get missing(): string | undefined {
    const { policy, endpoints } = this.parts.store;
    if (!policy.value.accepted) return 'policy';
    return endpoints.value.accepted ? undefined : 'map of endpoints';
  }
}
