import { parseKey, splitPath, type HeddleObject, type Principal } from '@heddle/model';

/** The tenant an object belongs to; a Tenant belongs to itself. Nothing for what belongs to the whole cluster. */
export const tenantOf = (object: Pick<HeddleObject, 'kind' | 'metadata'>): string | undefined =>
  object.kind === 'Tenant' ? object.metadata.name : object.metadata.tenant;

/** Whether a caller may see an object: those of one tenant see what is theirs. */
export const maySee = (caller: Principal, object: Pick<HeddleObject, 'kind' | 'metadata'>): boolean =>
  caller.tenant === undefined || caller.tenant === tenantOf(object);

/** {@link maySee} for a key such as `Service/acme/shop/web`. */
export function maySeeKey(caller: Principal, key: string): boolean {
  if (caller.tenant === undefined) return true;
  const { kind, path } = parseKey(key);
  const { tenant, name } = splitPath(kind, path);
  return caller.tenant === (kind === 'Tenant' ? name : tenant);
}
