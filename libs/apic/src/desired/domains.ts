import type { DomainSpec } from '@heddle/model';
import { dnOf, mo, type Mo } from '../tree/mo';
import { encapOf, vlanRanges } from './vlans';

/** The physical domain that stands for a Domain. */
export const domainDn = (domain: string): string => dnOf('physDomP', { name: domain });

/**
 * A Domain as an APIC has it: a VLAN pool and a physical domain with it, both of the Domain's name. Which ports it may be used
 * on is said by an attachable entity profile, which is the operator's.
 */
export function domainMos(name: string, { vlans = '' }: DomainSpec): Mo[] {
  const pool = { name, allocMode: 'static' };
  const blocks = vlans === '' ? [] : vlanRanges(vlans);
  return [
    mo(
      'fvnsVlanInstP',
      pool,
      blocks.map(({ from, to }) => mo('fvnsEncapBlk', { from: encapOf(from), to: encapOf(to), allocMode: 'static' })),
    ),
    mo('physDomP', { name }, [mo('infraRsVlanNs', { tDn: dnOf('fvnsVlanInstP', pool) })]),
  ];
}
