import { decide, type Packet, type PlainObject } from '@heddle/oracle';
import type { Api, ProbeResult } from './api';

/** The kinds that the oracle reads. */
const KINDS = ['vrfs', 'bridgedomains', 'epgs', 'contracts', 'filters'];

/** The policy objects as anybody sees them through the API. */
export async function policyObjects(api: Api): Promise<PlainObject[]> {
  const lists = await Promise.all(KINDS.map((plural) => api.list(plural)));
  return lists.flat().map(({ kind, metadata, spec }) => ({ kind, metadata, spec }));
}

/** Whether the first packet of a connection should arrive, by the oracle: the product has no say in it. */
export const mayOpen = (
  objects: readonly PlainObject[],
  source: string,
  destination: string,
  packet: Packet,
): boolean => decide(objects, source, destination, packet).action === 'permit';

/** Probes whose outcome is not what the oracle says; each with what it says. */
export async function surprises(
  api: Api,
  results: readonly ProbeResult[],
): Promise<(ProbeResult & { oracle: string })[]> {
  const objects = await policyObjects(api);
  return results
    .map((result) => {
      const packet = { protocol: result.protocol, destinationPort: result.port };
      const open = mayOpen(objects, result.source.epg, result.destination.epg, packet);
      return { ...result, oracle: open ? 'open' : 'closed' };
    })
    .filter((result) => result.oracle !== result.observed || result.oracle !== result.expected);
}
