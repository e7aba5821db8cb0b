import { refOf, type AnyObject, type ObjectRef } from '@heddle/model';
import { fault, list, nameOf, nameOfKey, type Fault } from './faults';
import { ownerKeyOf, writtenOwner } from './ownership';
import { referencesOf } from './references';
import type { State } from './state';

/**
 * Objects that a request removes although others, which stay, need them. One fault for each object that the person named:
 * the one that was to be deleted, or the short form that no longer generates what is needed.
 */
export function removalFaults(before: State, next: State, deletes: readonly ObjectRef[]): Fault[] {
  const named = new Set(deletes.map((ref) => `${ref.kind}/${ref.path}`));
  const uses = new Map<string, Map<string, Set<string>>>();
  for (const user of next.values()) {
    for (const key of referencesOf(user)) {
      const removed = next.has(key) ? undefined : before.get(key);
      if (!removed) continue;
      const root = rootOf(before, next, named, key, removed);
      const used = uses.get(root) ?? new Map<string, Set<string>>();
      uses.set(root, used.set(key, (used.get(key) ?? new Set()).add(nameOf(refOf(writtenOwner(next, user))))));
    }
  }
  return [...uses].map(([root, used]) => fault('refused', root, explain(root, used, next.has(root))));
}

/** Up the owners to the object that the request names: one that it deletes, or one that stays and generates no more. */
function rootOf(before: State, next: State, named: ReadonlySet<string>, key: string, object: AnyObject): string {
  const ownerKey = ownerKeyOf(object);
  const owner = ownerKey === undefined ? undefined : before.get(ownerKey);
  if (named.has(key) || ownerKey === undefined || !owner) return key;
  return next.has(ownerKey) ? ownerKey : rootOf(before, next, named, ownerKey, owner);
}

function explain(root: string, used: ReadonlyMap<string, ReadonlySet<string>>, stays: boolean): string {
  // What uses the root itself is said once, even if it uses other things that go with the root.
  const said = new Set<string>();
  const parts = [...used]
    .sort(([a], [b]) => Number(b === root) - Number(a === root) || (a < b ? -1 : 1))
    .flatMap(([key, users]) => {
      const fresh = [...users].filter((user) => !said.has(user)).sort();
      fresh.forEach((user) => said.add(user));
      if (fresh.length === 0) return [];
      const what = key === root ? 'it' : `${nameOfKey(key)}, which ${stays ? 'would go with this change' : 'it owns'},`;
      return [`${what} is used by ${list(fresh)}`];
    });
  return `${stays ? '' : 'cannot be deleted: '}${parts.join('; ')}; change or delete what uses it first`;
}
