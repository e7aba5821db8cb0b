import type { Change, LoggedChange } from './change';
import type { Problem } from './error';
import type { Attachment, DomainSpec, FabricSpec, HeddleObject, HostSpec } from './kinds';
import type { UplinkProblems } from './offers';
import type { AllocationStatus, DistributedEndpoint, EndpointKind, ResolvedRule } from './resolved';

/**
 * The catalogue of requests between the services, and between services and agents. `SERVICE.METHOD` is carried on the
 * subject `heddle.rpc.SERVICE.METHOD`; `agent.METHOD` on `heddle.agent.HOST.METHOD`.
 */
export interface Rpc {
  // ---- gateway: the coordinator of changes -------------------------------------------------------------------------

  /** Asks for a change on behalf of a host that joins or of another service. */
  'gateway.admit': { request: ChangeRequest; response: AdmitResult };

  // ---- what every owner of objects answers -------------------------------------------------------------------------

  /** Checks a change against what only the owner knows. The owner first reaches `basePosition`. */
  'policy.check': { request: CheckRequest; response: CheckResult };
  'inventory.check': { request: CheckRequest; response: CheckResult };
  'scheduler.check': { request: CheckRequest; response: CheckResult };

  // ---- policy ------------------------------------------------------------------------------------------------------

  /** What would open and close if this change were accepted. Writes nothing. */
  'policy.preview': { request: CheckRequest; response: PolicyPreview };
  /** May a connection be opened? By the policy in force at the service. */
  'policy.verdict': { request: VerdictRequest[]; response: VerdictResult[] };
  /** Rules that agents enforce, with the cookies of their flows; answered by the holder of the lease, who gives the numbers. */
  'policy.rules': { request: RulesRequest; response: RuleList };
  'policy.status': { request: Record<string, never>; response: PolicyStatus };

  // ---- inventory ---------------------------------------------------------------------------------------------------

  /** An agent introduces itself after start and after every reconnect. */
  'inventory.register': { request: HostRegistration; response: RegistrationResult };
  /** Every two seconds. */
  'inventory.heartbeat': { request: HostHeartbeat; response: HeartbeatResult };
  /** Everything that is attached and allocated on a host; replaces the host's previous report. */
  'inventory.report': { request: HostReport; response: { accepted: boolean } };
  /**
   * What happened on a host, for the stream of events: to the host itself or to an allocation. Whatever a fact says, it is
   * by the host; one about an allocation that only other hosts report is left out.
   */
  'inventory.events': { request: { host: string; events: readonly EventFact[] }; response: { accepted: number } };
  /**
   * An address block for a bridge domain. `have` are the blocks that the host knows of: one that was granted without its
   * hearing of it is answered again, so the request may be repeated.
   */
  'inventory.leaseBlock': {
    request: { host: string; bridgeDomain: string; have: readonly string[] };
    response: { block: string };
  };
  'inventory.hosts': { request: Record<string, never>; response: HostView[] };
  'inventory.endpoints': { request: { tenant?: string }; response: EndpointView[] };
  /** Who offers the Domains, and which EPGs have their VLANs. */
  'inventory.domains': { request: Record<string, never>; response: DomainView[] };
  'inventory.fabrics': { request: Record<string, never>; response: FabricView[] };
  'inventory.status': { request: Record<string, never>; response: { position: number; hosts: number; lost: number } };

  // ---- scheduler ---------------------------------------------------------------------------------------------------

  'scheduler.allocations': { request: { tenant?: string }; response: HeddleObject<'Allocation'>[] };
  /** Which containers a change would start, stop or move. Writes nothing. */
  'scheduler.preview': { request: CheckRequest; response: SchedulePreview };
  /** How far each service is from what is wanted. */
  'scheduler.services': { request: { tenant?: string }; response: ServiceView[] };
  'scheduler.status': { request: Record<string, never>; response: { position: number; pending: number } };

  // ---- fabric: answered by the holder of the lease, who talks to the controllers ------------------------------------

  /** What would be sent to the controllers of a Fabric, by a reading of now. Changes nothing. */
  'fabric.plan': { request: { fabric: string }; response: FabricPlan };
  /** What is in force, of one Fabric or of all. */
  'fabric.status': { request: { fabric?: string }; response: FabricStatus[] };
  /** Lets happen what waits for a person. `digest` is that of the plan that the person saw; another plan refuses it. */
  'fabric.confirm': { request: { fabric: string; digest: string }; response: FabricStatus };

