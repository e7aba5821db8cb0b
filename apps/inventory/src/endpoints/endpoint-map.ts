import { indexVlans, type VlanIndex, type VlanTable } from '@heddle/ipam';
import {
  endpointPath,
  isIpv4,
  writtenEndpointId,
  type Attachment,
  type DistributedEndpoint,
  type EndpointReport,
  type EndpointView,
  type HeddleObject,
  type HostReport,
  type HostState,
  type ReportedAttachment,
} from '@heddle/model';
import { segmentOf, type InventoryObjects } from '../objects';
import { findDuplicates, type Claimant, type Duplicate, type KnownDuplicates } from './duplicates';
import { leafUnderlay, reachOf, type Reach } from './fabric-place';

/** Everything that is known of where endpoints are, at one moment. */
export interface EndpointSnapshot {
  readonly objects: InventoryObjects;
  readonly vlans: VlanTable;
  /** What each host reported last, by its name. */
  readonly reports: ReadonlyMap<string, HostReport>;
  /** How hosts are, by their names. */
  readonly states: ReadonlyMap<string, HostState>;
  /** Since when servers are where they are, by path, ISO 8601. */
  readonly serversSince: ReadonlyMap<string, string>;
  readonly known: KnownDuplicates;
}

export interface KnownEndpoint {
  /** `HOST/ID`; the id alone of one that is nowhere. */
  readonly key: string;
  readonly view: EndpointView;
  /** What others are told of it; absent while it is nowhere, of no EPG, or held back. */
  readonly distributed?: DistributedEndpoint;
}

export interface EndpointMap {
  readonly endpoints: readonly KnownEndpoint[];
  readonly duplicates: readonly Duplicate[];
  /** What is wrong on a host, by its name. */
  readonly hostProblems: ReadonlyMap<string, readonly string[]>;
}

type Snapshot = Omit<EndpointSnapshot, 'vlans'> & { readonly vlans: VlanIndex };

/** A port of a host's switch with an interface id. */
interface InterfacePort {
  readonly id: string;
  readonly host: HeddleObject<'Host'>;
  readonly report: EndpointReport & { readonly attachment: Extract<ReportedAttachment, { driver: 'ovs' }> };
}

interface Found {
  readonly endpoint: KnownEndpoint;
  /** What it has that nobody else may have; nothing while it is of no EPG. */
  readonly claimant?: Claimant;
}

/** An Endpoint object with its attachment. */
interface Written<D extends Attachment['driver']> {
  readonly path: string;
  readonly object: HeddleObject<'Endpoint'>;
  readonly attachment: Extract<Attachment, { driver: D }>;
}

/** What one host's report comes to. */
interface HostPart {
  readonly containers: readonly Found[];
  readonly ports: readonly InterfacePort[];
}

/**
 * Remembers what the reports of hosts came to, so that when one host reports only its endpoints are looked at again. It changes
 * nothing but the time that it takes.
 */
export class HostParts {
  private readonly parts = new WeakMap<HostReport, { readonly from: readonly unknown[]; readonly part: HostPart }>();
  private index: { readonly of: VlanTable; readonly index: VlanIndex } | undefined;

  vlans(table: VlanTable): VlanIndex {
    if (this.index?.of !== table) this.index = { of: table, index: indexVlans(table) };
    return this.index.index;
  }

  of(snapshot: Snapshot, host: HeddleObject<'Host'>, report: HostReport): HostPart {
    const isLost = snapshot.states.get(report.host) === 'lost';
    const from = [snapshot.objects, snapshot.vlans, host, isLost];
    const known = this.parts.get(report);
    if (known?.from.every((value, i) => value === from[i])) return known.part;
    const part = hostPart(snapshot, host, report, isLost);
    this.parts.set(report, { from, part });
    return part;
  }
}

/**
 * Puts together what hosts report and what people wrote: containers are what their hosts say; a virtual machine is where its
 * interface id turned up last, a server where its object says, and what these two are and may send is in their objects only.
 *
 * Who has what another endpoint had first is held back: others are not told of it, so nothing passes from or to it but on its
 * own host. A host without an underlay that tunnels lead to is left out.
 */
