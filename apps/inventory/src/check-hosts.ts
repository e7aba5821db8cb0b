import type { AnyObject, Change, HostSpec, Problem } from '@heddle/model';
import { sameJson } from '@heddle/policy-engine';
import type { InventoryObjects } from './objects';

/** What a host itself knows best; its zone, labels and Domains, and whether it may be used, are for people to change. */
export const OWN_FACTS = ['role', 'underlay', 'tunnels', 'capacity', 'uplinks'] as const satisfies (keyof HostSpec)[];

/** Of what a host says of itself, the part that is taken from nobody else. */
export const ownFacts = (spec: HostSpec): Partial<HostSpec> =>
  Object.fromEntries(OWN_FACTS.map((field) => [field, spec[field]]));

/** By these the objects are what hosts said of themselves, or were. */
const NOT_WRITTEN: readonly string[] = ['register', 'rollback'];

/**
 * What people write of a host and it says otherwise of itself. It would hold until the host registers again and no longer, so
 * it is refused.
 *
 * @param registered names of the hosts that have said what they are; undefined while that is not known
 */
export function ownFactProblems(
  { hosts }: InventoryObjects,
  { verb, objects }: Change,
  registered: ReadonlySet<string> = new Set(),
): Problem[] {
  if (NOT_WRITTEN.includes(verb)) return [];
  return objects.flatMap(({ after }): Problem[] => {
    const object = after as AnyObject | null;
    if (object?.kind !== 'Host') return [];
    const { name } = object.metadata;
    const said = hosts.get(name)?.spec;
    if (!said || !registered.has(name)) return [];
    return OWN_FACTS.filter((field) => !sameFact(object.spec[field], said[field])).map((field) => ({
      path: `Host ${name} spec.${field}`,
      message: `found ${JSON.stringify(object.spec[field])}; allowed is ${JSON.stringify(said[field]) ?? 'nothing'}, which the host itself says: change it in the host's own configuration, and its agent says it when it starts again`,
    }));
  });
}

/** One that an earlier version wrote may lack a field that has a default by now. */
const sameFact = (found: unknown, said: unknown): boolean => said === undefined || sameJson(found, said);