  // ---- agent -------------------------------------------------------------------------------------------------------

  /** Opens real connections from inside one container's network namespace. */
  'agent.probe': {
    request: { allocation: string; targets: ProbeTarget[]; timeoutMs: number };
    response: ProbeObservation[];
  };
  /** Lines of a container's output; a stream of {@link LogLine}. */
  'agent.logs': { request: { allocation: string; follow: boolean; tail?: number }; response: LogLine };
}
export type RpcMethod = keyof Rpc;
export type RpcRequest<M extends RpcMethod> = Rpc[M]['request'];
export type RpcResponse<M extends RpcMethod> = Rpc[M]['response'];

/** What a client asks the coordinator to change; all of it or nothing. */
export interface ChangeRequest {
  readonly verb: string;
  readonly summary?: string;
  readonly puts: readonly HeddleObject[];
  /** Keys such as `Service/acme/shop/web`. */
  readonly deletes: readonly string[];
  /** Key to the revision the caller read; a mismatch refuses the whole change (If-Match). 0 means "must not exist". */
  readonly expectedRevisions?: Readonly<Record<string, number>>;
  /** Chosen by the client so that a repeated request is recognised. */
  readonly changeId?: string;
}

export interface AdmitResult {
  /** Position of the change in the log; the current position when nothing had to change. */
  readonly position: number;
  /** Absent when the request changed nothing. */
  readonly change?: LoggedChange;
}

export interface CheckRequest {
  readonly basePosition: number;
  readonly change: Change;
}
export interface CheckResult {
  readonly problems: readonly Problem[];
}

/** One line of what opens or closes, at the level of EPGs. */
export interface PathChange {
  readonly source: string;
  readonly destination: string;
  /** `tcp 8080`, `icmp`, `any`. */
  readonly traffic: string;
  readonly origin: string;
}
export interface PolicyPreview {
  readonly opened: readonly PathChange[];
  readonly closed: readonly PathChange[];
}

export interface VerdictRequest {
  /** EPG paths. */
  readonly source: string;
  readonly destination: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
}
export interface VerdictResult {
  readonly action: 'permit' | 'deny';
  readonly rule?: ResolvedRule;
  readonly reason: string;
}
/** Which rules; each field limits them further. */
export interface RulesRequest {
  readonly tenant?: string;
  /** Path of a contract. */
  readonly contract?: string;
  /** Of a flow, as it is shown on a switch: 0x4845abcdef012345. */
  readonly cookie?: string;
}
export interface RuleList {
  readonly items: readonly RuleView[];
  /** How many there are, when the answer has not all of them. */
  readonly total: number;
}
/** A {@link ResolvedRule} as people are shown it. */
export interface RuleView {
  readonly id: string;
  /** What its flows carry: 0x4845abcdef012345. */
  readonly cookie: string;
  readonly origin: string;
  readonly vrf: string;
  /** EPG paths; `*` is every EPG of the VRF. */
  readonly source: string;
  readonly destination: string;
  /** `tcp 8080`, `icmp`, `any`. */
  readonly traffic: string;
  readonly action: 'permit' | 'deny';
  readonly priority: number;
}
export interface PolicyStatus {
  readonly position: number;
  readonly rules: number;
  readonly classes: number;
}

/** Which state of the cluster somebody has seen: positions compare only within one incarnation of one cluster. */
export interface Watermark {
  readonly clusterUid: string;
  readonly incarnation: number;
  readonly position: number;
}

export interface HostRegistration {
  readonly host: string;
  /** Names this run of the agent: what an earlier run sent, and arrives late, is not taken for what this one says. */
  readonly agentEpoch: string;
  readonly spec: HostSpec;
  readonly labels: Readonly<Record<string, string>>;
  /** What the agent has accepted so far; absent on a new host. */
  readonly seen?: Watermark;
  /** Highest class id the agent has ever enforced: numbering resumes above it. */
  readonly highestClassId: number;
  /** Address blocks that the host gives addresses from; a restored store may not know of all of them. */
  readonly blocks: readonly HostBlock[];
  readonly engineVersion: string;
  readonly agentVersion: string;
}
/** A block of addresses that a host holds. */
export interface HostBlock {
  /** Path of the bridge domain. */
  readonly bridgeDomain: string;
  /** For example 10.32.0.64/26. */
  readonly block: string;
}
export interface RegistrationResult {
  readonly cluster: Watermark;
  /** Blocks that this host holds. */
  readonly blocks: readonly HostBlock[];
}

