import type { EndpointView } from './rpc';
import { generatedName } from './names';

/** Characters of Docker's endpoint id that name an endpoint of a user's own container. */
const SHORT_ID = 12;

/** How the id of an endpoint begins that is written down as an object. */
const WRITTEN = 'endpoint:';

/** The id by which an Endpoint object is known to agents. */
export const writtenEndpointId = (path: string): string => `${WRITTEN}${path}`;

/** Whether an endpoint is written down as an object, and not only reported by its host. */
export const isWrittenEndpoint = ({ id }: Pick<EndpointView, 'id'>): boolean => id.startsWith(WRITTEN);

/**
 * The path under which an endpoint is shown as an object: its own, if it is written down; that of what a host reports is
 * beside its EPG. `allocation:acme/shop/web-1a2b` is `acme/shop/web-1a2b`, `docker:h1/0123456789abcdef` of the EPG
 * acme/shop/web is `acme/shop/h1-0123456789ab`.
 */
export function endpointPath({ id, epg = '', host = '' }: Pick<EndpointView, 'id' | 'epg' | 'host'>): string {
  if (id.startsWith(WRITTEN)) return id.slice(WRITTEN.length);
  const [tenant = '', application = '', group = ''] = epg.split('/');
  const last = id.slice(Math.max(id.lastIndexOf('/'), id.indexOf(':')) + 1);
  const name = id.startsWith('docker:')
    ? `${host}-${last.slice(0, SHORT_ID)}`
    : id.startsWith('shim:')
      ? generatedName(group, 'shim', host)
      : last;
  return `${tenant}/${application}/${name}`;
}
