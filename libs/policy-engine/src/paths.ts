import { PROTOCOLS, type PortRange, type ResolvedRule } from '@heddle/model';
import { OTHER, difference, openAreas, protocolsOf, sameRange, wholePlane, type OpenArea, type Plane } from './areas';
import { compareText } from './objects';
import { protocolName } from './packet';
import {
  ANY_CLASS,
  indexPolicy,
  pairKey,
  rulesBetween,
  toIndex,
  type PolicyIndex,
  type ResolvedPolicy,
} from './policy-index';
import { rulePrecedence } from './zoning';

/**
 * A way that is open: packets with which endpoints of one EPG may open connections to another. What a stronger deny takes
 * away is not part of it.
 */
export interface OpenPath {
  /** Path of the VRF. */
  readonly vrf: string;
  /** EPG paths, or {@link EVERY_EPG}. */
  readonly source: string;
  readonly destination: string;
  /** `tcp`, `udp`, `icmp`, another protocol's number, or `any`. */
  readonly protocol: string;
  /** With protocol `any`: the protocols that are not meant; where they are open too, they have paths of their own. */
  readonly except?: readonly string[];
  /** Destination ports, of tcp and udp; absent where every port is meant. */
  readonly ports?: PortRange;
  readonly sourcePorts?: PortRange;
  /** Types, of icmp; absent where every type is meant. */
  readonly icmpTypes?: PortRange;
  /** The contract that opens it, or the name of a built-in rule. */
  readonly origin: string;
}

/**
 * Stands for every other EPG of an unenforced VRF, whose pairs are too many to be listed one by one. Pairs that have rules
 * of their own are not meant by it: they are listed by themselves.
 */
export const EVERY_EPG = '*';

/** Everything that is open, sorted by source, destination, protocol and ports. */
export function openPaths(policy: ResolvedPolicy | PolicyIndex): OpenPath[] {
  return gained(indexPolicy(new Map()), toIndex(policy));
}

export interface PathDiff {
  /** Closed before, open after. */
  readonly opened: readonly OpenPath[];
  /** Open before, closed after. */
  readonly closed: readonly OpenPath[];
}

/**
 * What a change of policy opens and closes, by EPG paths: an EPG that moves to another bridge domain or gets another class
 * stays the same for this purpose. A path that only moves from one contract to another is neither opened nor closed.
 */
export function diffPaths(before: ResolvedPolicy | PolicyIndex, after: ResolvedPolicy | PolicyIndex): PathDiff {
  const [from, to] = [toIndex(before), toIndex(after)];
  return { opened: gained(from, to), closed: gained(to, from) };
}

/** `acme/shop/web -> acme/shop/api: tcp 8080 (acme/shop--web--api--http)`. */
export function pathText(path: OpenPath): string {
  const side = (epg: string): string => (epg === EVERY_EPG ? `every other EPG of ${path.vrf}` : epg);
  return `${side(path.source)} -> ${side(path.destination)}: ${trafficText(path)} (${path.origin})`;
}

/** Which traffic a way is open for: `tcp 8080`, `icmp type 8`, `any`. */
export function trafficText(path: OpenPath): string {
  const range = ({ from, to }: PortRange): string => (from === to ? String(from) : `${from}-${to}`);
  const parts = [
    /^[0-9]/.test(path.protocol) ? `protocol ${path.protocol}` : path.protocol,
    path.except && `except ${path.except.join(', ')}`,
    path.ports && range(path.ports),
    path.icmpTypes && `type ${range(path.icmpTypes)}`,
    path.sourcePorts && `from port ${range(path.sourcePorts)}`,
  ];
  return parts.filter(Boolean).join(' ');
}

/** What is open in `after` and not in `before`. */
function gained(before: PolicyIndex, after: PolicyIndex): OpenPath[] {
  const gainedWays = remembered(computeWays);
  return [...gainedByEveryEpg(before, after, gainedWays), ...gainedByPairs(before, after, gainedWays)].sort(
    comparePaths,
  );
}

