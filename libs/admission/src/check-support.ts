import { refOf, type AnyObject, type Problem } from '@heddle/model';
import { nameOf } from './faults';
import type { State } from './state';

const NOT_YET = 'is not available in this version';

/**
 * What the object model names and this version cannot enforce. It is refused rather than kept without effect: somebody
 * who reads it back would believe that it holds.
 */
export const checkSupport = (state: State): Problem[] =>
  [...state.values()].flatMap((object) => (object.kind === 'Domain' ? domainProblems(object) : []));

function domainProblems(domain: Extract<AnyObject, { kind: 'Domain' }>): Problem[] {
  const problem = (field: string, found: string, message: string): Problem => ({
    path: `${nameOf(refOf(domain))} spec.${field}`,
    message: `found "${found}", which ${message}`,
  });
  const { spec } = domain;
  if (spec.driver !== 'ovs') {
    return [problem('driver', spec.driver, `${NOT_YET}; allowed is ovs: write \`driver: ovs\` and its fields only`)];
  }
  if (spec.encapsulation !== 'vxlan') {
    const message = `${NOT_YET}; allowed is vxlan: leave encapsulation and vlans out`;
    return [problem('encapsulation', spec.encapsulation, message)];
  }
  if (spec.vlans === undefined) return [];
  return [problem('vlans', spec.vlans, `encapsulation vxlan has no use for; allowed is no VLAN pool: leave it out`)];
}
