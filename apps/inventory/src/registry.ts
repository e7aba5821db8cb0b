import {
  IPV4_ONLY,
  isIpv4,
  offeredDomains,
  type AllocationStatus,
  type DistributedEndpoint,
  type DomainSpec,
  type EndpointView,
  type HeddleObject,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type HostView,
} from '@heddle/model';
import { hostLiveness, type HostLiveness, type LivenessOptions } from '@heddle/rollout';

/** What an agent said of itself when it registered; kept in the store. */
export interface RegisteredHost {
  readonly host: string;
  /** Absent in a record of before epochs were kept; every run of the agent is then taken for the one that registered. */
  readonly agentEpoch?: string;
  readonly agentVersion: string;
  readonly engineVersion: string;
  readonly highestClassId: number;
}

/** What is known of one host beside its object. */
interface Known {
  registered: RegisteredHost;
  /** By our own clock, ms since the epoch. */
  lastHeartbeat?: number;
  heartbeat?: HostHeartbeat;
  /** Without those endpoints that nobody could make flows for. */
  report?: HostReport;
  /** Why endpoints of the report were left out. */
  leftOut?: readonly string[];
}

/**
 * Everything derived that others follow. What a host reports is under the host's name, so that one which reports something of
 * another host's hides nothing.
 */
export interface Derived {
  readonly hosts: ReadonlyMap<string, HostView>;
  /** By `HOST/ID`. */
  readonly endpoints: ReadonlyMap<string, DistributedEndpoint>;
  /** By `HOST/PATH`. */
  readonly statuses: ReadonlyMap<string, AllocationStatus>;
}

/**
 * What the inventory has heard from the hosts. Host objects (what people and registrations say) come from outside; this adds
 * what is observed, and derives the views that everybody else follows.
 */
export class Registry {
  private readonly known = new Map<string, Known>();
  private liveness: ReadonlyMap<string, HostLiveness> = new Map();

  constructor(registered: Iterable<RegisteredHost> = [], reports: Iterable<HostReport> = []) {
    for (const host of registered) this.known.set(host.host, { registered: host });
    for (const report of reports) {
      const known = this.known.get(report.host);
      if (known) Object.assign(known, judged(report));
    }
  }

  register(registration: HostRegistration, now: number): RegisteredHost {
    const { host, agentEpoch, agentVersion, engineVersion, highestClassId } = registration;
    const registered = { host, agentEpoch, agentVersion, engineVersion, highestClassId };
    const known = this.known.get(host);
    if (known) Object.assign(known, { registered, lastHeartbeat: now });
    else this.known.set(host, { registered, lastHeartbeat: now });
    return registered;
  }

  /** @returns false when this run of the host's agent has to register first */
  heartbeat(heartbeat: HostHeartbeat, now: number): boolean {
    const known = this.ofRun(heartbeat);
    if (!known) return false;
    known.lastHeartbeat = now;
    known.heartbeat = heartbeat;
    return true;
  }

  /** @returns false for a report that is older than one that was taken already, or of a run that has to register first */
  report(report: HostReport, now: number): boolean {
    const known = this.ofRun(report);
    if (!known) return false;
    const last = known.report;
    if (last && last.agentEpoch === report.agentEpoch && last.sequence >= report.sequence) return false;
    Object.assign(known, judged(report));
    known.lastHeartbeat = now;
    return true;
  }

  /** What is known of a host, for the run of its agent that registered last. */
  private ofRun({ host, agentEpoch }: HostHeartbeat | HostReport): Known | undefined {
    const known = this.known.get(host);
    return known && (known.registered.agentEpoch ?? agentEpoch) === agentEpoch ? known : undefined;
  }

  /** An operator removed the host: what it reported is forgotten with it. */
  forget(host: string): void {
    this.known.delete(host);
  }

  hostNames(): string[] {
    return [...this.known.keys()];
  }

  /** Judges who is there. @returns names of hosts whose state changed */
  judge(
    objects: ReadonlyMap<string, HeddleObject<'Host'>>,
    now: number,
    options: LivenessOptions,
  ): { host: string; from?: string; to: string; reason: string }[] {
    const heartbeats = new Map([...objects.keys()].map((name) => [name, this.known.get(name)?.lastHeartbeat]));
    const next = hostLiveness(heartbeats, now, options, this.liveness);
    const changes = [...next].flatMap(([host, { state, reason }]) => {
      const from = this.liveness.get(host)?.state;
      return from === state ? [] : [{ host, ...(from === undefined ? {} : { from }), to: state, reason }];
    });
    this.liveness = next;
    return changes;
  }

