import { subnetOf, usableIn, type Subnet } from '@heddle/ipam';
import {
  formatAddress, parseAddress, refOf,
  type Attachment, type HeddleObject, type Problem,
} from '@heddle/model'; // prettier-ignore
import { EndpointBinder } from '@heddle/policy-engine';
import { list, nameOf } from './faults';
import type { State } from './state';

type Endpoint = HeddleObject<'Endpoint'>;
type StaticPlace = Extract<Attachment, { driver: 'static' }>;

/** How the MACs of containers and of gateways begin, which Heddle makes from their addresses. */
const OWN_MACS = '02:48:';

/**
 * What is wrong with endpoints that are written down: EPGs that are not there or not one, addresses that cannot be theirs, and
 * whatever two of them claim.
 */
export function checkEndpoints(state: State): Problem[] {
  const objects = sorted(state);
  const { endpoints, epgs, bridgeDomains } = objects;
  if (endpoints.length === 0) return [];
  const binder = new EndpointBinder(epgs.values());
  const bound: Bound[] = endpoints.map((endpoint) => {
    const binding = binder.bind(endpoint);
    const epg = binding.state === 'bound' ? epgs.get(binding.epg) : undefined;
    const { tenant } = endpoint.metadata;
    const path = epg && `${tenant}/${epg.spec.bridgeDomain}`;
    const bridgeDomain = path === undefined ? undefined : bridgeDomains.get(path);
    if (binding.state !== 'bound' || !bridgeDomain || path === undefined) return { endpoint, binding };
    return {
      endpoint,
      binding,
      in: {
        epg: binding.epg,
        bridgeDomain: path,
        vrf: `${tenant}/${bridgeDomain.spec.vrf}`,
        subnets: bridgeDomain.spec.subnets.map(({ gateway }) => subnetOf(gateway)),
      },
    };
  });
  return [
    ...bound.flatMap((each) => [
      ...epgProblems(each, epgs),
      ...macProblems(each.endpoint),
      ...addressProblems(each),
      ...placeProblems(each.endpoint, objects),
    ]),
    ...collisions(bound, claimsOf),
    ...untaggedProblems(bound, objects),
  ];
}

/** An endpoint with what it is bound to, and where that puts it. */
interface Bound {
  readonly endpoint: Endpoint;
  readonly binding: ReturnType<EndpointBinder['bind']>;
  readonly in?: {
    readonly epg: string;
    readonly bridgeDomain: string;
    readonly vrf: string;
    readonly subnets: readonly Subnet[];
  };
}

interface Objects {
  readonly endpoints: readonly Endpoint[];
  /** By path. */
  readonly epgs: ReadonlyMap<string, HeddleObject<'Epg'>>;
  readonly bridgeDomains: ReadonlyMap<string, HeddleObject<'BridgeDomain'>>;
  readonly hosts: ReadonlyMap<string, HeddleObject<'Host'>>;
  /** By `LEAF/PORT`, the host whose uplink ends there. */
  readonly cables: ReadonlyMap<string, string>;
  /** Whether some Fabric is an APIC. */
  readonly apics: boolean;
}

function sorted(state: State): Objects {
  const endpoints: Endpoint[] = [];
  const epgs = new Map<string, HeddleObject<'Epg'>>();
  const bridgeDomains = new Map<string, HeddleObject<'BridgeDomain'>>();
  const hosts = new Map<string, HeddleObject<'Host'>>();
  const cables = new Map<string, string>();
  let apics = false;
  for (const object of state.values()) {
    const { path } = refOf(object);
    if (object.kind === 'Endpoint') endpoints.push(object);
    else if (object.kind === 'Epg') epgs.set(path, object);
    else if (object.kind === 'BridgeDomain') bridgeDomains.set(path, object);
    else if (object.kind === 'Host') {
      hosts.set(path, object);
      for (const { leaf, port } of Object.values(object.spec.uplinks))
        if (leaf !== undefined && port !== undefined) cables.set(`${leaf}/${port}`, path);
    }
    if (object.kind === 'Fabric') apics ||= object.spec.driver === 'apic';
  }
  return { endpoints, epgs, bridgeDomains, hosts, cables, apics };
}

