import {
  IPV4_ONLY,
  isIpv4,
  offeredDomains,
  refusedDomains,
  type AllocationStatus,
  type EndpointView,
  type HeddleObject,
  type HostHeartbeat,
  type HostRegistration,
  type HostReport,
  type HostState,
  type HostView,
  type Traffic,
  type UplinkProblems,
} from '@heddle/model';
import { hostLiveness, type HostLiveness, type LivenessOptions } from '@heddle/rollout';
import type { InventoryObjects } from './objects';

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
  /** As its switch counted it last. */
  traffic?: NonNullable<HostHeartbeat['traffic']>;
  /** Why what the host last said of itself was not taken. */
  refusal?: string;
}

/**
 * What the inventory has heard from the hosts. Host objects (what people and registrations say) come from outside; this adds
 * what is observed, and derives the views that everybody else follows.
 */
export class Registry {
  private readonly known = new Map<string, Known>();
  private liveness: ReadonlyMap<string, HostLiveness> = new Map();
  private readonly offers = new Map<string, { readonly from: readonly unknown[]; readonly offers: Offers }>();

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
    // It is read less often than hosts are heard.
    if (heartbeat.traffic) known.traffic = heartbeat.traffic;
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
    this.offers.delete(host);
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

  /** What a host said of itself when it registered was refused, and it goes on as it was; undefined: it was taken. */
  refused(host: string, why: string | undefined): void {
    const known = this.known.get(host);
    if (known) known.refusal = why;
  }

  /** Hosts as others are told of them. `problems` are those that are found elsewhere, by host. */
  views(
    objects: Pick<InventoryObjects, 'hosts' | 'domainSpecs' | 'cabling'>,
    problems: readonly ReadonlyMap<string, readonly string[]>[],
  ): Map<string, HostView> {
    return new Map(
      [...objects.hosts].map(([name, object]) => {
        const known = this.known.get(name);
        const offers = this.offersOf(object, objects, known?.heartbeat?.uplinkProblems);
        const view = viewOf(object, offers, known, this.liveness.get(name));
        return [name, { ...view, problems: [...view.problems, ...problems.flatMap((found) => found.get(name) ?? [])] }];
      }),
    );
  }

  /** Asked for with every heartbeat, and the same until a host, a Domain, a Fabric or an uplink changes. */
  private offersOf(
    { metadata, spec }: HeddleObject<'Host'>,
    { domainSpecs, cabling }: Pick<InventoryObjects, 'domainSpecs' | 'cabling'>,
    uplinkProblems: UplinkProblems | undefined,
  ): Offers {
    const from = [spec, domainSpecs, cabling, JSON.stringify(uplinkProblems)];
    const known = this.offers.get(metadata.name);
    if (known?.from.every((value, i) => value === from[i])) return known.offers;
    const offers = {
      domains: offeredDomains(spec, domainSpecs, cabling, uplinkProblems),
      domainProblems: refusedDomains(spec, domainSpecs, cabling, uplinkProblems),
    };
    this.offers.set(metadata.name, { from, offers });
    return offers;
  }

  /**
   * The statuses of allocations by `HOST/PATH`. What a host reports is under the host's name, so that one which reports
   * something of another host's hides nothing.
   */
  statuses(objects: ReadonlyMap<string, HeddleObject<'Host'>>): Map<string, AllocationStatus> {
    const statuses = new Map<string, AllocationStatus>();
    for (const name of objects.keys()) {
      const { report } = this.known.get(name) ?? {};
      for (const status of report?.allocations ?? []) statuses.set(`${name}/${status.allocation}`, status);
    }
    return statuses;
  }

  /** What each host reported last, without those endpoints that nobody could make flows for. */
  reports(): Map<string, HostReport> {
    return new Map([...this.known].flatMap(([host, { report }]) => (report ? [[host, report]] : [])));
  }

  states(): Map<string, HostState> {
    return new Map([...this.liveness].map(([host, { state }]) => [host, stateOf(state)]));
  }

  encapsulationPosition(host: string): number | undefined {
    return this.known.get(host)?.heartbeat?.encapsulationPosition;
  }

  /** Positions of the encapsulations that hosts have in force, as far as they have said since this registry began. */
  encapsulationPositions(): Map<string, number> {
    return new Map(
      [...this.known].flatMap(([host, { heartbeat }]) =>
        heartbeat?.encapsulationPosition === undefined ? [] : [[host, heartbeat.encapsulationPosition]],
      ),
    );
  }

  /** What an endpoint sent and received, as its own host counts it, or the leaf that it is behind. */
  trafficOf({ id, host, fabric }: EndpointView): Traffic | undefined {
    for (const counter of [host, fabric?.leaf]) {
      const { traffic } = this.known.get(counter ?? '') ?? {};
      if (traffic && Object.hasOwn(traffic, id)) return traffic[id];
    }
    return undefined;
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
  const isBad = ({ addresses, attachment }: HostReport['endpoints'][number]): boolean =>
    // Of a port with an interface id the addresses are in its object.
    !(attachment.driver === 'ovs' && attachment.interfaceId !== undefined) && !addresses.every(isIpv4);
  const bad = report.endpoints.filter(isBad);
  if (bad.length === 0) return { report, leftOut: [] };
  const leftOut = bad.slice(0, NAMED).map(({ id, addresses }) => {
    const found = addresses.find((address) => !isIpv4(address));
    return `endpoint ${id} is left out, so no other host reaches it: found ${found}; allowed is ${IPV4_ONLY}`;
  });
  if (bad.length > NAMED) leftOut.push(`${bad.length - NAMED} more endpoints are left out for such an address`);
  return { report: { ...report, endpoints: report.endpoints.filter((e) => !isBad(e)) }, leftOut };
}

type Offers = Pick<HostView, 'domains' | 'domainProblems'>;

function viewOf(
  object: HeddleObject<'Host'>,
  offers: Offers,
  known: Known | undefined,
  liveness: HostLiveness | undefined,
): HostView {
  const { heartbeat, registered, refusal } = known ?? {};
  return {
    name: object.metadata.name,
    spec: object.spec,
    labels: object.metadata.labels,
    ...offers,
    state: stateOf(liveness?.state),
    since: new Date(liveness?.since ?? 0).toISOString(),
    reason: liveness?.reason ?? 'not judged yet',
    policyPosition: heartbeat?.policyPosition ?? 0,
    workloadPosition: heartbeat?.workloadPosition ?? 0,
    problems: [
      ...(heartbeat?.problems ?? []),
      ...(known?.leftOut ?? []),
      ...underlayProblem(object),
      ...(refusal === undefined ? [] : [`what it says of itself was refused, and it goes on as it was: ${refusal}`]),
    ],
    usage: heartbeat?.usage ?? { containers: 0, endpoints: 0, flows: 0 },
    ...(heartbeat?.drops === undefined ? {} : { drops: heartbeat.drops }),
    agentVersion: registered?.agentVersion ?? '',
    highestClassId: Math.max(registered?.highestClassId ?? 0, heartbeat?.highestClassId ?? 0),
  };
}

/** Whoever is not judged yet is nobody to place on, and nobody to replace. */
const stateOf = (state: HostLiveness['state'] | undefined): HostState =>
  state === 'ready' || state === 'lost' ? state : 'suspect';

/** Of a host that was accepted by an earlier version; it is refused today. */
const underlayProblem = ({ spec }: HeddleObject<'Host'>): string[] =>
  isIpv4(spec.underlay)
    ? []
    : [`no other host reaches its endpoints: found underlay ${spec.underlay}; allowed is ${IPV4_ONLY}`];