/** What rules for every EPG of a VRF open: between all of them, or, where they did before, with the EPGs that are new. */
function* gainedByEveryEpg(before: PolicyIndex, after: PolicyIndex, gainedWays: GainedWays): Generator<OpenPath> {
  for (const [id, vrf] of after.vrfs) {
    const is = everyEpgRules(after, id);
    if (is.length === 0) continue;
    const was = [...before.vrfs].filter(([, path]) => path === vrf).flatMap(([old]) => everyEpgRules(before, old));
    yield* toPaths({ vrf, source: EVERY_EPG, destination: EVERY_EPG }, gainedWays(was, is));
    if (was.length === 0) continue;
    for (const { epg } of [...after.classes.values()].filter((c) => c.vrf === id && vrfOf(before, c.epg) !== vrf)) {
      yield* toPaths({ vrf, source: epg, destination: EVERY_EPG }, gainedWays([], is));
      yield* toPaths({ vrf, source: EVERY_EPG, destination: epg }, gainedWays([], is));
    }
  }
}

const everyEpgRules = (index: PolicyIndex, vrf: number): readonly ResolvedRule[] =>
  index.rules.get(pairKey(vrf, ANY_CLASS, ANY_CLASS)) ?? [];

const vrfOf = (index: PolicyIndex, epg: string): string | undefined => {
  const found = index.classes.get(epg);
  return found && index.vrfs.get(found.vrf);
};

/** What opens between pairs of EPGs that have rules of their own before or after. */
function* gainedByPairs(before: PolicyIndex, after: PolicyIndex, gainedWays: GainedWays): Generator<OpenPath> {
  const pairs = new Map([...listedPairs(before), ...listedPairs(after)]);
  for (const [source, destination] of pairs.values()) {
    const vrf = vrfOf(after, source);
    if (vrf === undefined) continue;
    const [was, is] = [decidingRules(before, source, destination), decidingRules(after, source, destination)];
    if (is.length === was.length && is.every((rule, i) => rule.id === was[i]?.id)) continue;
    yield* toPaths({ vrf, source, destination }, gainedWays(was, is));
  }
}

/** Pairs of EPGs that some rule names, a rule that names one side only counting for every EPG of the VRF. */
function* listedPairs(index: PolicyIndex): Generator<[key: string, pair: [source: string, destination: string]]> {
  for (const [rule] of index.rules.values()) {
    if (!rule || (rule.source === ANY_CLASS && rule.destination === ANY_CLASS)) continue;
    for (const source of epgsOf(index, rule.vrf, rule.source)) {
      for (const destination of epgsOf(index, rule.vrf, rule.destination)) {
        yield [`${source} ${destination}`, [source, destination]];
      }
    }
  }
}

function epgsOf(index: PolicyIndex, vrf: number, classId: number): string[] {
  if (classId === ANY_CLASS) return (index.members.get(vrf) ?? []).map((c) => c.epg);
  const found = index.classesById.get(classId);
  return found ? [found.epg] : [];
}

/** The rules between two EPGs; none where one does not exist or their VRFs differ. */
function decidingRules(index: PolicyIndex, source: string, destination: string): readonly ResolvedRule[] {
  const [from, to] = [index.classes.get(source), index.classes.get(destination)];
  return from && to && from.vrf === to.vrf ? rulesBetween(index, from.vrf, from.classId, to.classId) : [];
}

/** A path without its ends: it depends on the rules only, and many pairs have the same ones. */
type Way = Omit<OpenPath, 'vrf' | 'source' | 'destination'>;
type GainedWays = (was: readonly ResolvedRule[], is: readonly ResolvedRule[]) => readonly Way[];

const toPaths = (ends: Omit<OpenPath, keyof Way>, ways: readonly Way[]): OpenPath[] =>
  ways.map((way) => ({ ...ends, ...way }));

