import type { EndpointView, HeddleObject, VerdictRequest } from '@heddle/model';
import { PROTOCOLS } from '@heddle/model';

/** A running container that connections are tried from and to, or another endpoint that they are tried to. */
export interface ProbeParty {
  /** Path of its allocation; id of an endpoint that is no container. */
  readonly allocation: string;
  /** Path of its EPG. */
  readonly epg: string;
  readonly host: string;
  readonly address: string;
}

export interface ProbePort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** One connection to try. */
export interface ProbeCase extends ProbePort {
  readonly source: ProbeParty;
  readonly destination: ProbeParty;
}

/** Wanted instances that no connection can be tried from or to. */
export interface MissingInstances {
  /** Path of their service. */
  readonly service: string;
  /** How many: more than one only of instances that have no allocation, and so no name. */
  readonly instances: number;
  readonly allocation?: string;
  readonly host?: string;
  /** Why, for people. */
  readonly reason: string;
}

export interface ProbeWork {
  readonly cases: readonly ProbeCase[];
  readonly missing: readonly MissingInstances[];
}

/**
 * Every ordered pair of an application's running containers, on every port that any of its services has: what is open
 * must be so by contract, and the ports of other services are tried because they must not be. Virtual machines and servers are
 * tried from containers, and not themselves: nothing of ours runs in them. Containers that are to run and have no address to try
 * are missing.
 */
export function probeWork(
  allocations: readonly HeddleObject<'Allocation'>[],
  endpoints: readonly EndpointView[],
): ProbeWork {
  const byAllocation = new Map(
    endpoints.flatMap((e) => (e.allocation === undefined ? [] : [[e.allocation, e] as const])),
  );
  const parties: ProbeParty[] = [];
  const missing: MissingInstances[] = [];
  const ports = new Map<string, ProbePort>();
  for (const { metadata, spec, status } of allocations) {
    if (spec.desired !== 'run') continue;
    for (const { port, protocol } of Object.values(spec.template.ports))
      ports.set(`${protocol} ${port}`, { protocol, port });
    const allocation = `${metadata.tenant}/${metadata.application}/${metadata.name}`;
    const endpoint = byAllocation.get(allocation) ?? byAllocation.get(metadata.name);
    const address = endpoint?.addresses[0];
    if (endpoint?.epg !== undefined && endpoint.host !== undefined && address !== undefined) {
      parties.push({ allocation, epg: endpoint.epg, host: endpoint.host, address });
      continue;
    }
    const service = `${metadata.tenant}/${metadata.application}/${spec.service}`;
    const what = endpoint ? 'its endpoint has no address' : 'it has no endpoint';
    missing.push({ service, instances: 1, allocation, host: spec.host, reason: `${what}${observed(status)}` });
  }
  const destinations = [...parties, ...endpoints.flatMap(writtenParty)];
  const cases = parties.flatMap((source) =>
    destinations
      .filter((destination) => destination !== source)
      .flatMap((destination) => [...ports.values()].map((port) => ({ source, destination, ...port }))),
  );
  return { cases, missing };
}

/** An endpoint that people wrote down, where it is somewhere and bound to an EPG. */
function writtenParty({ id, kind, epg, host, addresses: [address] }: EndpointView): ProbeParty[] {
  if (kind === 'container' || epg === undefined || host === undefined || address === undefined) return [];
  return [{ allocation: id, epg, host, address }];
}

/** How a container is, as its host said last: `: starting, no image`. */
function observed(status: HeddleObject<'Allocation'>['status']): string {
  const said = [status?.['phase'], status?.['reason']].filter((word) => typeof word === 'string');
  return said.length === 0 ? ': its host has not said how it is' : `: ${said.join(', ')}`;
}

/** Instances of services that have not even an allocation. `reasonsOf` says why services are not as they are to be. */
export function withoutAllocation(
  services: readonly { readonly path: string; readonly replicas: number }[],
  allocations: readonly HeddleObject<'Allocation'>[],
  reasonsOf: ReadonlyMap<string, readonly string[]>,
): MissingInstances[] {
  const wanted = new Map<string, number>();
  for (const { metadata, spec } of allocations) {
    if (spec.desired !== 'run') continue;
    const path = `${metadata.tenant}/${metadata.application}/${spec.service}`;
    wanted.set(path, (wanted.get(path) ?? 0) + 1);
  }
  return services.flatMap(({ path, replicas }) => {
    const instances = replicas - (wanted.get(path) ?? 0);
    if (instances <= 0) return [];
    const why = reasonsOf.get(path)?.join('; ');
    return [{ service: path, instances, reason: why ? `not placed: ${why}` : 'not placed yet' }];
  });
}

/** The question to policy that a case asks; many cases ask the same one. */
export const verdictRequest = ({ source, destination, protocol, port }: ProbeCase): VerdictRequest => ({
  source: source.epg,
  destination: destination.epg,
  protocol: PROTOCOLS[protocol],
  destinationPort: port,
});

export const verdictKey = (request: VerdictRequest): string =>
  `${request.source} ${request.destination} ${request.protocol} ${request.destinationPort}`;
