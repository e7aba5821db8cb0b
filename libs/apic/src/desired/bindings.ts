import type { Problem } from '@heddle/model';
import type { PathResult } from './paths';
import { encapOf } from './vlans';

/** That an EPG is at a port, with a VLAN; somebody says so. */
export interface BindingClaim {
  /** Path of the EPG. */
  readonly epg: string;
  readonly at: PathResult;
  readonly vlan: number;
  /** Whether its frames are tagged there. */
  readonly tagged: boolean;
  /** Object and field that say so, for problems. */
  readonly origin: string;
  /** Whether the VLAN was given by Heddle: such a claim wins over one that a person made for the same VLAN. */
  readonly allocated: boolean;
}

/** A static path of an EPG. */
export interface Binding {
  readonly path: string;
  readonly encap: string;
  readonly mode: 'regular' | 'untagged';
}

/**
 * Decides between claims. An APIC tells endpoints apart by port and VLAN alone: on one leaf a VLAN belongs to one EPG, on one
 * port one EPG is untagged, and an EPG is once on a port. What VLAN was given first stays; the rest becomes a problem.
 *
 * @returns static paths by EPG
 */
export function resolveBindings(claims: readonly BindingClaim[]): {
  bindings: Map<string, Binding[]>;
  problems: Problem[];
} {
  const bindings = new Map<string, Binding[]>();
  const problems: Problem[] = [];
  const vlanOwners = new Map<string, string>();
  const untaggedOwners = new Map<string, string>();
  const places = new Map<string, Binding>();
  const refuse = (claim: BindingClaim, message: string): void => void problems.push({ path: claim.origin, message });
  for (const claim of [...claims].sort(byPrecedence)) {
    const { at, epg, vlan, tagged } = claim;
    if ('problem' in at) {
      refuse(claim, at.problem);
      continue;
    }
    const binding: Binding = { path: at.path, encap: encapOf(vlan), mode: tagged ? 'regular' : 'untagged' };
    const place = `${epg} ${at.path}`;
    const known = places.get(place);
    if (known) {
      if (known.encap === binding.encap && known.mode === binding.mode) continue;
      refuse(
        claim,
        `EPG ${epg} is on ${at.path} already, ${known.mode} with ${known.encap}; allowed is once on a port`,
      );
      continue;
    }
    const leaf = at.nodes.find((node) => (vlanOwners.get(`${node} ${vlan}`) ?? epg) !== epg);
    if (leaf !== undefined) {
      const owner = vlanOwners.get(`${leaf} ${vlan}`);
      refuse(claim, `VLAN ${vlan} belongs to EPG ${owner} on leaf ${leaf}; EPG ${epg} needs another one there`);
      continue;
    }
    const untagged = untaggedOwners.get(at.path);
    if (!tagged && untagged !== undefined) {
      refuse(
        claim,
        `EPG ${untagged} is untagged on ${at.path}, so EPG ${epg} cannot be; allowed is one EPG on an access port`,
      );
      continue;
    }
    places.set(place, binding);
    if (!tagged) untaggedOwners.set(at.path, epg);
    for (const node of at.nodes) vlanOwners.set(`${node} ${vlan}`, epg);
    const list = bindings.get(epg);
    if (list) list.push(binding);
    else bindings.set(epg, [binding]);
  }
  return { bindings, problems };
}

const byPrecedence = (a: BindingClaim, b: BindingClaim): number =>
  Number(b.allocated) - Number(a.allocated) || a.vlan - b.vlan || compare(a.epg, b.epg) || compare(a.origin, b.origin);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
