import { parseAddress } from '@heddle/model';
import { MAX_LINK_INDEX } from '@heddle/pipeline';
import type { AttachedEndpoint } from '../link/protocol';

/**
 * The facts of an endpoint as they stand in `external_ids` of its port: the first authority on what is attached, since it
 * lives and dies with the port itself.
 */
const PREFIX = 'heddle-';
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

export function portIds(endpoint: AttachedEndpoint): Record<string, string> {
  return {
    [`${PREFIX}endpoint`]: endpoint.endpointId,
    [`${PREFIX}bridge-domain`]: endpoint.bridgeDomain,
    [`${PREFIX}epg`]: endpoint.epg,
    [`${PREFIX}mac`]: endpoint.mac,
    [`${PREFIX}address`]: endpoint.address,
    [`${PREFIX}link-index`]: String(endpoint.linkIndex),
    [`${PREFIX}since`]: endpoint.since,
    ...(endpoint.allocation === undefined ? {} : { [`${PREFIX}allocation`]: endpoint.allocation }),
  };
}

/** Reads a port's facts back; undefined for a port that is not one of ours, or of which a fact is missing or no such fact. */
export function endpointOfPort(port: string, ids: Readonly<Record<string, string>>): AttachedEndpoint | undefined {
  const fact = (name: string): string | undefined => ids[PREFIX + name];
  const endpointId = fact('endpoint');
  const bridgeDomain = fact('bridge-domain');
  const epg = fact('epg');
  const mac = fact('mac');
  const address = fact('address');
  const since = fact('since');
  const linkIndex = Number(fact('link-index'));
  const isLinkIndex = Number.isInteger(linkIndex) && linkIndex >= 1 && linkIndex <= MAX_LINK_INDEX;
  if (!endpointId || !bridgeDomain || !epg || !mac || !address || !since || !isLinkIndex) return undefined;
  // Flows are made from these: one that cannot be made would keep all others from the switch.
  if (!MAC.test(mac) || parseAddress(address)?.family !== 4) return undefined;
  const allocation = fact('allocation');
  return {
    endpointId,
    bridgeDomain,
    epg,
    mac,
    address,
    port,
    linkIndex,
    since,
    ...(allocation === undefined ? {} : { allocation }),
  };
}

/** Name of an endpoint in the whole cluster: the allocation it belongs to, the host's own one in an EPG, or the engine's id. */
export const endpointName = (
  host: string,
  { endpointId, epg, allocation, macvlan }: Pick<AttachedEndpoint, 'endpointId' | 'epg' | 'allocation' | 'macvlan'>,
): string => {
  if (macvlan?.shim) return `shim:${host}/${epg}`;
  return allocation === undefined ? `docker:${host}/${endpointId}` : `allocation:${allocation}`;
};