/** Computes once what pairs with the same rules have in common: a contract of 300 EPGs with 300 has 90,000 pairs. */
function remembered(compute: GainedWays): GainedWays {
  const known = new Map<string, readonly Way[]>();
  return (was, is) => {
    const [from, to] = [inContentOrder(was), inContentOrder(is)];
    const key = `${from.text} => ${to.text}`;
    const ways = known.get(key) ?? compute(from.rules, to.rules);
    known.set(key, ways);
    return ways;
  };
}

/**
 * Rules in the order in which they apply, equals by what they say. Ids, which depend on the classes, would sort the same
 * rules of two pairs differently.
 */
function inContentOrder(rules: readonly ResolvedRule[]): { rules: ResolvedRule[]; text: string } {
  const sorted = rules
    .map((rule) => {
      const { action, origin, priority, filter } = rule;
      return { rule, precedence: rulePrecedence(rule), text: JSON.stringify([action, origin, priority, filter]) };
    })
    .sort((a, b) => b.precedence - a.precedence || compareText(a.text, b.text));
  return { rules: sorted.map(({ rule }) => rule), text: sorted.map(({ text }) => text).join() };
}

/** What rules `is` open and rules `was` do not; both are given the strongest first. */
function computeWays(was: readonly ResolvedRule[], is: readonly ResolvedRule[]): Way[] {
  const named = [...new Set([...protocolsOf(was), ...protocolsOf(is)])];
  const areasIn = (plane: Plane): OpenArea[] => difference(openAreas(is, plane), openAreas(was, plane));
  const byProtocol = new Map(named.map((protocol) => [protocol, areasIn(protocol)]));
  const [other] = named.length < PROTOCOL_COUNT ? areasIn(OTHER) : [];
  if (!other) return [...byProtocol].flatMap(([protocol, areas]) => areas.map((area) => wayIn(protocol, area)));

  // Protocols that are open as a whole, by the same origin as all others, need no line of their own.
  const apart = [...byProtocol].filter(([protocol, areas]) => !isWhole(protocol, areas, other.origin));
  const except = apart.map(([protocol]) => protocolName(protocol)).sort(compareText);
  return [
    { protocol: 'any', ...(except.length > 0 ? { except } : {}), origin: other.origin },
    ...apart.flatMap(([protocol, areas]) => areas.map((area) => wayIn(protocol, area))),
  ];
}

const PROTOCOL_COUNT = 256;

function isWhole(protocol: number, areas: readonly OpenArea[], origin: string): boolean {
  const [area] = areas;
  const whole = wholePlane(protocol);
  return (
    area !== undefined &&
    area.origin === origin &&
    sameRange(area.sources, whole.sources) &&
    sameRange(area.destinations, whole.destinations)
  );
}

function wayIn(protocol: number, { sources, destinations, origin }: OpenArea): Way {
  const whole = wholePlane(protocol);
  const isIcmp = protocol === PROTOCOLS.icmp;
  return {
    protocol: protocolName(protocol),
    ...(sameRange(destinations, whole.destinations) ? {} : { [isIcmp ? 'icmpTypes' : 'ports']: destinations }),
    ...(sameRange(sources, whole.sources) ? {} : { sourcePorts: sources }),
    origin,
  };
}

function comparePaths(a: OpenPath, b: OpenPath): number {
  const start = (range: PortRange | undefined): number => range?.from ?? -1;
  return (
    compareText(a.source, b.source) ||
    compareText(a.destination, b.destination) ||
    compareText(a.vrf, b.vrf) ||
    compareText(a.protocol, b.protocol) ||
    start(a.ports) - start(b.ports) ||
    start(a.icmpTypes) - start(b.icmpTypes) ||
    start(a.sourcePorts) - start(b.sourcePorts) ||
    compareText(a.origin, b.origin)
  );
}
