import type { AnyObject, HeddleObject } from '../kinds';
import { splitPath, type ObjectRef } from '../key';
import { generatedName } from '../names';

/**
 * Where a short form says what a field of an object that it generates holds: of `Epg acme/shop/web`, the field `spec.domain`
 * is `spec.domain` of the App, and all that is said of nothing else is `spec.services.web`. Empty for the whole of the short
 * form.
 */
export function writtenField(owner: AnyObject, { kind, path }: ObjectRef, field: string): string {
  const { name } = splitPath(kind, path);
  if (field === 'metadata.tenant' || field.startsWith('metadata.labels')) {
    return owner.kind === 'Tenant' ? field.replace(/^metadata\.tenant$/, 'metadata.name') : field;
  }
  if (owner.kind === 'Tenant') return field.startsWith('spec.subnets') ? 'spec.network.gateway' : '';
  if (owner.kind !== 'App') return '';
  const service = `spec.services.${name}`;
  switch (kind) {
    case 'Service':
      return field.startsWith('spec.') ? `${service}${field.slice('spec'.length)}` : service;
    case 'Epg':
      if (field === 'spec.domain' && owner.spec.services[name]?.domain !== undefined) return `${service}.domain`;
      return ['spec.bridgeDomain', 'spec.domain'].includes(field) ? field : service;
    default:
      return connectLine(owner, name);
  }
}

/** The line that a contract or a filter was made from. */
function connectLine({ metadata, spec }: HeddleObject<'App'>, name: string): string {
  const index = spec.connect.findIndex(({ from, to, port }) => generatedName(metadata.name, from, to, port) === name);
  return index < 0 ? 'spec.connect' : `spec.connect[${index}]`;
}