  derive(
    objects: ReadonlyMap<string, HeddleObject<'Host'>>,
    domains: ReadonlyMap<string, DomainSpec> = new Map(),
  ): Derived {
    const hosts = new Map<string, HostView>();
    const endpoints = new Map<string, DistributedEndpoint>();
    const statuses = new Map<string, AllocationStatus>();
    for (const [name, object] of objects) {
      const known = this.known.get(name);
      const view = viewOf(name, object, offeredDomains(object.spec, domains), known, this.liveness.get(name));
      hosts.set(name, view);
      for (const status of known?.report?.allocations ?? []) statuses.set(`${name}/${status.allocation}`, status);
      // No tunnel leads there. What its endpoints have of one another they have by their own host.
      if (!isIpv4(object.spec.underlay)) continue;
      for (const { attachment: _attachment, allocation: _allocation, since: _since, ...endpoint } of known?.report
        ?.endpoints ?? []) {
        // Names do not lead to a host that is gone; its flows stay, since it may only be cut off from us.
        endpoints.set(`${name}/${endpoint.id}`, {
          ...endpoint,
          underlay: object.spec.underlay,
          healthy: endpoint.healthy && view.state !== 'lost',
        });
      }
    }
    return { hosts, endpoints, statuses };
  }

  /** Every endpoint, as people are shown it. */
  endpointViews(objects: ReadonlyMap<string, HeddleObject<'Host'>>): EndpointView[] {
    return [...objects].flatMap(([name, object]) =>
      (this.known.get(name)?.report?.endpoints ?? []).map((endpoint) => ({
        ...endpoint,
        kind: endpoint.kind ?? 'container',
        underlay: object.spec.underlay,
        problems: [],
      })),
    );
  }
}

/** How many endpoints are named in what a host is told to be out of order by. */
const NAMED = 5;

/**
 * A report without those endpoints that an agent could make no flows for: they must not reach the others. Whether the host
 * holds the block of an address is not asked: after a store was lost a host may run containers from a block of which nothing
 * is known, or which another host has by now, and these keep what they have.
 */
function judged(report: HostReport): Required<Pick<Known, 'report' | 'leftOut'>> {
  const bad = report.endpoints.filter((e) => !e.addresses.every(isIpv4));
  if (bad.length === 0) return { report, leftOut: [] };
  const leftOut = bad.slice(0, NAMED).map(({ id, addresses }) => {
    const found = addresses.find((address) => !isIpv4(address));
    return `endpoint ${id} is left out, so no other host reaches it: found ${found}; allowed is ${IPV4_ONLY}`;
  });
  if (bad.length > NAMED) leftOut.push(`${bad.length - NAMED} more endpoints are left out for such an address`);
  return { report: { ...report, endpoints: report.endpoints.filter((e) => e.addresses.every(isIpv4)) }, leftOut };
}

function viewOf(
  name: string,
  object: HeddleObject<'Host'>,
  domains: readonly string[],
  known: Known | undefined,
  liveness: HostLiveness | undefined,
): HostView {
  const { heartbeat, registered } = known ?? {};
  const state = liveness?.state;
  return {
    name,
    spec: object.spec,
    labels: object.metadata.labels,
    domains,
    state: state === 'ready' || state === 'lost' ? state : 'suspect',
    since: new Date(liveness?.since ?? 0).toISOString(),
    reason: liveness?.reason ?? 'not judged yet',
    policyPosition: heartbeat?.policyPosition ?? 0,
    workloadPosition: heartbeat?.workloadPosition ?? 0,
    problems: [...(heartbeat?.problems ?? []), ...(known?.leftOut ?? []), ...underlayProblem(object)],
    usage: heartbeat?.usage ?? { containers: 0, endpoints: 0, flows: 0 },
    ...(heartbeat?.drops === undefined ? {} : { drops: heartbeat.drops }),
    agentVersion: registered?.agentVersion ?? '',
    highestClassId: Math.max(registered?.highestClassId ?? 0, heartbeat?.highestClassId ?? 0),
  };
}

/** Of a host that was accepted by an earlier version; it is refused today. */
const underlayProblem = ({ spec }: HeddleObject<'Host'>): string[] =>
  isIpv4(spec.underlay)
    ? []
    : [`no other host reaches its endpoints: found underlay ${spec.underlay}; allowed is ${IPV4_ONLY}`];