const problem = (endpoint: Endpoint, field: string, message: string): Problem => ({
  path: `${nameOf(refOf(endpoint))} spec.${field}`,
  message,
});

function epgProblems({ endpoint, binding }: Bound, epgs: Objects['epgs']): Problem[] {
  const { tenant, application } = endpoint.metadata;
  const { epg } = endpoint.spec;
  if (binding.state === 'ambiguous') {
    const message = `is not said, and ${list(binding.epgs)} both have it by ${binding.by}; allowed is one: name the EPG here if it is of application ${application}, or change the ${binding.by} of one of them`;
    return [problem(endpoint, 'epg', message)];
  }
  if (epg === undefined || epgs.has(`${tenant}/${application}/${epg}`)) return [];
  const names = [...epgs.values()]
    .filter(({ metadata }) => metadata.tenant === tenant && metadata.application === application)
    .map(({ metadata }) => metadata.name);
  const allowed = names.length > 0 ? list(names.sort()) : '(none exist)';
  const message = `found "${epg}", which is no Epg of application ${tenant}/${application}; allowed are ${allowed}`;
  return [problem(endpoint, 'epg', message)];
}

function macProblems(endpoint: Endpoint): Problem[] {
  const { mac } = endpoint.spec;
  if (mac.startsWith(OWN_MACS)) {
    const message = `found "${mac}", which begins like the MACs that Heddle makes from addresses; allowed is any that does not begin with ${OWN_MACS}`;
    return [problem(endpoint, 'mac', message)];
  }
  const isGroup = (parseInt(mac.slice(0, 2), 16) & 1) === 1;
  if (!isGroup && mac !== '00:00:00:00:00:00') return [];
  const message = `found "${mac}", which is no MAC of one interface; allowed is one with an even first octet that is not all zero`;
  return [problem(endpoint, 'mac', message)];
}

function addressProblems({ endpoint, in: place }: Bound): Problem[] {
  const { addresses } = endpoint.spec;
  const seen = new Set<string>();
  return addresses.flatMap((text, i): Problem[] => {
    const address = parseAddress(text);
    if (!address) return [];
    const canonical = formatAddress(address);
    if (seen.has(canonical)) return [problem(endpoint, `addresses[${i}]`, `found "${text}" twice; say it once`)];
    seen.add(canonical);
    if (!place || usableIn(address, place.subnets)) return [];
    const gateways = list(place.subnets.map(({ gateway }) => gateway));
    const message = `found "${text}", which no endpoint of EPG ${place.epg} can have; allowed are addresses of the subnets of its BridgeDomain ${place.bridgeDomain} except gateway, first and last (${gateways})`;
    return [problem(endpoint, `addresses[${i}]`, message)];
  });
}

function placeProblems(endpoint: Endpoint, { hosts, cables }: Objects): Problem[] {
  const { attachment } = endpoint.spec;
  if (attachment?.driver !== 'static') return [];
  const { leaf, port } = attachment;
  const known = hosts.get(leaf);
  if (known && known.spec.role !== 'leaf') {
    const message = `found "${leaf}", a host that is no leaf; allowed is a host of role leaf, or a node id of an APIC`;
    return [problem(endpoint, 'attachment.leaf', message)];
  }
  const host = cables.get(`${leaf}/${port}`);
  if (host === undefined) return [];
  const message = `found port ${port} of leaf ${leaf}, where an uplink of host ${host} ends; allowed is a port that no host is cabled to`;
  return [problem(endpoint, 'attachment.port', message)];
}

