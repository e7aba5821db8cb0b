import type { Problem } from '@heddle/model';
import { checkState } from './check-references';
import type { Fault } from './faults';
import { ownerKeyOf } from './ownership';
import type { State } from './state';

/**
 * What would be wrong with the resulting state. What was wrong before already is not held against the request: it may be
 * the one that mends something else.
 */
export function stateFaults(before: State, next: State): Fault[] {
  const problems = checkState(next);
  if (problems.length === 0) return [];
  // What is allowed instead varies with other objects, so two problems are the same when they are up to there.
  const text = ({ path, message }: Problem): string => `${path}: ${message.split(';')[0]}`;
  const known = new Set(checkState(before).map(text));
  const fresh = problems.filter((problem) => !known.has(text(problem)));
  return withoutEchoes(next, fresh).map((problem) => ({ code: 'invalid', problem }));
}

/** A fault of a short form shows in everything that it generates; it is said once, where the person wrote it. */
function withoutEchoes(state: State, problems: readonly Problem[]): Problem[] {
  const faulty = new Set(problems.map(keyIn));
  return problems.filter((problem) => {
    const object = state.get(keyIn(problem));
    const owner = object?.metadata.generated ? ownerKeyOf(object) : undefined;
    return owner === undefined || !faulty.has(owner);
  });
}

/** The object of a problem: `Epg acme/shop/web spec.consumes[0]` gives `Epg/acme/shop/web`. */
const keyIn = ({ path }: Problem): string => path.split(' ').slice(0, 2).join('/');
