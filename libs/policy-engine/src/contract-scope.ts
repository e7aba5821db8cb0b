import type { HeddleObject } from '@heddle/model';
import { inTenantOf, type PolicyObjects } from './objects';

type Epg = HeddleObject<'Epg'>;

/** EPGs between which a contract holds: every consumer may open to every provider of the same group. */
export interface ContractGroup {
  /** Path of the VRF that the EPGs are in. */
  readonly vrf: string;
  readonly providers: readonly Epg[];
  readonly consumers: readonly Epg[];
}

/**
 * Contract paths, each with the groups in which it takes effect. A contract never reaches over a VRF; with scope
 * `application` it stays within one application. Groups with only one side are left out, and so are unenforced VRFs,
 * where contracts have no say.
 */
export function contractGroups(objects: PolicyObjects): Map<string, ContractGroup[]> {
  const sides = new Map<string, { providers: Set<Epg>; consumers: Set<Epg> }>();
  const sideOf = (path: string): { providers: Set<Epg>; consumers: Set<Epg> } => {
    const found = sides.get(path) ?? { providers: new Set(), consumers: new Set() };
    sides.set(path, found);
    return found;
  };
  for (const epg of objects.epgs.values()) {
    for (const name of epg.spec.provides) sideOf(inTenantOf(epg, name)).providers.add(epg);
    for (const name of epg.spec.consumes) sideOf(inTenantOf(epg, name)).consumers.add(epg);
  }
  const groups = new Map<string, ContractGroup[]>();
  for (const [path, contract] of objects.contracts) {
    const side = sides.get(path);
    if (!side) continue;
    const byApplication = contract.spec.scope === 'application';
    const found = groupSides(objects, [...side.providers], [...side.consumers], byApplication);
    if (found.length > 0) groups.set(path, found);
  }
  return groups;
}

function groupSides(
  objects: PolicyObjects,
  providers: readonly Epg[],
  consumers: readonly Epg[],
  byApplication: boolean,
): ContractGroup[] {
  const groups = new Map<string, { vrf: string; providers: Epg[]; consumers: Epg[] }>();
  const add = (epg: Epg, side: 'providers' | 'consumers'): void => {
    const vrf = vrfPathOf(objects, epg);
    if (vrf === undefined || objects.vrfs.get(vrf)?.spec.enforcement !== 'enforced') return;
    const key = byApplication ? `${vrf} ${epg.metadata.application}` : vrf;
    const group = groups.get(key) ?? { vrf, providers: [], consumers: [] };
    groups.set(key, group);
    group[side].push(epg);
  };
  for (const epg of providers) add(epg, 'providers');
  for (const epg of consumers) add(epg, 'consumers');
  return [...groups.values()].filter((group) => group.providers.length > 0 && group.consumers.length > 0);
}

/** The VRF of an EPG, through its bridge domain; undefined where the bridge domain is missing. */
export function vrfPathOf(objects: PolicyObjects, epg: Epg): string | undefined {
  const bridgeDomain = objects.bridgeDomains.get(inTenantOf(epg, epg.spec.bridgeDomain));
  return bridgeDomain && inTenantOf(bridgeDomain, bridgeDomain.spec.vrf);
}

/** Number of ordered pairs of different EPGs, consumer and provider, in a group. */
export function pairCount({ providers, consumers }: ContractGroup): number {
  const both = new Set(providers);
  return providers.length * consumers.length - consumers.filter((epg) => both.has(epg)).length;
}