/** Something that one endpoint only can have. */
interface Claim {
  /** The same for two that claim the same. */
  readonly key: string;
  readonly field: string;
  /** `address 10.32.0.7 in Vrf acme/default`. */
  readonly what: string;
}

function claimsOf({ endpoint, in: place }: Bound): Claim[] {
  const { mac, addresses, attachment } = endpoint.spec;
  const claims: Claim[] = [];
  if (place) {
    claims.push({
      key: `mac ${place.bridgeDomain} ${mac}`,
      field: 'mac',
      what: `MAC ${mac} in BridgeDomain ${place.bridgeDomain}`,
    });
    addresses.forEach((text, i) => {
      const address = parseAddress(text);
      const canonical = address ? formatAddress(address) : text;
      const what = `address ${canonical} in Vrf ${place.vrf}`;
      claims.push({ key: `address ${place.vrf} ${canonical}`, field: `addresses[${i}]`, what });
    });
  }
  if (attachment?.driver === 'ovs') {
    const { interfaceId } = attachment;
    claims.push({
      key: `interface ${interfaceId}`,
      field: 'attachment.interfaceId',
      what: `interface id ${interfaceId}`,
    });
  } else if (attachment) {
    claims.push({
      key: `place ${placeText(attachment)} ${mac}`,
      field: 'attachment',
      what: `MAC ${mac} at ${placeText(attachment)}`,
    });
  }
  return claims;
}

const placeText = ({ leaf, port, vlan }: StaticPlace): string =>
  `port ${port} of leaf ${leaf}, ${vlan === undefined ? 'untagged' : `VLAN ${vlan}`}`;

/** Problems of endpoints that claim the same. */
function collisions(bound: readonly Bound[], claims: (bound: Bound) => readonly Claim[]): Problem[] {
  const groups = new Map<string, { readonly endpoint: Endpoint; readonly claim: Claim }[]>();
  for (const each of bound) {
    for (const claim of claims(each)) {
      const group = groups.get(claim.key);
      if (!group) groups.set(claim.key, [{ endpoint: each.endpoint, claim }]);
      else if (group.every((other) => other.endpoint !== each.endpoint)) group.push({ endpoint: each.endpoint, claim });
    }
  }
  return [...groups.values()].flatMap((group) => {
    const tenants = new Set(group.map(({ endpoint }) => endpoint.metadata.tenant));
    // Of one tenant, each is told of the others. Else the last one only, and nothing of whose the other is.
    const told = group.length < 2 ? [] : tenants.size === 1 ? group : group.slice(-1);
    return told.map(({ endpoint, claim }) => {
      const others = group.filter((other) => other.endpoint !== endpoint).map((o) => nameOf(refOf(o.endpoint)));
      const who = tenants.size === 1 ? list(others) : 'an endpoint of another tenant';
      return problem(endpoint, claim.field, `found ${claim.what}, which ${who} has, too; allowed is one of its own`);
    });
  });
}

/** An APIC takes all that is untagged at a port for one EPG; a leaf of ours tells endpoints apart by their MAC. */
function untaggedProblems(bound: readonly Bound[], { hosts, apics }: Objects): Problem[] {
  if (!apics) return [];
  const first = new Map<string, string>();
  return bound.flatMap(({ endpoint, in: place }): Problem[] => {
    const { attachment } = endpoint.spec;
    if (!place || attachment?.driver !== 'static' || attachment.vlan !== undefined || hosts.has(attachment.leaf))
      return [];
    const key = `${attachment.leaf}/${attachment.port}`;
    const epg = first.get(key) ?? place.epg;
    first.set(key, epg);
    if (epg === place.epg) return [];
    const isOwn = epg.startsWith(`${endpoint.metadata.tenant}/`);
    const message = `found untagged at a port where ${isOwn ? `EPG ${epg}` : 'an EPG of another tenant'} is untagged; a port of an APIC has one EPG for what is untagged: name a VLAN, or another port`;
    return [problem(endpoint, 'attachment.vlan', message)];
  });
}