export interface HostHeartbeat {
  readonly host: string;
  /** As in {@link HostRegistration}; of another run than the last that registered, it is not taken. */
  readonly agentEpoch: string;
  /** Position of the policy whose flows are on the switch. */
  readonly policyPosition: number;
  /** Position of the last accepted set of allocations. */
  readonly workloadPosition: number;
  /** As in {@link HostRegistration}. */
  readonly highestClassId: number;
  /** What keeps the host from being in order, one sentence each. */
  readonly problems: readonly string[];
  /** Why uplinks cannot be used, by their names; absent when all can, as far as the host knows. */
  readonly uplinkProblems?: UplinkProblems;
  readonly usage: { readonly containers: number; readonly endpoints: number; readonly flows: number };
  /** Position of the encapsulations in force; absent from an earlier agent. VLANs that were released after it are not given. */
  readonly encapsulationPosition?: number;
  /** By id of the endpoint; absent while unknown. Of a leaf: those behind its ports. */
  readonly traffic?: Readonly<Record<string, Traffic>>;
  /** What was seen of addresses in the wrong place, since the last heartbeat. */
  readonly sightings?: readonly Sighting[];
  /** Packets that the switch dropped, by reason, since it has its flows; absent while that is unknown. */
  readonly drops?: Readonly<Record<string, number>>;
}
/** Somebody claimed an address of an endpoint at a place where that endpoint is not. */
export interface Sighting {
  readonly mac: string;
  readonly address: string;
  /** Port of the switch that it came in at. */
  readonly port: string;
  readonly vlan?: number;
  /** ISO 8601. */
  readonly at: string;
}
export interface HeartbeatResult {
  /** false: the inventory does not know this run of the agent; it registers again. */
  readonly known: boolean;
}

export interface HostReport {
  readonly host: string;
  /** As in {@link HostHeartbeat}. */
  readonly agentEpoch: string;
  /** Grows with every report of one agent; an older one is ignored. */
  readonly sequence: number;
  readonly endpoints: readonly EndpointReport[];
  readonly allocations: readonly AllocationStatus[];
}
/** How a host has attached an endpoint. */
export type ReportedAttachment =
  /** A port of its bridge; `vlan` is the one that its frames have on the uplink, with encapsulation vlan. */
  | { readonly driver: 'ovs'; readonly port: string; readonly interfaceId?: string; readonly vlan?: number }
  /** A child of an uplink; `mode` is the one that the kernel has, `vlan` the one on the wire or of the access port. */
  | {
      readonly driver: 'macvlan';
      readonly port: string;
      readonly uplink: string;
      readonly mode: 'bridge' | 'private' | 'vepa';
      readonly vlan?: number;
    };

/**
 * An endpoint as its own host sees it. Of a port with an interface id that none of our drivers made, a virtual machine, a host
 * need not know more than that it is there: `epg` is then empty and `addresses` may be. Which one it is, and what it may send,
 * the inventory takes from the Endpoint object with this interface id and from nothing else.
 */
export interface EndpointReport extends Omit<DistributedEndpoint, 'underlay' | 'fabric' | 'interfaceId'> {
  readonly attachment: ReportedAttachment;
  readonly allocation?: string;
  /** ISO 8601. */
  readonly since: string;
}

/** Packets and bytes of an endpoint since it was attached. */
export interface Traffic {
  readonly sent: { readonly packets: number; readonly bytes: number };
  readonly received: { readonly packets: number; readonly bytes: number };
}

/** An endpoint as people are shown it, whatever its kind. */
export interface EndpointView extends Omit<DistributedEndpoint, 'underlay' | 'epg' | 'host'> {
  readonly kind: EndpointKind;
  /** Absent while nothing binds it to one. */
  readonly epg?: string;
  /** Absent while it is nowhere. */
  readonly host?: string;
  readonly underlay?: string;
  readonly attachment: ReportedAttachment | Attachment;
  readonly allocation?: string;
  /** ISO 8601, since when it is where it is; absent while it is nowhere. */
  readonly since?: string;
  readonly traffic?: Traffic;
  /** What is wrong with it: nowhere, bound to nothing, an address that another one has, too. */
  readonly problems: readonly string[];
}

