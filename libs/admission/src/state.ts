import { keyOf, type AnyObject, type Change } from '@heddle/model';

/**
 * Desired state at one position of the log: every object that people and programs write, and what is generated from it,
 * by key (`Service/acme/shop/web`). Allocations and endpoints are derived elsewhere and not part of it. Never modified:
 * changes give a new one.
 */
export type State = ReadonlyMap<string, AnyObject>;

export const stateOf = (objects: Iterable<AnyObject>): State =>
  new Map([...objects].map((object) => [keyOf(object), object]));

/** The state after a change. */
export const applyChange = (state: State, change: Change): State => applyChanges(state, [change]);

/** The state after several changes, in their order. */
export function applyChanges(state: State, changes: Iterable<Change>): State {
  const next = new Map(state);
  for (const change of changes) {
    for (const { key, after } of change.objects) set(next, key, after);
  }
  return next;
}

/** The state before a change, from the state after it. With the log read backwards this gives any view of the past. */
export function undoChange(state: State, change: Change): State {
  const previous = new Map(state);
  for (const { key, before } of change.objects) set(previous, key, before);
  return previous;
}

function set(state: Map<string, AnyObject>, key: string, object: Change['objects'][number]['after']): void {
  if (object) state.set(key, object as AnyObject);
  else state.delete(key);
}