export function endpointMap(given: EndpointSnapshot, parts = new HostParts()): EndpointMap {
  const snapshot: Snapshot = { ...given, vlans: parts.vlans(given.vlans) };
  const { objects, reports } = snapshot;
  const problems = new HostProblems();
  const found: Found[] = [];
  const ports = new Map<string, InterfacePort[]>();
  for (const [name, host] of objects.hosts) {
    const report = reports.get(name);
    if (!report) continue;
    const part = parts.of(snapshot, host, report);
    for (const container of part.containers) found.push(container);
    for (const port of part.ports) ports.set(port.id, [...(ports.get(port.id) ?? []), port]);
  }
  const written = new Set<string>();
  for (const [path, object] of objects.endpoints) {
    const { attachment } = object.spec;
    if (attachment?.driver === 'ovs') {
      written.add(attachment.interfaceId);
      const claimed = ports.get(attachment.interfaceId) ?? [];
      found.push(withClaims(objects, virtualMachine(snapshot, { path, object, attachment }, claimed, problems)));
    } else if (attachment) found.push(withClaims(objects, server(snapshot, { path, object, attachment })));
  }
  for (const [id, others] of ports) {
    if (written.has(id)) continue;
    for (const { host, report } of others) {
      const message = `port ${report.attachment.port} has the interface id ${id}, which no Endpoint object names: nothing passes from or to it`;
      problems.add(host.metadata.name, message);
    }
  }
  const claimants = found.flatMap(({ claimant }) => claimant ?? []);
  const duplicates = findDuplicates(claimants, snapshot.known);
  const endpoints = found.map(({ endpoint }) => endpoint);
  return {
    endpoints: duplicates.length === 0 ? endpoints : heldBack(endpoints, duplicates, problems),
    duplicates,
    hostProblems: problems.byHost(),
  };
}

function hostPart(
  snapshot: Snapshot,
  host: HeddleObject<'Host'>,
  { endpoints }: HostReport,
  isLost: boolean,
): HostPart {
  // What a host says twice of one endpoint counts once, as it said it last.
  const containers = new Map<string, Found>();
  const ports: InterfacePort[] = [];
  for (const report of endpoints) {
    const { attachment } = report;
    if (attachment.driver === 'ovs' && attachment.interfaceId !== undefined)
      ports.push({ id: attachment.interfaceId, host, report: { ...report, attachment } });
    else containers.set(report.id, withClaims(snapshot.objects, container(snapshot, host, report, isLost)));
  }
  return { containers: [...containers.values()], ports };
}

function container(
  { objects, vlans }: Snapshot,
  host: HeddleObject<'Host'>,
  report: EndpointReport,
  isLost: boolean,
): KnownEndpoint {
  const { attachment, allocation, since, ...endpoint } = report;
  const { problem, ...reach } = reachOf(objects, vlans, host, report.epg, attachment);
  // Names do not lead to a host that is gone; its flows stay, since it may only be cut off from us.
  const healthy = endpoint.healthy && !isLost;
  const kind = endpoint.kind ?? 'container';
  return {
    key: `${endpoint.host}/${endpoint.id}`,
    view: {
      ...endpoint,
      ...reach,
      kind,
      healthy,
      attachment,
      ...(allocation === undefined ? {} : { allocation }),
      since,
      problems: problem === undefined ? [] : [problem],
    },
    ...(isIpv4(host.spec.underlay) ? { distributed: { ...endpoint, ...reach, kind, healthy } } : {}),
  };
}

function virtualMachine(
  snapshot: Snapshot,
  { path, object, attachment }: Written<'ovs'>,
  ports: readonly InterfacePort[],
  hostProblems: HostProblems,
): KnownEndpoint {
  const { objects, vlans, states } = snapshot;
  const { interfaceId } = attachment;
  const [here, ...elsewhere] = [...ports].sort(byAttachment);
  const written = writtenEndpoint(snapshot, path, object);
  if (!here) {
    const nowhere = `no host has a port with its interface id: start it, or set external_ids:iface-id=${interfaceId} of its port`;
    return {
      key: written.id,
      view: {
        ...written,
        healthy: false,
        attachment,
        problems: [...written.problems, nowhere],
      },
    };
  }
  const { host, report } = here;
  const { name } = host.metadata;
  for (const other of elsewhere) {
    const message = `port ${other.report.attachment.port} has the interface id of endpoint ${path}, which is at port ${report.attachment.port} of ${name} since ${report.since}: nothing passes from or to it here; remove the port`;
    hostProblems.add(other.host.metadata.name, message);
  }
  const reach = written.epg === undefined ? undefined : reachOf(objects, vlans, host, written.epg, report.attachment);
  const healthy = states.get(name) !== 'lost';
  const { problems, ...plain } = written;
  const also = elsewhere.map(
    ({ host: other }) => `${other.metadata.name} has a port with its interface id, too, of earlier`,
  );
  return {
    key: `${name}/${written.id}`,
    view: {
      ...plain,
      ...(reach ? reachedOf(reach) : {}),
      host: name,
      healthy,
      attachment: report.attachment,
      since: report.since,
      problems: [...problems, ...also, ...(reach?.problem === undefined ? [] : [reach.problem])],
    },
    ...(plain.epg === undefined || !reach || !isIpv4(host.spec.underlay)
      ? {}
      : { distributed: { ...plain, epg: plain.epg, ...reachedOf(reach), host: name, healthy, interfaceId } }),
  };
}

/** What agents are told of how an endpoint is reached: not why it is not. */
function reachedOf({ problem: _problem, ...reached }: Reach): Omit<Reach, 'problem'> {
  return reached;
}

/** The port that was attached last comes first: a machine that moved is where it came up. */
const byAttachment = (a: InterfacePort, b: InterfacePort): number =>
  compare(b.report.since, a.report.since) || compare(a.host.metadata.name, b.host.metadata.name);