export type HostState = 'ready' | 'suspect' | 'lost';
export interface HostView {
  readonly name: string;
  readonly spec: HostSpec;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the Domains that it offers, sorted. */
  readonly domains: readonly string[];
  /** Why it does not offer the others, by their names: a sentence that goes on after the host's name. */
  readonly domainProblems?: Readonly<Record<string, string>>;
  readonly state: HostState;
  /** ISO 8601, since when it is in this state. */
  readonly since: string;
  readonly reason: string;
  readonly policyPosition: number;
  readonly workloadPosition: number;
  readonly problems: readonly string[];
  readonly usage: HostHeartbeat['usage'];
  /** Not distributed: it changes all the time. */
  readonly drops?: HostHeartbeat['drops'];
  readonly agentVersion: string;
  /** The highest class id that the host has ever enforced. */
  readonly highestClassId: number;
}

/** VLANs of a pool by what has become of them; those neither used, resting nor free are bound at ports of leaves. */
export interface VlanCounts {
  /** How many the pool has. */
  readonly size: number;
  readonly used: number;
  /** Given back by an EPG, and not free while a host may hold them. */
  readonly resting: number;
  readonly free: number;
}

export interface DomainView {
  readonly name: string;
  readonly fabric?: string;
  /** Names of the hosts that offer it, sorted. */
  readonly hosts: readonly string[];
  /** Why the others do not, sorted by their names: a sentence that goes on after the host's name. Leaves are not in it. */
  readonly refused: readonly { readonly host: string; readonly reason: string }[];
  /** Of a Domain with a VLAN pool. */
  readonly vlans?: VlanCounts;
  /** Its VLANs that EPGs have, and with `waitsFor` those that rest until these have let go of them: hosts, and `Fabric NAME`. */
  readonly given?: readonly { readonly vlan: number; readonly epg: string; readonly waitsFor?: readonly string[] }[];
  /** EPGs that got no VLAN, one sentence each. */
  readonly problems: readonly string[];
}

export interface FabricView {
  readonly name: string;
  /** Names, sorted. */
  readonly domains: readonly string[];
  /** The leaves that hosts are cabled to for one of its Domains, sorted. */
  readonly leaves: readonly string[];
  /** Of all its Domains. */
  readonly vlans: VlanCounts;
}

export interface PreviewedStart {
  readonly service: string;
  /** Absent when no host takes it; the reason says why. */
  readonly host?: string;
  readonly reason: string;
  /**
   * Path of the allocation whose place it takes, one of those that stop: a move when that is on another host, otherwise a
   * replacement.
   */
  readonly replaces?: string;
}
export interface PreviewedStop {
  readonly service: string;
  /** Path. */
  readonly allocation: string;
  readonly host: string;
  readonly reason: string;
}
/** What a change starts and stops until it has settled, in the order of the services' paths. */
export interface SchedulePreview {
  readonly start: readonly PreviewedStart[];
  readonly stop: readonly PreviewedStop[];
}

export interface ServiceView {
  /** tenant/application/name */
  readonly service: string;
  /** It was deleted, and instances of it have not stopped yet. */
  readonly deleted?: true;
  /** Path of the EPG of its instances. */
  readonly epg?: string;
  readonly replicas: number;
  readonly running: number;
  readonly healthy: number;
  /** Instances of the current template. */
  readonly current: number;
  /** Settled: nothing is left to start, stop or replace. */
  readonly settled: boolean;
  /** Why it is not settled, for people: refused placements with their reasons, failing instances. */
  readonly reasons: readonly string[];
}

/** An object of a controller that a plan creates, modifies or deletes. */
export interface FabricChange {
  readonly action: 'create' | 'modify' | 'delete';
  /** Distinguished name. */
  readonly dn: string;
  readonly class: string;
  /** What is set, by attribute, and what is there instead of it. Absent of a deletion. */
  readonly attributes?: Readonly<Record<string, { readonly from?: string; readonly to: string }>>;
}
/** What was left alone, and why. */
export interface FabricConflict {
  readonly dn: string;
  readonly class: string;
  readonly message: string;
}
/** What is not done before a person confirms it. */
export interface FabricWaiting {
  /** Stands for exactly this; anything else that is to wait has another one. */
  readonly digest: string;
  readonly reason: string;
  /** How many objects would be deleted. */
  readonly deletions: number;
}
export interface FabricPlan {
  readonly fabric: string;
  readonly driver: FabricSpec['driver'];
  /** Position of the log that it was worked out from. */
  readonly position: number;
  /** In the order in which they would be sent, at most 1000; those that wait are among them. */
  readonly changes: readonly FabricChange[];
  readonly totals: { readonly create: number; readonly modify: number; readonly delete: number };
  readonly conflicts: readonly FabricConflict[];
  readonly waiting?: FabricWaiting;
  readonly problems: readonly string[];
}

