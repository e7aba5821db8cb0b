import type { AnyObject, HeddleObject } from '@heddle/model';

/** The parts of a snapshot that come from desired state. */
export function desiredOf(objects: ReadonlyMap<string, AnyObject>): {
  services: Map<string, HeddleObject<'Service'>>;
  epgs: Map<string, HeddleObject<'Epg'>>;
} {
  const services = new Map<string, HeddleObject<'Service'>>();
  const epgs = new Map<string, HeddleObject<'Epg'>>();
  for (const [key, object] of objects) {
    if (object.kind === 'Service') services.set(key.slice('Service/'.length), object);
    else if (object.kind === 'Epg') epgs.set(key.slice('Epg/'.length), object);
  }
  return { services, epgs };
}
