import {
  endpointPath,
  type DistributedEndpoint,
  type EndpointView,
  type EventFact,
  type HeddleObject,
  type Sighting,
} from '@heddle/model';
import type { InventoryObjects } from '../objects';
import { compareDuplicates, type Duplicate } from './duplicates';
import { EndpointIndex } from './endpoint-index';
import { endpointMap, HostParts, type EndpointMap, type EndpointSnapshot } from './endpoint-map';
import { findMoves, placeText, type Place } from './moves';
import { Sightings } from './sightings';

/** Since when each server is where it is, by the path of its object: nobody reports it, so it is kept. */
export type ServerRecords = Readonly<Record<string, { readonly place: string; readonly since: string }>>;

export interface EndpointTrackerParts {
  /** What was kept: endpoints that are held back stay so. */
  readonly duplicates: readonly Duplicate[];
  readonly servers: ServerRecords;
  readonly save: (changed: { duplicates?: readonly Duplicate[]; servers?: ServerRecords }) => void;
  readonly tell: (fact: Omit<EventFact, 'at'>) => void;
}

const NOTHING: EndpointMap = { endpoints: [], duplicates: [], hostProblems: new Map() };

/** Follows where endpoints are: what others are told of them, what people are shown, and what happened to them. */
export class EndpointTracker {
  private map: EndpointMap = NOTHING;
  private told: ReadonlyMap<string, DistributedEndpoint> = new Map();
  private index: EndpointIndex | undefined;
  private objects: InventoryObjects | undefined;
  private duplicates: readonly Duplicate[];
  private servers: ServerRecords;
  private places: ReadonlyMap<string, Place> = new Map();
  private readonly sightings = new Sightings();
  private readonly hostParts = new HostParts();
  private isStale = true;

  constructor(private readonly parts: EndpointTrackerParts) {
    this.duplicates = parts.duplicates;
    this.servers = parts.servers;
  }

  /** Something changed that where endpoints are depends on. */
  stale(): void {
    this.isStale = true;
  }

  /** By `HOST/ID`, what every agent is told. */
  get distributed(): ReadonlyMap<string, DistributedEndpoint> {
    return this.told;
  }

  /** What is wrong with endpoints, by the names of the hosts that are concerned. */
  get hostProblems(): EndpointMap['hostProblems'] {
    return this.map.hostProblems;
  }

  /** Every endpoint as people are shown it, with its path. `now` in ms since the epoch. */
  views(now: number): { readonly path: string; readonly view: EndpointView }[] {
    return this.map.endpoints.map(({ view }) => {
      const seen = this.sightings.problemsOf(view, now);
      return {
        path: endpointPath(view),
        view: seen.length === 0 ? view : { ...view, problems: [...view.problems, ...seen] },
      };
    });
  }

  /** Brings everything up to date, if something changed. */
  refresh(facts: () => Pick<EndpointSnapshot, 'objects' | 'vlans' | 'reports' | 'states'>, now: number): void {
    if (!this.isStale) return;
    this.isStale = false;
    const { objects, ...heard } = facts();
    this.followServers(objects, now);
    const serversSince = new Map(Object.entries(this.servers).map(([path, { since }]) => [path, since]));
    const known = { told: this.told, duplicates: this.duplicates };
    this.map = endpointMap({ objects, ...heard, serversSince, known }, this.hostParts);
    this.told = new Map(
      this.map.endpoints.flatMap(({ key, distributed }) => (distributed ? [[key, distributed] as const] : [])),
    );
    // Made when somebody asks, which is rare.
    this.index = undefined;
    this.objects = objects;
    this.followDuplicates();
    this.followMoves(objects);
  }

  /** Takes what a host saw of addresses where their endpoints are not. */
  see(host: string, sightings: readonly Sighting[], now: number): void {
    if (sightings.length === 0 || !this.objects) return;
    this.index ??= new EndpointIndex(this.objects, this.map.endpoints);
    for (const sighting of sightings) {
      const claims = this.index.claimsOf(host, sighting).map(({ owner, kind }) => ({ endpoint: owner.view, kind }));
      const byId = new Map(claims.map(({ endpoint }) => [endpoint.id, endpoint]));
      for (const { endpoint, kind, message } of this.sightings.take(host, sighting, claims, now)) {
        const view = byId.get(endpoint);
        if (view) this.tell(endpointPath(view), kind, message);
      }
    }
  }

  private followServers({ endpoints }: InventoryObjects, now: number): void {
    const places = new Map([...endpoints].flatMap(([path, object]) => placeOfServer(path, object)));
    const since = new Date(now).toISOString();
    const servers = Object.fromEntries(
      [...places].map(([path, place]) => {
        const known = Object.hasOwn(this.servers, path) ? this.servers[path] : undefined;
        return [path, known?.place === place ? known : { place, since }];
      }),
    );
    if (JSON.stringify(servers) === JSON.stringify(this.servers)) return;
    this.servers = servers;
    this.parts.save({ servers });
  }

  private followDuplicates(): void {
    const { found, resolved } = compareDuplicates(this.duplicates, this.map.duplicates);
    if (found.length + resolved.length === 0) return;
    const nameOf = (key: string): string => {
      const holder = this.map.endpoints.find((endpoint) => endpoint.key === key);
      return holder ? `endpoint ${endpointPath(holder.view)} on ${holder.view.host}` : 'an endpoint that is gone';
    };
    for (const { path, first, what } of found)
      this.tell(path, 'duplicate', `${what} is that of ${nameOf(first)}, which had it first; this one is held back`);
    for (const { path, first, what } of resolved)
      this.tell(path, 'resolved', `${what} is not shared with ${nameOf(first)} any more`);
    this.duplicates = this.map.duplicates;
    this.parts.save({ duplicates: this.duplicates });
  }

  /** Of what is written down. A container that is started again has another port, and never another host. */
  private followMoves({ endpoints }: InventoryObjects): void {
    const now = new Map<string, Place | undefined>([...endpoints.keys()].map((path) => [path, undefined]));
    for (const { view } of this.map.endpoints) {
      if (view.kind === 'container') continue;
      const path = endpointPath(view);
      if (endpoints.has(path)) now.set(path, placeOf(view));
    }
    const { moves, last } = findMoves(this.places, now);
    for (const { id: path, from, to } of moves) this.tell(path, 'moved', `from ${placeText(from)} to ${placeText(to)}`);
    this.places = last;
  }

  private tell(path: string, what: string, message: string): void {
    const [tenant = '', ...below] = path.split('/');
    this.parts.tell({ kind: 'Endpoint', tenant, name: below.join('/'), what, message });
  }
}

function placeOf({ host, attachment }: EndpointView): Place | undefined {
  if (host === undefined || !('port' in attachment)) return undefined;
  // The VLAN of a virtual machine is that of its EPG, and says nothing of where it is.
  const vlan = attachment.driver === 'static' ? attachment.vlan : undefined;
  return { host, port: attachment.port, ...(vlan === undefined ? {} : { vlan }) };
}

function placeOfServer(path: string, { spec }: HeddleObject<'Endpoint'>): [string, string][] {
  const { attachment } = spec;
  if (attachment?.driver !== 'static') return [];
  const { leaf, port, vlan } = attachment;
  return [[path, placeText({ host: leaf, port, ...(vlan === undefined ? {} : { vlan }) })]];
}
