import { kindInfo, refKey, refOf, type HeddleObject, type Kind, type KindInfo } from '@heddle/model';
import { pathOfObject } from './paths';

/** What an object has to do with another. */
export interface Relation {
  /** From the described object's point of view: `owner`, `provided by`. */
  readonly relation: string;
  /** `Service/acme/shop/web`. */
  readonly key: string;
  /** A remark: where an instance runs, how it is. */
  readonly note?: string;
}

/** How an object of one kind is related to one of another. */
interface Rule {
  readonly of: Kind;
  readonly to: Kind;
  /** The relation's name, or nothing when these two have none. */
  readonly relation: (object: HeddleObject, other: HeddleObject) => string | undefined;
}

function rule<A extends Kind, B extends Kind>(
  of: A,
  to: B,
  relation: (object: HeddleObject<A>, other: HeddleObject<B>) => string | false | undefined,
): Rule {
  return {
    of,
    to,
    relation: (object, other) => relation(object as HeddleObject<A>, other as HeddleObject<B>) || undefined,
  };
}

const RULES: readonly Rule[] = [
  ...(['Epg', 'Service', 'Contract', 'Filter'] as const).map((kind) => rule('App', kind, () => undefined)),
  ...(['Vrf', 'BridgeDomain', 'App'] as const).map((kind) =>
    rule('Tenant', kind, (tenant, other) => other.metadata.tenant === tenant.metadata.name && 'contains'),
  ),
  rule('Vrf', 'BridgeDomain', (vrf, bd) => sameTenant(vrf, bd) && bd.spec.vrf === nameOf(vrf) && 'used by'),
  rule('BridgeDomain', 'Epg', (bd, epg) => sameTenant(bd, epg) && epg.spec.bridgeDomain === nameOf(bd) && 'used by'),
  rule('Domain', 'Epg', (domain, epg) => epg.spec.domain === nameOf(domain) && 'used by'),
  rule('Domain', 'Host', (domain, host) => said(host, 'domains').includes(nameOf(domain)) && 'offered by'),
  rule('Fabric', 'Domain', (fabric, domain) => domain.spec.fabric === nameOf(fabric) && 'used by'),
  rule('Fabric', 'Host', (fabric, leaf) => said(fabric, 'leaves').includes(nameOf(leaf)) && 'leaf'),
  rule(
    'Contract',
    'Epg',
    (contract, epg) => sameTenant(contract, epg) && role(epg, contract, 'provided by', 'consumed by'),
  ),
  rule('Contract', 'Filter', (contract, filter) => sameTenant(contract, filter) && uses(contract, filter) && 'filter'),
  rule('Filter', 'Contract', (filter, contract) => sameTenant(filter, contract) && uses(contract, filter) && 'used by'),
  rule('Epg', 'Contract', (epg, contract) => sameTenant(epg, contract) && role(epg, contract, 'provides', 'consumes')),
  rule(
    'Epg',
    'Service',
    (epg, service) => sameApplication(epg, service) && epgOf(service) === nameOf(epg) && 'service',
  ),
  rule('Epg', 'Endpoint', (epg, endpoint) => endpoint.status?.['epg'] === pathOfObject(epg) && 'endpoint'),
  rule(
    'Service',
    'Allocation',
    (service, a) => sameApplication(service, a) && a.spec.service === nameOf(service) && 'instance',
  ),
  rule('Host', 'Allocation', (host, allocation) => allocation.spec.host === nameOf(host) && 'runs'),
  rule('Host', 'Endpoint', (host, endpoint) => endpoint.status?.['host'] === nameOf(host) && 'endpoint'),
  rule('Allocation', 'Endpoint', (allocation, endpoint) => attaches(endpoint, allocation) && 'endpoint'),
  rule('Endpoint', 'Allocation', (endpoint, allocation) => attaches(endpoint, allocation) && 'of'),
];

/** The kinds of which lists are needed for {@link relationsOf}. */
export function relatedKinds(kind: Kind): KindInfo[] {
  return RULES.filter((r) => r.of === kind).map((r) => kindInfo(r.to));
}

/**
 * What an object refers to and what refers to it, the owner first.
 * @param others objects of the kinds that {@link relatedKinds} names, of the object's tenant where it has one
 */
