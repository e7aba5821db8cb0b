import type { DomainSpec, HeddleObject, Problem } from '@heddle/model';

/**
 * What hosts and an APIC cannot do together: a host with a switch of its own routes before its frames reach the fabric, so they
 * go to the destination's MAC in the VLAN of the source; an APIC forwards them in the bridge domain of that VLAN only.
 */
export function routingProblems(
  epgs: ReadonlyMap<string, HeddleObject<'Epg'>>,
  domains: ReadonlyMap<string, DomainSpec>,
): Problem[] {
  const all = [...epgs];
  return all.flatMap(([path, epg]) => {
    if (domains.get(epg.spec.domain)?.driver !== 'ovs') return [];
    const far = all.find(
      ([, other]) =>
        other.metadata.tenant === epg.metadata.tenant &&
        other.spec.bridgeDomain !== epg.spec.bridgeDomain &&
        sharesContract(epg, other),
    );
    if (far === undefined) return [];
    const message = `is in a Domain of driver ovs and has a contract with EPG ${far[0]} of another bridge domain; an APIC does not forward what a host has routed: use one bridge domain, or driver macvlan`;
    return [{ path: `Epg ${path}`, message }];
  });
}

const sharesContract = ({ spec: a }: HeddleObject<'Epg'>, { spec: b }: HeddleObject<'Epg'>): boolean =>
  a.provides.some((name) => b.consumes.includes(name)) || a.consumes.some((name) => b.provides.includes(name));
