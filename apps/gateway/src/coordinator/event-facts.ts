import { parseKey, splitPath, type EventFact, type LoggedChange, type ObjectChange } from '@heddle/model';

/** What an accepted change made happen, one fact for each object. */
export function eventFacts(change: LoggedChange): EventFact[] {
  return change.objects.map((part) => {
    const { kind, path } = parseKey(part.key);
    const { tenant = '' } = splitPath(kind, path);
    const what = actionOf(part);
    return {
      at: change.at,
      kind,
      tenant,
      name: tenant === '' ? path : path.slice(tenant.length + 1),
      what,
      message: `${what} by ${change.by.principal} (${change.verb})`,
      by: change.by.principal,
      position: change.position,
    };
  });
}

export type Action = 'created' | 'updated' | 'deleted';

export const actionOf = ({ before, after }: ObjectChange): Action =>
  after === null ? 'deleted' : before === null ? 'created' : 'updated';

/** The objects of a change as answers list them. */
export const changedKeys = (objects: readonly ObjectChange[]): { key: string; action: Action }[] =>
  objects.map((part) => ({ key: part.key, action: actionOf(part) }));