/**
 * `in-force`: everything that is wanted is there, and nothing else of ours. `changing`: not yet, or not all of it could be read
 * or sent. `waiting`: what is left is for a person, to confirm it or to resolve a conflict. `refused`: the controllers were last
 * written by another cluster, or from a later state of this one; nothing is changed. `unreachable`: nobody answers.
 */
export type FabricState = 'in-force' | 'changing' | 'waiting' | 'refused' | 'unreachable';

/** How far the controllers of a Fabric are. Of Fabrics whose leaves are hosts of Heddle, the hosts say it. */
export interface DistributedFabric {
  readonly fabric: string;
  /** The latest position of the log of which objects and VLANs are in force there, and nothing else of ours. */
  readonly inForce: number;
}

/** A leaf that Heddle programs. */
export interface FabricLeaf {
  readonly name: string;
  readonly state: HostState;
  readonly policyPosition: number;
  readonly inForce: boolean;
}
export interface FabricStatus {
  readonly fabric: string;
  readonly driver: FabricSpec['driver'];
  readonly state: FabricState;
  /** ISO 8601, since when it is in this state. */
  readonly since: string;
  /** Position of the log that the state is about. */
  readonly position: number;
  /** What is not as it should be: objects of a controller, or leaves. */
  readonly missing: number;
  /** Of driver apic: the controller that answered last. */
  readonly controller?: string;
  /** Of driver apic, ISO 8601: when everything was last read and compared. */
  readonly lastSync?: string;
  /** Of driver apic: how many objects of ours are there. */
  readonly objects?: number;
  /** Of driver ovs-leaf. */
  readonly leaves?: readonly FabricLeaf[];
  readonly conflicts: readonly FabricConflict[];
  readonly waiting?: FabricWaiting;
  readonly problems: readonly string[];
}

export interface ProbeTarget {
  readonly address: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}
export interface ProbeObservation extends ProbeTarget {
  /**
   * `open`: answered or refused by the target itself, so packets went both ways; `closed`: nothing came back;
   * `error`: the probe could not be made.
   */
  readonly outcome: 'open' | 'closed' | 'error';
  readonly detail?: string;
  readonly milliseconds: number;
}

export interface LogLine {
  readonly stream: 'stdout' | 'stderr';
  readonly line: string;
}

/** The topics on which state is distributed: what is in each, by which key, and which service writes it. */
export const TOPICS = {
  /** {@link ResolvedEntry} by `resolvedKey`; written by policy. */
  policy: 'policy',
  /** {@link DistributedEndpoint} by `HOST/ID`; written by inventory. */
  endpoints: 'endpoints',
  /** {@link DistributedEncapsulation} by the path of the EPG; written by inventory. */
  encapsulations: 'encapsulations',
  /** {@link HostView} by name; written by inventory. */
  hosts: 'hosts',
  /** {@link DistributedFabric} by name; written by fabric. */
  fabrics: 'fabrics',
  /**
   * {@link AllocationStatus} by `HOST/PATH`; written by inventory. Hosts report any path: of an allocation only the status by
   * the host that it is on counts.
   */
  allocationStatus: 'allocation-status',
  /** `HeddleObject<'Allocation'>` by path, one topic for each host; written by scheduler. */
  allocations: (host: string): string => `allocations.${host}`,
} as const;

/** A fact that happened, as it is kept in the stream of events. */
export interface EventFact {
  /** ISO 8601. */
  readonly at: string;
  readonly kind: string;
  readonly tenant: string;
  /** Path of the object below the tenant, for example `shop/web`. */
  readonly name: string;
  /** What happened, one word: created, started, exited, lost, refused, opened. */
  readonly what: string;
  readonly message: string;
  readonly by?: string;
  readonly position?: number;
}

export type { DomainSpec };
