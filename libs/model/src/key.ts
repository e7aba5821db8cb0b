import { HeddleError } from './error';
import { findKind, kindInfo, type HeddleObject, type Kind } from './kinds';
import type { Metadata } from './metadata';

/** Identifies an object: its kind and its path (`name`, `tenant/name` or `tenant/application/name`). */
export interface ObjectRef {
  readonly kind: Kind;
  readonly path: string;
}

/** The path of an object, as the scope of its kind asks. */
export function pathOf(kind: Kind, metadata: Pick<Metadata, 'name' | 'tenant' | 'application'>): string {
  switch (kindInfo(kind).scope) {
    case 'cluster':
      return metadata.name;
    case 'tenant':
      return `${metadata.tenant}/${metadata.name}`;
    case 'application':
      return `${metadata.tenant}/${metadata.application}/${metadata.name}`;
  }
}

export const refOf = (object: HeddleObject): ObjectRef => ({
  kind: object.kind,
  path: pathOf(object.kind, object.metadata),
});

/** The key under which an object is kept: `Service/acme/shop/web`. */
export const keyOf = (object: HeddleObject): string => refKey(refOf(object));
export const refKey = (ref: ObjectRef): string => `${ref.kind}/${ref.path}`;

/** Reads a key back. Throws `invalid` on anything {@link refKey} does not produce. */
export function parseKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  const kind = findKind(key.slice(0, slash));
  if (slash < 1 || !kind || kind.kind !== key.slice(0, slash)) {
    throw new HeddleError('invalid', `found object key "${key}"; allowed is Kind/path such as Service/acme/shop/web`);
  }
  return { kind: kind.kind, path: key.slice(slash + 1) };
}

/** Splits a path by the scope of its kind. Throws `invalid` when the number of parts is wrong. */
export function splitPath(kind: Kind, path: string): Pick<Metadata, 'name' | 'tenant' | 'application'> {
  const parts = path.split('/');
  const [a, b, c] = parts as [string, string, string];
  switch (kindInfo(kind).scope) {
    case 'cluster':
      if (parts.length === 1 && a) return { name: a };
      break;
    case 'tenant':
      if (parts.length === 2 && a && b) return { tenant: a, name: b };
      break;
    case 'application':
      if (parts.length === 3 && a && b && c) return { tenant: a, application: b, name: c };
      break;
  }
  const form = { cluster: 'name', tenant: 'tenant/name', application: 'tenant/application/name' }[kindInfo(kind).scope];
  throw new HeddleError('invalid', `found "${path}" as the path of a ${kind}; allowed is ${form}`);
}
