import type { AnyObject } from '@heddle/model';
import { kindInfo, findKind, refOf } from '@heddle/model';
import { fault, nameOf, nameOfKey, type Fault } from './faults';
import type { State } from './state';

export const ownerKeyOf = (object: AnyObject): string | undefined =>
  object.metadata.owner && `${object.metadata.owner.kind}/${object.metadata.owner.path}`;

/** What a person changes to change an object: the short form that a generated one comes from, otherwise the object. */
export function writtenOwner(state: State, object: AnyObject): AnyObject {
  const owner = object.metadata.generated ? state.get(ownerKeyOf(object) ?? '') : undefined;
  return owner ? writtenOwner(state, owner) : object;
}

/** Keys of what each object owns. */
export function ownedIndex(state: State): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const [key, object] of state) {
    const owner = ownerKeyOf(object);
    if (owner === undefined) continue;
    const keys = index.get(owner);
    if (keys) keys.push(key);
    else index.set(owner, [key]);
  }
  return index;
}

/** Removes from `state` everything that the given objects own, directly or through others, except what is in `kept`. */
export function removeOwned(
  state: Map<string, AnyObject>,
  owners: Iterable<string>,
  owned: ReadonlyMap<string, readonly string[]>,
  kept: { has(key: string): boolean },
): void {
  const queue = [...owners];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    for (const child of owned.get(key) ?? []) {
      if (!kept.has(child) && state.delete(child)) queue.push(child);
    }
  }
}

/** Faults of the owners that written objects name, judged in the state that would result. */
export function ownerFaults(before: State, next: State, puts: ReadonlyMap<string, AnyObject>): Fault[] {
  const faults: Fault[] = [];
  for (const object of puts.values()) {
    const { owner } = object.metadata;
    const ownerKey = ownerKeyOf(object);
    if (!owner || ownerKey === undefined) continue;
    const say = (message: string): void => {
      faults.push(fault('invalid', refOf(object), message, 'metadata.owner'));
    };
    if (!mayOwn(ownerKey, object)) {
      say(`found ${nameOf(owner)}; an owner is of the same tenant as what it owns, or of the cluster`);
    } else if (!next.has(ownerKey)) {
      const why = before.has(ownerKey) ? 'this request deletes' : 'does not exist';
      say(`found ${nameOf(owner)}, which ${why}; name an object that exists as the owner, or leave the owner out`);
    }
  }
  return [...faults, ...cycleFaults(next, puts.keys())];
}

/** Deleting an owner deletes what it owns, so ownership must not reach further than the owner's tenant. */
function mayOwn(ownerKey: string, object: AnyObject): boolean {
  const [word, first] = ownerKey.split('/');
  const kind = findKind(word ?? '');
  if (!kind || (kind.scope === 'cluster' && kind.kind !== 'Tenant')) return true;
  const tenant = kindInfo(object.kind).scope === 'cluster' ? undefined : object.metadata.tenant;
  return tenant === first;
}

function cycleFaults(next: State, keys: Iterable<string>): Fault[] {
  const reported = new Set<string>();
  const faults: Fault[] = [];
  for (const key of keys) {
    const cycle = cycleFrom(next, key);
    if (!cycle || cycle.some((member) => reported.has(member))) continue;
    cycle.forEach((member) => reported.add(member));
    const chain = [...cycle, key].map(nameOfKey).join(' -> ');
    faults.push(
      fault('invalid', key, `its owners form a cycle: ${chain}; leave the owner out of one of them`, 'metadata.owner'),
    );
  }
  return faults;
}

/** The chain of owners from an object, if it leads back to it. */
function cycleFrom(state: State, start: string): string[] | undefined {
  const chain: string[] = [];
  const seen = new Set<string>();
  for (let key: string | undefined = start; key !== undefined;) {
    if (seen.has(key)) return key === start ? chain : undefined;
    seen.add(key);
    chain.push(key);
    const object: AnyObject | undefined = state.get(key);
    key = object && ownerKeyOf(object);
  }
  return undefined;
}
