import type { DomainSpec, HostSpec } from './kinds';

/**
 * Whether a host can attach endpoints of a Domain: tunnels end at it, or it has the Domain's uplink, cabled to a leaf.
 *
 * @returns why not, a sentence that goes on after the host's name; undefined when it can
 */
export function offerProblem(host: HostSpec, name: string, domain: DomainSpec): string | undefined {
  if (host.role === 'leaf') return 'is a leaf and runs no containers';
  if (host.domains && !host.domains.includes(name))
    return `is limited to the domains ${host.domains.join(', ') || 'none'}`;
  if (domain.driver === 'ovs' && domain.encapsulation === 'vxlan')
    // A host of before tunnels could be left out says nothing of them.
    return host.tunnels === false ? 'ends no tunnels, which encapsulation vxlan needs' : undefined;
  const uplink = host.uplinks[domain.uplink ?? ''];
  if (!uplink) return `has no uplink "${domain.uplink}"; it has ${Object.keys(host.uplinks).join(', ') || 'none'}`;
  if (uplink.leaf === undefined || uplink.port === undefined)
    return `does not say which port of which leaf its uplink "${domain.uplink}" is cabled to`;
  return undefined;
}

/** Names of the Domains that a host offers, of those that there are, sorted. */
export const offeredDomains = (host: HostSpec, domains: ReadonlyMap<string, DomainSpec>): string[] =>
  [...domains].flatMap(([name, spec]) => (offerProblem(host, name, spec) === undefined ? [name] : [])).sort();

/** Why a host does not offer the other Domains, by their names; see {@link offerProblem}. Nobody asks a leaf to. */
export const refusedDomains = (host: HostSpec, domains: ReadonlyMap<string, DomainSpec>): Record<string, string> =>
  Object.fromEntries(
    [...(host.role === 'leaf' ? [] : domains)].flatMap(([name, spec]) => {
      const problem = offerProblem(host, name, spec);
      return problem === undefined ? [] : [[name, problem]];
    }),
  );
