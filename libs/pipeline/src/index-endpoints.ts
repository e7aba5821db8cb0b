import { isIpv4, type ResolvedClass } from '@heddle/model';
import { isLinkIndex, isMac, isPort, isVlan } from './addresses';
import { objectCookie } from './cookie';
import type { DatapathSnapshot, LocalEndpoint, RemoteEndpoint } from './snapshot';

/** An endpoint together with the class of its EPG. */
export type Placed<E> = E & { readonly class: ResolvedClass; readonly cookie: bigint };
export type PlacedLocal = Placed<LocalEndpoint>;
export type PlacedRemote = Placed<RemoteEndpoint>;
export type PlacedEndpoint = PlacedLocal | PlacedRemote;

export interface PlacedEndpoints {
  readonly local: readonly PlacedLocal[];
  readonly remote: readonly PlacedRemote[];
  /** Endpoints whose EPG is not resolved: they get no flow, so nothing passes from or to them. */
  readonly unresolved: readonly (LocalEndpoint | RemoteEndpoint)[];
  /** Endpoints that no flow can be made for: they get none either, and keep nobody else from having theirs. */
  readonly unenforceable: readonly (LocalEndpoint | RemoteEndpoint)[];
}

/**
 * Finds the class of every endpoint, and leaves out what flows cannot be made for: of an endpoint the addresses that are no
 * IPv4, and all of an endpoint without any such address, without a MAC, at a port or in a VLAN that cannot be, or behind
 * another tunnel than one over IPv4 and not on the fabric either. An endpoint known as local is never taken for a remote one as
 * well. Never throws, because all flows of a host depend on it.
 */
export function placeEndpoints(snapshot: DatapathSnapshot): PlacedEndpoints {
  const unresolved: (LocalEndpoint | RemoteEndpoint)[] = [];
  const unenforceable: (LocalEndpoint | RemoteEndpoint)[] = [];
  const place = <E extends LocalEndpoint | RemoteEndpoint>(endpoints: readonly E[]): Placed<E>[] =>
    endpoints.flatMap((endpoint) => {
      const entry = snapshot.resolved.get(`class/${endpoint.epg}`);
      const addresses = endpoint.addresses.filter(isIpv4);
      if (entry?.type !== 'class') unresolved.push(endpoint);
      else if (addresses.length === 0 || !isReachable(endpoint, snapshot)) unenforceable.push(endpoint);
      else return [{ ...endpoint, addresses, class: entry, cookie: objectCookie(endpoint.id) }];
      return [];
    });
  const here = new Set(snapshot.local.map((e) => e.id));
  const local = place(snapshot.local);
  const remote = place(snapshot.remote.filter((e) => !here.has(e.id)));
  return { local, remote, unresolved, unenforceable };
}

const isReachable = (e: LocalEndpoint | RemoteEndpoint, snapshot: DatapathSnapshot): boolean =>
  isMac(e.mac) && ('underlay' in e ? tunnelTo(e, snapshot) !== undefined || mayUseFabric(e, snapshot) : isAttached(e));

const isAttached = ({ port, linkIndex, wire, uplink }: LocalEndpoint): boolean =>
  isPort(port) &&
  (linkIndex === undefined || isLinkIndex(linkIndex)) &&
  (wire?.vlan === undefined || isVlan(wire.vlan)) &&
  (uplink === undefined || (isPort(uplink.port) && isVlan(uplink.vlan)));

/** The port of the tunnel, where one leads to the endpoint. */
export const tunnelTo = (e: RemoteEndpoint, { ports }: DatapathSnapshot): number | undefined =>
  isIpv4(e.underlay) ? ports.tunnel : undefined;

/** Whether the endpoint is reached by the fabric, from sources that have an uplink: all are where no tunnels end. */
export const mayUseFabric = (e: RemoteEndpoint, { ports }: DatapathSnapshot): boolean =>
  e.fabric === true || ports.tunnel === undefined;
