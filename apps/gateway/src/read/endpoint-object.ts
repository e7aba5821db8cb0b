import { API_VERSION, splitPath, type EndpointView, type HeddleObject } from '@heddle/model';

/** Characters of Docker's endpoint id that name an endpoint of a user's own container. */
const SHORT_ID = 12;

/** An endpoint as its host reports it, in the shape of an object. It lives beside its EPG. */
export function endpointObject(view: EndpointView): HeddleObject<'Endpoint'> {
  const { tenant, application } = splitPath('Epg', view.epg);
  const allocation = view.allocation?.split('/').at(-1);
  return {
    apiVersion: API_VERSION,
    kind: 'Endpoint',
    metadata: {
      name: nameOf(view),
      ...(tenant === undefined ? {} : { tenant }),
      ...(application === undefined ? {} : { application }),
      labels: {},
      annotations: {},
    },
    spec: {
      endpointKind: 'container',
      mac: view.mac,
      addresses: [...view.addresses],
      epg: view.epg,
      host: view.host,
      attachment: { ...view.attachment },
      ...(allocation === undefined ? {} : { allocation }),
    },
    status: {
      healthy: view.healthy,
      since: view.since,
      underlay: view.underlay,
      ...(view.service === undefined ? {} : { service: view.service }),
    },
  };
}

/** `allocation:acme/shop/web-1a2b` -> `web-1a2b`; `docker:h1/0123456789abcdef` -> `h1-0123456789ab`. */
function nameOf({ id, host }: EndpointView): string {
  const last = id.slice(Math.max(id.lastIndexOf('/'), id.indexOf(':')) + 1);
  return id.startsWith('docker:') ? `${host}-${last.slice(0, SHORT_ID)}` : last;
}
