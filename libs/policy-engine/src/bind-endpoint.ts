import {
  contains,
  parseAddress,
  parseCidr,
  pathOf,
  type Attribute,
  type HeddleObject,
  type StaticBinding,
} from '@heddle/model';
import { compareText } from './objects';

type Endpoint = HeddleObject<'Endpoint'>;
type Epg = HeddleObject<'Epg'>;

/** What decides which EPG an endpoint belongs to, the strongest first. */
export type BoundBy = 'name' | 'static binding' | 'attributes';

/** The EPG that an endpoint belongs to. */
export type Binding =
  | { readonly state: 'bound'; readonly epg: string; readonly by: BoundBy }
  /** Nothing binds it, so it belongs to none and nothing passes from or to it. */
  | { readonly state: 'unbound' }
  /** Several EPGs bind it, and none of them more than the others. Paths, sorted. */
  | { readonly state: 'ambiguous'; readonly epgs: readonly string[]; readonly by: BoundBy };

const UNBOUND: Binding = { state: 'unbound' };

/** The EPG that an endpoint belongs to among these. See {@link EndpointBinder}, which is for many endpoints. */
export const bindEndpoint = (endpoint: Endpoint, epgs: Iterable<Epg>): Binding =>
  new EndpointBinder(epgs).bind(endpoint);

/**
 * Finds the EPGs of endpoints that are written down: the one that the endpoint names in its own application; else the one with
 * a static binding for its port of a leaf; else the one whose attributes hold for it. Static bindings and attributes of all
 * EPGs of the tenant count.
 */
export class EndpointBinder {
  private readonly paths = new Set<string>();
  private readonly byPlace = new Map<string, string[]>();
  private readonly byAttributes = new Map<string, Epg[]>();

  constructor(epgs: Iterable<Epg>) {
    for (const epg of epgs) {
      const path = pathOf('Epg', epg.metadata);
      const tenant = epg.metadata.tenant as string;
      this.paths.add(path);
      // An EPG that an earlier version wrote has no list of them.
      const places = (epg.spec.staticBindings ?? []).map((binding) => placeKey(tenant, binding));
      for (const place of new Set(places)) {
        this.byPlace.set(place, [...(this.byPlace.get(place) ?? []), path]);
      }
      if (epg.spec.attributes) this.byAttributes.set(tenant, [...(this.byAttributes.get(tenant) ?? []), epg]);
    }
  }

  bind(endpoint: Endpoint): Binding {
    const { tenant, application } = endpoint.metadata;
    const { epg, attachment } = endpoint.spec;
    if (epg !== undefined) {
      const path = `${tenant}/${application}/${epg}`;
      return this.paths.has(path) ? { state: 'bound', epg: path, by: 'name' } : UNBOUND;
    }
    if (attachment?.driver === 'static') {
      const found = this.byPlace.get(placeKey(tenant as string, attachment));
      if (found) return oneOf(found, 'static binding');
    }
    const matching = (this.byAttributes.get(tenant as string) ?? []).filter(({ spec }) =>
      holds(endpoint, spec.attributes),
    );
    return matching.length === 0
      ? UNBOUND
      : oneOf(
          matching.map((e) => pathOf('Epg', e.metadata)),
          'attributes',
        );
  }
}

const placeKey = (tenant: string, { leaf, port, vlan }: StaticBinding): string =>
  `${tenant} ${leaf} ${port} ${vlan ?? 'untagged'}`;

function oneOf(paths: readonly string[], by: BoundBy): Binding {
  const [epg] = paths;
  return epg !== undefined && paths.length === 1
    ? { state: 'bound', epg, by }
    : { state: 'ambiguous', epgs: [...paths].sort(compareText), by };
}

function holds(endpoint: Endpoint, attributes: Epg['spec']['attributes']): boolean {
  if (!attributes) return false;
  const { match, criteria } = attributes;
  const meets = (criterion: Attribute): boolean => meetsCriterion(endpoint, criterion);
  return match === 'all' ? criteria.every(meets) : criteria.some(meets);
}

function meetsCriterion({ metadata, spec }: Endpoint, criterion: Attribute): boolean {
  if ('mac' in criterion) return criterion.mac === spec.mac;
  if ('address' in criterion) return spec.addresses.some((address) => isWithin(address, criterion.address));
  if ('label' in criterion) return hasLabel(metadata.labels, criterion.label);
  return matchesName(metadata.name, criterion.name);
}

/** Whether an address is the other one, or in the block that it is. */
function isWithin(text: string, addressOrBlock: string): boolean {
  const address = parseAddress(text);
  if (!address) return false;
  const block = parseCidr(addressOrBlock);
  if (block) return contains(block, address);
  const other = parseAddress(addressOrBlock);
  return other !== undefined && other.family === address.family && other.value === address.value;
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && labels[key] === wanted.slice(equals + 1);
}

/** `*` stands for any run of characters. Runs are taken as short as they can be, so no pattern takes long. */
function matchesName(name: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return name === pattern;
  const last = others.pop() as string;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  const end = name.length - last.length;
  let at = first.length;
  for (const middle of others) {
    const found = name.indexOf(middle, at);
    if (found < 0 || found + middle.length > end) return false;
    at = found + middle.length;
  }
  return true;
}
