import { applyChange } from '@heddle/admission';
import {
  HeddleError,
  type Change,
  type AnyObject,
  type PathChange,
  type PolicyPreview,
  type Problem,
  type VerdictRequest,
  type VerdictResult,
} from '@heddle/model';
import {
  assignIds, checkPolicy, compile, diffPaths, raiseFloor, trafficText, verdict,
  type IdTable, type OpenPath, type PolicyIndex, type ResolvedPolicy,
} from '@heddle/policy-engine'; // prettier-ignore

/** Policy objects at one position, with what they resolve to. */
export interface Resolution {
  readonly ids: IdTable;
  readonly policy: ResolvedPolicy;
}

/** Resolves the objects with the numbers given so far. Pure. */
export function resolve(objects: ReadonlyMap<string, AnyObject>, ids: IdTable): Resolution {
  const assigned = assignIds(ids, objects.values());
  return { ids: assigned, policy: compile(objects.values(), assigned) };
}

/** @param highest the highest class id that any host has enforced: after a restore numbering goes on above it */
export const withFloor = (ids: IdTable, highest: number): IdTable =>
  highest > 0 ? raiseFloor(ids, { classId: highest }) : ids;

/** Whether resolving the objects gives numbers that were not given before. */
export function needsNumbers(objects: ReadonlyMap<string, AnyObject>, ids: IdTable): boolean {
  const assigned = assignIds(ids, objects.values());
  return (['vrf', 'bridgeDomain', 'class'] as const).some((space) => assigned[space].next !== ids[space].next);
}

/** What would be wrong with the policy after a change. */
export function checkAfter(objects: ReadonlyMap<string, AnyObject>, ids: IdTable, change: Change): Problem[] {
  const after = applyChange(objects, change);
  const problems = checkPolicy(after.values());
  if (problems.length > 0) return problems;
  try {
    assignIds(ids, after.values());
    return [];
  } catch (error) {
    return [{ path: '', message: HeddleError.from(error).message }];
  }
}

/** What a change would open and close, between EPGs. */
export function preview(
  objects: ReadonlyMap<string, AnyObject>,
  resolution: Resolution,
  change: Change,
): PolicyPreview {
  const after = resolve(applyChange(objects, change), resolution.ids);
  const { opened, closed } = diffPaths(resolution.policy, after.policy);
  return { opened: opened.map(pathChange), closed: closed.map(pathChange) };
}

function pathChange(path: OpenPath): PathChange {
  return { source: path.source, destination: path.destination, traffic: trafficText(path), origin: path.origin };
}

export function answer(index: PolicyIndex, request: VerdictRequest): VerdictResult {
  const { source, destination, ...packet } = request;
  return verdict(index, { source, destination, packet });
}
