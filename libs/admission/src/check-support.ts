import { refOf, type AnyObject, type DomainSpec, type Problem } from '@heddle/model';
import { nameOf } from './faults';
import type { State } from './state';

/**
 * What the fields of an object say together and cannot be enforced. It is refused rather than kept without effect: somebody
 * who reads it back would believe that it holds.
 */
export const checkSupport = (state: State): Problem[] =>
  [...state.values()].flatMap((object) => (object.kind === 'Domain' ? domainProblems(object) : []));

/** Fields of a Domain with driver ovs that belong to encapsulation vlan. */
const VLAN_FIELDS = {
  fabric: 'the Fabric whose leaves forward',
  uplink: 'the uplink of the hosts that leads there',
  vlans: 'the VLANs that its EPGs get, such as "100-199"',
} as const;

function domainProblems(domain: Extract<AnyObject, { kind: 'Domain' }>): Problem[] {
  const { spec } = domain;
  // The schema of macvlan asks for all that it needs.
  if (spec.driver !== 'ovs') return [];
  const problem = (field: string, message: string): Problem => ({
    path: `${nameOf(refOf(domain))} spec.${field}`,
    message,
  });
  if (spec.encapsulation === 'vlan') {
    return keys(VLAN_FIELDS)
      .filter((field) => spec[field] === undefined)
      .map((field) => problem(field, `is missing; encapsulation vlan needs ${VLAN_FIELDS[field]}`));
  }
  const without: (keyof DomainSpec & string)[] = [...keys(VLAN_FIELDS), 'mtu'];
  return without.flatMap((field) => {
    const found = spec[field];
    if (found === undefined) return [];
    const message = `found "${found}", which encapsulation vxlan has no use for; leave it out, or write \`encapsulation: vlan\` for a Domain on a fabric`;
    return [problem(field, message)];
  });
}

const keys = <T extends object>(fields: T): (keyof T)[] => Object.keys(fields) as (keyof T)[];
