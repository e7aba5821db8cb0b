import type { ResolvedEntry } from '@heddle/model';
import type { ResolvedPolicy } from './policy-index';
import { sameJson } from './same-json';

/** What turns one resolved policy into another. */
export interface ResolvedDiff {
  readonly put: readonly (readonly [key: string, entry: ResolvedEntry])[];
  readonly delete: readonly string[];
}

/** The smallest difference between two resolved policies; keys are in the order of the maps. */
export function diffResolved(before: ResolvedPolicy, after: ResolvedPolicy): ResolvedDiff {
  return {
    put: [...after].filter(([key, entry]) => !sameJson(before.get(key), entry)),
    delete: [...before.keys()].filter((key) => !after.has(key)),
  };
}

/** The policy that results from a difference. */
export function applyDiff(policy: ResolvedPolicy, diff: ResolvedDiff): ResolvedPolicy {
  const next = new Map(policy);
  for (const key of diff.delete) next.delete(key);
  for (const [key, entry] of diff.put) next.set(key, entry);
  return next;
}
