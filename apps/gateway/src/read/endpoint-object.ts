import { API_VERSION, endpointPath, keyOf, splitPath, type EndpointView, type HeddleObject } from '@heddle/model';

type Endpoint = HeddleObject<'Endpoint'>;

/**
 * All endpoints as objects: those that people wrote, with what is observed of them, and those that nobody wrote down, which
 * live beside their EPG.
 */
export function endpointObjects(written: readonly HeddleObject[], views: readonly EndpointView[]): HeddleObject[] {
  const objects = new Map(written.map((object) => [keyOf(object), object]));
  for (const view of views) {
    const key = `Endpoint/${endpointPath(view)}`;
    objects.set(key, { ...(objects.get(key) ?? reportedObject(view)), status: statusOf(view) });
  }
  return [...objects.values()];
}

/** What a person would have written of an endpoint that its host reports. */
function reportedObject(view: EndpointView): Endpoint {
  const epg = view.epg?.split('/').at(-1);
  return {
    apiVersion: API_VERSION,
    kind: 'Endpoint',
    metadata: { ...splitPath('Endpoint', endpointPath(view)), labels: {}, annotations: {} },
    spec: {
      endpointKind: view.kind,
      mac: view.mac,
      addresses: [...view.addresses],
      ...(epg === undefined ? {} : { epg }),
    },
  };
}

function statusOf(view: EndpointView): Record<string, unknown> {
  const { id: _id, kind: _kind, mac: _mac, addresses: _addresses, ...observed } = view;
  return { ...observed };
}
