import { keyOf, kindInfo, refKey, type AnyObject, type Change, type ObjectChange } from '@heddle/model';
import { sameContent, stamped } from './content';
import { nameOfKey, throwFaults } from './faults';
import { nextState } from './next-state';
import { compareKeys } from './order';
import { ownerFaults } from './ownership';
import { removalFaults } from './removal-faults';
import type { AdmissionContext, AdmissionRequest } from './request';
import { requestFaults, revisionFaults, tenantFaults } from './request-faults';
import { stateFaults } from './state-faults';
import type { State } from './state';

/**
 * Decides whether a request becomes a change, and gives the whole change: the objects that are written, those that are
 * generated from them, and those that go with what is deleted, each before and after. A request that changes nothing
 * gives a change without objects.
 *
 * Everything that is wrong is collected into one error, and nothing has happened then.
 *
 * @throws HeddleError with all problems; the code is the first that applies of
 *   `forbidden` (another tenant's or the cluster's objects), `conflict` (a revision that is no longer true), `not-found`
 *   (a deleted object that does not exist), `invalid` (the request or the state that would result is wrong), `refused`
 *   (objects that others need, that are generated, or that only Heddle writes).
 */
export function admit(state: State, request: AdmissionRequest, context: AdmissionContext): Change {
  throwFaults(tenantFaults(state, request, context.by));

  const { next, puts, faults } = nextState(state, writable(request));
  const removals = removalFaults(state, next, request.deletes);
  // Where something may not go, the rest is judged as if it stayed: its absence is said once and not by all who need it.
  const judged = removals.length > 0 ? new Map([...state, ...next]) : next;
  throwFaults([
    ...requestFaults(request),
    ...revisionFaults(state, request.expectedRevisions),
    ...faults,
    ...ownerFaults(state, next, puts),
    ...removals,
    ...stateFaults(state, judged),
  ]);

  const objects = difference(state, next, context);
  const { changeId, by, at } = context;
  return { changeId, by, at, verb: request.verb, summary: request.summary ?? summarise(request, objects), objects };
}

/** A request without the kinds that only Heddle writes; they are refused by themselves and no part of the state. */
const writable = (request: AdmissionRequest): AdmissionRequest => ({
  ...request,
  puts: request.puts.filter(({ kind }) => !kindInfo(kind).derived),
  deletes: request.deletes.filter(({ kind }) => !kindInfo(kind).derived),
});

function difference(before: State, after: State, context: AdmissionContext): ObjectChange[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys]
    .filter((key) => !sameContent(before.get(key), after.get(key)))
    .sort(compareKeys)
    .map((key) => {
      const [old, wanted] = [before.get(key), after.get(key)];
      const identity = { uid: () => context.newUid(key), revision: context.position };
      return { key, before: old ?? null, after: wanted ? stamped(wanted, old, identity) : null };
    });
}

const NAMED = 3;

/** `apply App acme/shop, Tenant acme: 12 created, 1 changed`. */
function summarise(request: AdmissionRequest, objects: readonly ObjectChange[]): string {
  const changed = new Set(objects.map(({ key }) => key));
  const asked = [...request.puts.map((object: AnyObject) => keyOf(object)), ...request.deletes.map(refKey)];
  const named = asked.filter((key) => changed.has(key)).map(nameOfKey);
  const names = `${named.slice(0, NAMED).join(', ')}${named.length > NAMED ? ` and ${named.length - NAMED} more` : ''}`;
  const counts = [
    [objects.filter((o) => !o.before).length, 'created'],
    [objects.filter((o) => o.before && o.after).length, 'changed'],
    [objects.filter((o) => !o.after).length, 'deleted'],
  ] as const;
  const text = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `${[request.verb, names].filter(Boolean).join(' ')}: ${text.join(', ') || 'nothing changes'}`;
}
