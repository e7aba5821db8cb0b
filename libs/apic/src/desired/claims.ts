import {
  equipmentProblem,
  pathOf,
  type AnyObject,
  type DistributedEncapsulation,
  type DomainSpec,
  type HeddleObject,
  type Kind,
  type Problem,
} from '@heddle/model';
import { EndpointBinder } from '@heddle/policy-engine';
import type { BindingClaim } from './bindings';
import { portPath } from './paths';
import { hasVlan, vlanRanges } from './vlans';

/** What claims are made from. */
export interface ClaimSources {
  readonly pod: number;
  /** The EPGs on the fabric, by path. */
  readonly epgs: ReadonlyMap<string, HeddleObject<'Epg'>>;
  /** The Domains on the fabric, by name. */
  readonly domains: ReadonlyMap<string, DomainSpec>;
  readonly encapsulations: ReadonlyMap<string, DistributedEncapsulation>;
  readonly objects: ReadonlyMap<string, AnyObject>;
}

interface Claims {
  readonly claims: BindingClaim[];
  readonly problems: Problem[];
}

/** Whether frames carry a VLAN tag on the uplinks of a Domain. */
const isTagged = (domain: DomainSpec): boolean => domain.driver === 'ovs' || domain.tagging === 'trunk';

/** The allocated VLAN of an EPG; undefined while nobody has given one in the Domain that it names now. */
export function allocatedVlan(
  epg: HeddleObject<'Epg'>,
  encapsulations: ReadonlyMap<string, DistributedEncapsulation>,
): number | undefined {
  const known = encapsulations.get(pathOf('Epg', epg.metadata));
  return known?.domain === epg.spec.domain ? known.vlan : undefined;
}

/** Every place where an EPG is: the uplinks of the hosts that offer its Domain, its static bindings, its servers. */
export function bindingClaims(sources: ClaimSources): Claims {
  const parts = [ofHosts(sources), ofStaticBindings(sources), ofEndpoints(sources)];
  return { claims: parts.flatMap((part) => part.claims), problems: parts.flatMap((part) => part.problems) };
}

function ofHosts({ pod, epgs, domains, encapsulations, objects }: ClaimSources): Claims {
  const claims: BindingClaim[] = [];
  const vlansOfDomain = new Map<string, [epg: string, vlan: number][]>();
  for (const [path, epg] of epgs) {
    const vlan = allocatedVlan(epg, encapsulations);
    if (vlan === undefined) continue;
    const { domain } = epg.spec;
    vlansOfDomain.set(domain, [...(vlansOfDomain.get(domain) ?? []), [path, vlan]]);
  }
  for (const host of ofKind(objects, 'Host')) {
    for (const [name, domain] of domains) {
      const uplink = host.spec.uplinks[domain.uplink ?? ''];
      if (equipmentProblem(host.spec, name, domain) !== undefined || uplink === undefined) continue;
      const at = portPath(pod, uplink.leaf ?? '', uplink.port ?? '');
      const origin = `Host ${host.metadata.name} spec.uplinks.${domain.uplink}`;
      for (const [epg, vlan] of vlansOfDomain.get(name) ?? [])
        claims.push({ epg, at, vlan, tagged: isTagged(domain), origin, allocated: true });
    }
  }
  return { claims, problems: [] };
}

function ofStaticBindings(sources: ClaimSources): Claims {
  const places = [...sources.epgs].flatMap(([path, epg]) =>
    // One that an earlier version wrote has no list of them.
    (epg.spec.staticBindings ?? []).map((place, i) => ({
      epg: path,
      place,
      origin: `Epg ${path} spec.staticBindings[${i}]`,
    })),
  );
  return ofPlaces(sources, places);
}

/** Servers belong to an EPG by its static binding, too; then both claim the same. */
function ofEndpoints(sources: ClaimSources): Claims {
  const { epgs, objects } = sources;
  const binder = new EndpointBinder(ofKind(objects, 'Epg'));
  const places: StaticPlace[] = [];
  for (const endpoint of ofKind(objects, 'Endpoint')) {
    const { attachment } = endpoint.spec;
    const binding = binder.bind(endpoint);
    if (attachment?.driver !== 'static' || binding.state !== 'bound' || !epgs.has(binding.epg)) continue;
    const origin = `Endpoint ${pathOf('Endpoint', endpoint.metadata)} spec.attachment`;
    places.push({ epg: binding.epg, place: attachment, origin });
  }
  return ofPlaces(sources, places);
}

const ofKind = <K extends Kind>(objects: ReadonlyMap<string, AnyObject>, kind: K): HeddleObject<K>[] =>
  [...objects.values()].filter((object): object is AnyObject & HeddleObject<K> => object.kind === kind);

interface StaticPlace {
  readonly epg: string;
  readonly place: { readonly leaf: string; readonly port: string; readonly vlan?: number | undefined };
  readonly origin: string;
}

function ofPlaces({ pod, epgs, domains, encapsulations }: ClaimSources, places: readonly StaticPlace[]): Claims {
  const claims: BindingClaim[] = [];
  const problems: Problem[] = [];
  for (const { epg, place, origin } of places) {
    const object = epgs.get(epg) as HeddleObject<'Epg'>;
    const { vlans = '' } = domains.get(object.spec.domain) as DomainSpec;
    if (place.vlan !== undefined && !hasVlan(vlanRanges(vlans), place.vlan)) {
      problems.push({
        path: origin,
        message: `found VLAN ${place.vlan}; allowed are those of Domain ${object.spec.domain}: ${vlans}`,
      });
      continue;
    }
    // Frames without a tag have a VLAN inside the fabric all the same.
    const vlan = place.vlan ?? allocatedVlan(object, encapsulations);
    if (vlan === undefined) continue;
    const at = portPath(pod, place.leaf, place.port);
    claims.push({ epg, at, vlan, tagged: place.vlan !== undefined, origin, allocated: false });
  }
  return { claims, problems };
}
