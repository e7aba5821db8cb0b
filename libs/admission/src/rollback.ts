import { refOf, type AnyObject } from '@heddle/model';
import { asWritten, sameContent } from './content';
import { compareKeys } from './order';
import type { AdmissionRequest } from './request';
import type { State } from './state';

/** What a rollback is limited to; without it, everything is meant. */
export interface RollbackScope {
  readonly tenant: string;
  /** An application of the tenant: its App and what is in it. */
  readonly application?: string;
}

/**
 * The request that brings objects back to what they were: a new change like any other, which is admitted or refused as a
 * whole. What is generated is left to its owners. Hosts are left out: they say which machines there are, and no decision
 * about applications makes a machine come or go. With a scope, objects of the cluster are left out too.
 *
 * An object that was deleted in between is created again, with a new uid.
 */
export function rollbackRequest(current: State, target: State, scope?: RollbackScope): AdmissionRequest {
  const written = (state: State): [string, AnyObject][] =>
    [...state]
      .filter(([, object]) => !object.metadata.generated && isMeant(object, scope))
      .sort(([a], [b]) => compareKeys(a, b));
  const [now, then] = [new Map(written(current)), new Map(written(target))];
  return {
    verb: 'rollback',
    puts: [...then]
      .filter(([key, object]) => !sameContent(now.get(key), object))
      .map(([, object]) => asWritten(object)),
    deletes: [...now].filter(([key]) => !then.has(key)).map(([, object]) => refOf(object)),
  };
}

function isMeant(object: AnyObject, scope: RollbackScope | undefined): boolean {
  if (object.kind === 'Host') return false;
  if (!scope) return true;
  const { tenant, application, name } = object.metadata;
  if (tenant !== scope.tenant) return false;
  return scope.application === undefined || scope.application === (object.kind === 'App' ? name : application);
}
