import type { ResolvedClass } from '@heddle/model';
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
}

/** Finds the class of every endpoint. An endpoint known as local is never taken for a remote one as well. */
export function placeEndpoints(snapshot: DatapathSnapshot): PlacedEndpoints {
  const unresolved: (LocalEndpoint | RemoteEndpoint)[] = [];
  const place = <E extends LocalEndpoint | RemoteEndpoint>(endpoints: readonly E[]): Placed<E>[] =>
    endpoints.flatMap((endpoint) => {
      const entry = snapshot.resolved.get(`class/${endpoint.epg}`);
      if (entry?.type === 'class') return [{ ...endpoint, class: entry, cookie: objectCookie(endpoint.id) }];
      unresolved.push(endpoint);
      return [];
    });
  const here = new Set(snapshot.local.map((e) => e.id));
  return { local: place(snapshot.local), remote: place(snapshot.remote.filter((e) => !here.has(e.id))), unresolved };
}
