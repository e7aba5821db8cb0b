import type { EndpointView, HeddleObject, VerdictRequest } from '@heddle/model';
import { PROTOCOLS } from '@heddle/model';

/** A running container that connections are tried from and to. */
export interface ProbeParty {
  /** Path of its allocation. */
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

/**
 * Every ordered pair of an application's running containers, on every port that any of its services has: what is open
 * must be so by contract, and the ports of other services are tried because they must not be.
 */
export function probeCases(
  allocations: readonly HeddleObject<'Allocation'>[],
  endpoints: readonly EndpointView[],
): ProbeCase[] {
  const byAllocation = new Map(
    endpoints.flatMap((e) => (e.allocation === undefined ? [] : [[e.allocation, e] as const])),
  );
  const parties: ProbeParty[] = [];
  const ports = new Map<string, ProbePort>();
  for (const { metadata, spec } of allocations) {
    if (spec.desired !== 'run') continue;
    for (const { port, protocol } of Object.values(spec.template.ports))
      ports.set(`${protocol} ${port}`, { protocol, port });
    const allocation = `${metadata.tenant}/${metadata.application}/${metadata.name}`;
    const endpoint = byAllocation.get(allocation) ?? byAllocation.get(metadata.name);
    const address = endpoint?.addresses[0];
    if (endpoint && address !== undefined)
      parties.push({ allocation, epg: endpoint.epg, host: endpoint.host, address });
  }
  return parties.flatMap((source) =>
    parties
      .filter((destination) => destination !== source)
      .flatMap((destination) => [...ports.values()].map((port) => ({ source, destination, ...port }))),
  );
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
