import { PROTOCOLS, type PortRange, type ResolvedRule, type RuleFilter } from '@heddle/model';

/**
 * The packets of one protocol as a plane: source ports across, destination ports (for icmp: types) down. A rule covers a
 * rectangle of it, so what rules leave open can be computed exactly, without trying packets.
 */
export interface Area {
  readonly sources: PortRange;
  readonly destinations: PortRange;
}

/** An area that is open, and the origin of the rule that opens it. */
export interface OpenArea extends Area {
  readonly origin: string;
}

/** Stands for all the protocols that no rule in question names; to all of them the same rules apply. */
export const OTHER = 'other';
export type Plane = number | typeof OTHER;

const PORTS: PortRange = { from: 0, to: 65_535 };
const TYPES: PortRange = { from: 0, to: 255 };
const NONE: PortRange = { from: 0, to: 0 };

/** Every packet of a protocol. */
export function wholePlane(plane: Plane): Area {
  switch (plane) {
    case PROTOCOLS.tcp:
    case PROTOCOLS.udp:
      return { sources: PORTS, destinations: PORTS };
    case PROTOCOLS.icmp:
      return { sources: NONE, destinations: TYPES };
    default:
      return { sources: NONE, destinations: NONE };
  }
}

/** The protocols that rules name. */
export const protocolsOf = (rules: readonly ResolvedRule[]): number[] =>
  rules.flatMap((rule) => rule.filter?.protocol ?? []);

/** What rules, given the strongest first, leave open in a plane. The areas do not overlap. */
export function openAreas(rules: readonly ResolvedRule[], plane: Plane): OpenArea[] {
  const open: OpenArea[] = [];
  let undecided: Area[] = [wholePlane(plane)];
  for (const rule of rules) {
    if (undecided.length === 0) break;
    const covered = areaOf(rule.filter, plane);
    if (!covered) continue;
    const { inside, outside } = split(undecided, covered);
    if (rule.action === 'permit') open.push(...inside.map((area) => ({ ...area, origin: rule.origin })));
    undecided = outside;
  }
  return joined(open);
}

function areaOf(filter: RuleFilter | undefined, plane: Plane): Area | undefined {
  const whole = wholePlane(plane);
  if (filter?.protocol === undefined) return whole;
  if (filter.protocol !== plane) return undefined;
  const { icmpType, sourcePorts, destinationPorts } = filter;
  return {
    sources: sourcePorts ?? whole.sources,
    destinations: icmpType === undefined ? (destinationPorts ?? whole.destinations) : { from: icmpType, to: icmpType },
  };
}

/** The parts of `areas` that are in none of `others`. */
export function difference(areas: readonly OpenArea[], others: readonly Area[]): OpenArea[] {
  return joined(others.reduce<readonly OpenArea[]>((rest, other) => split(rest, other).outside, areas));
}

/** Cuts areas along the border of another one. */
function split<T extends Area>(areas: readonly T[], border: Area): { inside: T[]; outside: T[] } {
  const inside: T[] = [];
  const outside: T[] = [];
  for (const area of areas) {
    const sources = common(area.sources, border.sources);
    const destinations = sources && common(area.destinations, border.destinations);
    if (!destinations) {
      outside.push(area);
      continue;
    }
    const part = { sources, destinations };
    inside.push({ ...area, ...part });
    for (const rest of remainder(area, part)) outside.push({ ...area, ...rest });
  }
  return { inside, outside };
}

function common(a: PortRange, b: PortRange): PortRange | undefined {
  if (a.to < b.from || b.to < a.from) return undefined;
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };
}

/** An area without a part of it: what lies left and right of the part, then above and below it. */
function remainder(area: Area, part: Area): Area[] {
  return [
    ...beside(area.sources, part.sources).map((sources) => ({ sources, destinations: area.destinations })),
    ...beside(area.destinations, part.destinations).map((destinations) => ({ sources: part.sources, destinations })),
  ];
}

const beside = (range: PortRange, part: PortRange): PortRange[] =>
  [
    { from: range.from, to: part.from - 1 },
    { from: part.to + 1, to: range.to },
  ].filter(({ from, to }) => from <= to);

/** Joins areas of one origin that lie side by side, so that a person reads one range instead of its pieces. */
function joined(areas: readonly OpenArea[]): OpenArea[] {
  const down = joinedAlong(areas, 'sources', 'destinations');
  return joinedAlong(down, 'destinations', 'sources');
}

/** Joins areas that agree in `same` and follow each other in `along`. */
function joinedAlong(areas: readonly OpenArea[], same: keyof Area, along: keyof Area): OpenArea[] {
  const sorted = [...areas].sort(
    (a, b) =>
      a[same].from - b[same].from ||
      a[same].to - b[same].to ||
      (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0) ||
      a[along].from - b[along].from,
  );
  const result: OpenArea[] = [];
  for (const area of sorted) {
    const last = result.at(-1);
    if (
      last &&
      last.origin === area.origin &&
      sameRange(last[same], area[same]) &&
      last[along].to + 1 === area[along].from
    ) {
      result[result.length - 1] = { ...last, [along]: { from: last[along].from, to: area[along].to } };
    } else {
      result.push(area);
    }
  }
  return result;
}

export const sameRange = (a: PortRange, b: PortRange): boolean => a.from === b.from && a.to === b.to;