function server(snapshot: Snapshot, { path, object, attachment }: Written<'static'>): KnownEndpoint {
  const { objects, states, serversSince } = snapshot;
  const { leaf, port, vlan } = attachment;
  const written = writtenEndpoint(snapshot, path, object);
  const { problems, ...plain } = written;
  const known = objects.hosts.get(leaf)?.spec.role === 'leaf';
  const isApic = [...objects.fabrics.values()].some(({ spec }) => spec.driver === 'apic');
  if (!known && !isApic) {
    const nowhere = `leaf ${leaf} is not there: no host of that name has joined with role leaf, and there is no APIC that might have it`;
    return { key: written.id, view: { ...written, healthy: false, attachment, problems: [...problems, nowhere] } };
  }
  const place = {
    underlay: leafUnderlay(objects, leaf),
    fabric: { leaf, port, ...(vlan === undefined ? {} : { vlan }), via: 'static' as const, hairpin: false },
  };
  const healthy = !known || states.get(leaf) !== 'lost';
  const since = serversSince.get(path);
  return {
    key: `${leaf}/${written.id}`,
    view: {
      ...written,
      ...place,
      host: leaf,
      healthy,
      attachment,
      ...(since === undefined ? {} : { since }),
    },
    ...(plain.epg === undefined ? {} : { distributed: { ...plain, epg: plain.epg, ...place, host: leaf, healthy } }),
  };
}

/** What an object says of its endpoint, with the EPG that it is bound to. */
function writtenEndpoint({ objects }: Snapshot, path: string, object: HeddleObject<'Endpoint'>) {
  const { endpointKind, mac, addresses } = object.spec;
  const binding = objects.binder.bind(object);
  return {
    id: writtenEndpointId(path),
    kind: endpointKind,
    mac,
    addresses,
    // Names lead to it as to a service of that name.
    service: object.metadata.name,
    ...(binding.state === 'bound' ? { epg: binding.epg } : {}),
    problems:
      binding.state === 'bound'
        ? []
        : binding.state === 'ambiguous'
          ? [
              `EPGs ${binding.epgs.join(' and ')} both have it by ${binding.by}, so it is of none and nothing passes from or to it`,
            ]
          : [
              'nothing binds it to an EPG, so nothing passes from or to it: name one in spec.epg, or bind it by place or attributes',
            ],
  };
}

/** With what an endpoint claims for itself. Of an EPG that is not known nothing is claimed: nothing passes from or to it. */
function withClaims(objects: InventoryObjects, endpoint: KnownEndpoint): Found {
  const { key, view, distributed } = endpoint;
  const segment = distributed && segmentOf(objects, distributed.epg);
  if (!segment) return { endpoint };
  const claims = [
    `MAC ${view.mac} in BridgeDomain ${segment.bridgeDomain}`,
    ...view.addresses.map((address) => `address ${address} in Vrf ${segment.vrf}`),
  ];
  const since = view.since === undefined ? {} : { since: view.since };
  return { endpoint, claimant: { key, path: endpointPath(view), claims, ...since } };
}

/** Takes away what others are told of endpoints that are held back, and says so of both and on the hosts of both. */
function heldBack(
  found: readonly KnownEndpoint[],
  duplicates: readonly Duplicate[],
  problems: HostProblems,
): KnownEndpoint[] {
  const byKey = new Map(found.map((endpoint) => [endpoint.key, endpoint]));
  for (const { later, first, what } of duplicates) {
    const [a, b] = [byKey.get(later), byKey.get(first)];
    if (!a || !b) continue;
    const { distributed: _untold, ...untold } = a;
    const late = `${what} is that of ${nameOf(b)}, which had it first: until one of the two gives it up, no other host lets anything from or to this one through`;
    byKey.set(later, { ...untold, view: withProblem(a.view, late) });
    byKey.set(first, {
      ...b,
      view: withProblem(b.view, `${what} is claimed by ${nameOf(a)}, too, which is held back`),
    });
    for (const host of new Set([a.view.host, b.view.host])) {
      if (host !== undefined)
        problems.add(host, `${nameOf(a)} and ${nameOf(b)} both have ${what}; the first of the two is held back`);
    }
  }
  return [...byKey.values()];
}

const nameOf = ({ view }: KnownEndpoint): string => `${endpointPath(view)} on ${view.host ?? 'no host'}`;
const withProblem = (view: EndpointView, problem: string): EndpointView => ({
  ...view,
  problems: [...view.problems, problem],
});
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** How many problems of one host are told one by one. */
const TOLD = 10;

class HostProblems {
  private readonly lists = new Map<string, string[]>();

  add(host: string, problem: string): void {
    const list = this.lists.get(host);
    if (list) list.push(problem);
    else this.lists.set(host, [problem]);
  }

  byHost(): Map<string, readonly string[]> {
    return new Map(
      [...this.lists].map(([host, list]) => [
        host,
        list.length <= TOLD ? list : [...list.slice(0, TOLD), `and ${list.length - TOLD} more problems of endpoints`],
      ]),
    );
  }
}
