import type { AnyObject, DomainSpec, FabricSpec, HostSpec } from './kinds';

/** What decides which Domains a host offers beside what it says of itself. */
export interface Cabling {
  /** By name. */
  readonly fabrics: ReadonlyMap<string, FabricSpec>;
  /** Names of the hosts of role leaf, also of those that are lost: they come back. */
  readonly leaves: ReadonlySet<string>;
}

/** Why uplinks of a host cannot be used, by their names, as the host itself finds. */
export type UplinkProblems = Readonly<Record<string, string>>;

export function cablingOf(objects: Iterable<AnyObject>): Cabling {
  const fabrics = new Map<string, FabricSpec>();
  const leaves = new Set<string>();
  for (const { kind, metadata, spec } of objects) {
    if (kind === 'Fabric') fabrics.set(metadata.name, spec);
    else if (kind === 'Host' && spec.role === 'leaf') leaves.add(metadata.name);
  }
  return { fabrics, leaves };
}

/**
 * Whether a host is made to attach endpoints of a Domain: tunnels end at it, or it has the Domain's uplink, cabled to some leaf.
 * Whether that leaf is there is not asked; see {@link offerProblem}.
 *
 * @returns why not, a sentence that goes on after the host's name; undefined when it is
 */
export function equipmentProblem(host: HostSpec, name: string, domain: DomainSpec): string | undefined {
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

/**
 * Whether endpoints of a Domain can be attached on a host and reach others: it is made for it, the leaf at the other end of its
 * uplink is there, and nothing is wrong with the uplink.
 *
 * @returns why not, a sentence that goes on after the host's name; undefined when they can
 */
export function offerProblem(
  host: HostSpec,
  name: string,
  domain: DomainSpec,
  cabling: Cabling,
  uplinkProblems: UplinkProblems = {},
): string | undefined {
  const problem = equipmentProblem(host, name, domain);
  if (problem !== undefined || (domain.driver === 'ovs' && domain.encapsulation === 'vxlan')) return problem;
  const uplink = domain.uplink ?? '';
  if (Object.hasOwn(uplinkProblems, uplink)) return `cannot use its uplink "${uplink}": ${uplinkProblems[uplink]}`;
  const wrong = leafProblem(host.uplinks[uplink]?.leaf ?? '', domain.fabric ?? '', cabling);
  return wrong === undefined ? undefined : `says that its uplink "${uplink}" is cabled to ${wrong}`;
}

/** What speaks against a leaf of a Fabric, beginning with its name. */
function leafProblem(leaf: string, fabric: string, { fabrics, leaves }: Cabling): string | undefined {
  const driver = fabrics.get(fabric)?.driver;
  if (driver === undefined) return `leaf ${leaf}, and there is no Fabric ${fabric} that it could be of`;
  if (driver === 'apic')
    return isNodeId(leaf)
      ? undefined
      : `leaf ${leaf}, which is no node id of Fabric ${fabric}; allowed is ${NODE_ID_RULE}`;
  if (leaves.has(leaf)) return undefined;
  const known = [...leaves].sort().join(', ') || 'none';
  return `leaf ${leaf}, and no host of that name has joined with role leaf (there are: ${known}); start the leaf, or correct the uplinks of the host`;
}

const NODE = { least: 101, most: 4000 };

/** What {@link isNodeId} holds for. */
export const NODE_ID_RULE = `the node id of a leaf such as 101 (${NODE.least} to ${NODE.most}), or two of a virtual port channel such as 101-102`;

/** Whether the name of a leaf is one that an APIC could have. */
export function isNodeId(leaf: string): boolean {
  const nodes = leaf.split('-');
  return nodes.length <= 2 && nodes.every(isNode) && nodes[0] !== nodes[1];
}

const isNode = (text: string): boolean =>
  /^[1-9][0-9]{2,3}$/.test(text) && Number(text) >= NODE.least && Number(text) <= NODE.most;

/** Names of the Domains that a host offers, of those that there are, sorted. */
export const offeredDomains = (
  host: HostSpec,
  domains: ReadonlyMap<string, DomainSpec>,
  cabling: Cabling,
  uplinkProblems?: UplinkProblems,
): string[] =>
  [...domains]
    .flatMap(([name, spec]) => (offerProblem(host, name, spec, cabling, uplinkProblems) === undefined ? [name] : []))
    .sort();

/** Why a host does not offer the other Domains, by their names; see {@link offerProblem}. Nobody asks a leaf to. */
export const refusedDomains = (
  host: HostSpec,
  domains: ReadonlyMap<string, DomainSpec>,
  cabling: Cabling,
  uplinkProblems?: UplinkProblems,
): Record<string, string> =>
  Object.fromEntries(
    [...(host.role === 'leaf' ? [] : domains)].flatMap(([name, spec]) => {
      const problem = offerProblem(host, name, spec, cabling, uplinkProblems);
      return problem === undefined ? [] : [[name, problem]];
    }),
  );
