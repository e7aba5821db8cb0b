import type { Change, Problem } from '@heddle/model';
import { waysOf, type InventoryObjects, type Way } from './objects';

/** Two Domains of different Fabrics that meet at one place. */
interface Meeting {
  /** The same for the same two Fabrics at the same place, whatever else changes. */
  readonly key: string;
  readonly at: 'uplink' | 'leaf';
  readonly ways: readonly [Way, Way];
}

/**
 * Leaves and uplinks that Domains of two Fabrics would share. VLANs are given once in each Fabric, so on what both use one VLAN
 * could be two EPGs', and a leaf would take the frames of one for the other's. Leaves of two APICs may have one node id.
 */
export function leafProblems(before: InventoryObjects, after: InventoryObjects, change: Change): Problem[] {
  const changed = new Set(change.objects.filter((o) => o.after !== null).map(({ key }) => key));
  // What was so before is not held against the change: it may be the one that mends something else.
  const known = new Set(meetingsOf(before, changed).map(({ key }) => key));
  const fresh = meetingsOf(after, changed).filter(({ key }) => !known.has(key));
  // What shares an uplink shares its leaf, too, and that is said once.
  const said = new Set(fresh.flatMap(({ at, ways: [a, b] }) => (at === 'uplink' ? [`${a.leaf} ${pairOf(a, b)}`] : [])));
  const groups = new Map<string, { readonly saying: Saying; readonly hosts: Set<string> }>();
  for (const meeting of fresh) {
    const [a, b] = meeting.ways;
    if (meeting.at === 'leaf' && said.has(`${a.leaf} ${pairOf(a, b)}`)) continue;
    const saying = sayingOf(meeting, changed);
    const { path, own, other } = saying;
    const key = [path, meeting.at, own.domain, other.domain, ...(meeting.at === 'leaf' ? [own.leaf] : [])].join(' ');
    const group = groups.get(key) ?? { saying, hosts: new Set() };
    groups.set(key, group);
    group.hosts.add(own.host);
  }
  return [...groups.values()].map(({ saying, hosts }) => ({
    path: saying.path,
    message: saying.at === 'uplink' ? uplinkText(saying, [...hosts].sort()) : leafText(saying),
  }));
}

function meetingsOf(objects: InventoryObjects, changed: ReadonlySet<string>): Meeting[] {
  const { hosts, fabrics } = objects;
  const ways = waysOf(objects);
  const isOurs = ({ ways: of }: Meeting): boolean =>
    hosts.get(of[0].leaf)?.spec.role === 'leaf' ||
    of.some(({ fabric }) => fabrics.get(fabric)?.spec.driver === 'ovs-leaf');
  return [
    ...meetings('uplink', ways, (way) => `${way.host} ${way.interface}`, changed),
    ...meetings('leaf', ways, ({ leaf }) => leaf, changed).filter((meeting) => isOurs(meeting)),
  ];
}

/** For each place, one meeting of each two Fabrics whose Domains lead there; of what is changed, if something of it is. */
function meetings(
  at: Meeting['at'],
  ways: readonly Way[],
  placeOf: (way: Way) => string,
  changed: ReadonlySet<string>,
): Meeting[] {
  const places = new Map<string, Map<string, Way>>();
  for (const way of ways) {
    const place = placeOf(way);
    const fabrics = places.get(place) ?? new Map<string, Way>();
    places.set(place, fabrics);
    const first = fabrics.get(way.fabric);
    if (!first || rank(way, changed) > rank(first, changed)) fabrics.set(way.fabric, way);
  }
  return [...places].flatMap(([place, fabrics]) => {
    const there = [...fabrics.values()];
    return there.flatMap((b, i) =>
      there.slice(0, i).map((a): Meeting => ({ key: `${at} ${place} ${pairOf(a, b)}`, at, ways: [a, b] })),
    );
  });
}

const pairOf = (a: Way, b: Way): string => [a.fabric, b.fabric].sort().join(' ');

const rank = ({ domain, host }: Way, changed: ReadonlySet<string>): number =>
  changed.has(`Domain/${domain}`) ? 2 : changed.has(`Host/${host}`) ? 1 : 0;

/** A meeting as it is told to who makes the change: what of it is theirs, and what was there. */
interface Saying {
  readonly path: string;
  readonly at: Meeting['at'];
  readonly own: Way;
  readonly other: Way;
}

function sayingOf({ at, ways: [a, b] }: Meeting, changed: ReadonlySet<string>): Saying {
  const [own, other] = rank(a, changed) > rank(b, changed) ? [a, b] : [b, a];
  const isHost = rank(own, changed) === 1;
  const path = isHost ? `Host ${own.host} spec.uplinks.${own.uplink}` : `Domain ${own.domain} spec.uplink`;
  return { path, at, own, other };
}

const ADVICE = "VLANs are given once in each Fabric, so one of two Fabrics could be another EPG's there";

function uplinkText({ own, other }: Saying, hosts: readonly string[]): string {
  return `found "${own.uplink}", by which endpoints of Domain ${own.domain} of Fabric ${own.fabric} would be attached on ${shown(hosts)}, and there it is an uplink of Domain ${other.domain} of Fabric ${other.fabric}; ${ADVICE}: name Fabric ${other.fabric} or another uplink in one of the Domains, or say under spec.domains of the host which of the two it offers`;
}

function leafText({ own, other }: Saying): string {
  return `found "${own.uplink}", by which Domain ${own.domain} of Fabric ${own.fabric} leads from host ${own.host} to leaf ${own.leaf}, where Domain ${other.domain} of Fabric ${other.fabric} leads from host ${other.host} by uplink "${other.uplink}"; ${ADVICE}: a leaf is of one Fabric, so name Fabric ${other.fabric} in the Domain, or an uplink that leads to another leaf`;
}

const SHOWN = 5;

function shown(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.length === 1 ? 'host' : 'hosts'} ${names.slice(0, SHOWN).join(', ')}${more}`;
}