export function relationsOf(object: HeddleObject, others: readonly HeddleObject[]): Relation[] {
  const { owner } = object.metadata;
  return [
    ...(owner ? [{ relation: 'owner', key: `${owner.kind}/${owner.path}` }] : []),
    ...references(object),
    ...others.flatMap((other) => {
      const relation = relationBetween(object, other) ?? (owns(object, other) ? 'owns' : undefined);
      const note = noteOf(other);
      return relation === undefined ? [] : [{ relation, key: refKey(refOf(other)), ...(note ? { note } : {}) }];
    }),
  ];
}

function relationBetween(object: HeddleObject, other: HeddleObject): string | undefined {
  return RULES.find((r) => r.of === object.kind && r.to === other.kind)?.relation(object, other);
}

/** What the object itself names. */
function references(object: HeddleObject): Relation[] {
  const { tenant, application } = object.metadata;
  const sibling = (kind: Kind, name: string): string => `${kind}/${tenant}/${application}/${name}`;
  if (is(object, 'Service')) return [{ relation: 'EPG', key: sibling('Epg', epgOf(object)) }];
  if (is(object, 'Domain')) {
    return object.spec.fabric === undefined ? [] : [{ relation: 'fabric', key: `Fabric/${object.spec.fabric}` }];
  }
  if (is(object, 'BridgeDomain')) return [{ relation: 'VRF', key: `Vrf/${tenant}/${object.spec.vrf}` }];
  if (is(object, 'Allocation')) {
    return [
      { relation: 'instance of', key: sibling('Service', object.spec.service) },
      { relation: 'runs on', key: `Host/${object.spec.host}` },
      { relation: 'EPG', key: sibling('Epg', object.spec.epg) },
    ];
  }
  if (is(object, 'Endpoint')) {
    const [epg, host] = [object.status?.['epg'], object.status?.['host']];
    return [
      ...(typeof epg === 'string' ? [{ relation: 'EPG', key: `Epg/${epg}` }] : []),
      ...(typeof host === 'string' ? [{ relation: 'on host', key: `Host/${host}` }] : []),
    ];
  }
  if (is(object, 'Epg')) {
    return [
      { relation: 'bridge domain', key: `BridgeDomain/${tenant}/${object.spec.bridgeDomain}` },
      { relation: 'domain', key: `Domain/${object.spec.domain}` },
    ];
  }
  return [];
}

function noteOf(other: HeddleObject): string | undefined {
  const { status } = other;
  const word = (key: string): string | undefined => (typeof status?.[key] === 'string' ? status[key] : undefined);
  if (is(other, 'Allocation')) return [other.spec.host, word('phase'), word('reason')].filter(Boolean).join(', ');
  if (is(other, 'Endpoint')) return [...other.spec.addresses, word('host') ?? 'nowhere'].join(', ');
  if (is(other, 'Host')) return word('state');
  return undefined;
}

function owns(object: HeddleObject, other: HeddleObject): boolean {
  const { owner } = other.metadata;
  return owner !== undefined && owner.kind === object.kind && owner.path === pathOfObject(object);
}

function role(
  epg: HeddleObject<'Epg'>,
  contract: HeddleObject,
  provider: string,
  consumer: string,
): string | undefined {
  const roles = [
    ...(epg.spec.provides.includes(nameOf(contract)) ? [provider] : []),
    ...(epg.spec.consumes.includes(nameOf(contract)) ? [consumer] : []),
  ];
  return roles.length === 0 ? undefined : roles.join(' and ');
}

function attaches(endpoint: HeddleObject<'Endpoint'>, allocation: HeddleObject<'Allocation'>): boolean {
  return endpoint.status?.['allocation'] === pathOfObject(allocation);
}

/** A list of names in what is observed of an object. */
function said({ status }: HeddleObject, key: string): readonly unknown[] {
  const value = status?.[key];
  return Array.isArray(value) ? value : [];
}

const uses = (contract: HeddleObject<'Contract'>, filter: HeddleObject): boolean =>
  contract.spec.subjects.some((subject) => subject.filters.includes(nameOf(filter)));
const epgOf = (service: HeddleObject<'Service'>): string => service.spec.epg ?? nameOf(service);
const nameOf = (object: HeddleObject): string => object.metadata.name;
const sameTenant = (a: HeddleObject, b: HeddleObject): boolean => a.metadata.tenant === b.metadata.tenant;
const sameApplication = (a: HeddleObject, b: HeddleObject): boolean =>
  sameTenant(a, b) && a.metadata.application === b.metadata.application;

function is<K extends Kind>(object: HeddleObject, kind: K): object is HeddleObject<K> {
  return object.kind === kind;
}
