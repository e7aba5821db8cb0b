import { cablingOf, offeredDomains, refusedDomains, type AnyObject, type Cabling, type DomainSpec, type HostView } from '@heddle/model'; // prettier-ignore
import type { ClusterSnapshot } from './decide';

type Objects = ReadonlyMap<string, AnyObject>;

/**
 * The hosts as they would be after a change: with what their objects say then, offering the Domains that there are then. What
 * the inventory says of a Domain stays as long as neither the Domain, the host nor what hosts are cabled to is another one, because
 * it knows more.
 *
 * @param now ms since the epoch, since when hosts are gone that the change deletes
 */
export function hostsAfter(
  { hosts, removedHosts }: ClusterSnapshot,
  before: Objects,
  after: Objects,
  now: number,
): Pick<ClusterSnapshot, 'hosts' | 'removedHosts'> {
  const domains = domainsOf(after);
  const changed = new Map([...domains].filter(([name]) => !isSame(before, after, `Domain/${name}`)));
  const cabling = cablingOf(after.values());
  const isRecabled = cablingText(cablingOf(before.values())) !== cablingText(cabling);
  const next = new Map<string, HostView>();
  const removed = new Map(removedHosts);
  for (const [name, view] of hosts) {
    const key = `Host/${name}`;
    const object = after.get(key);
    if (object?.kind === 'Host') {
      const isKept = isSame(before, after, key) && !isRecabled;
      const host = { ...view, spec: object.spec, labels: object.metadata.labels };
      next.set(name, { ...host, ...offers(host, cabling, domains, isKept ? changed : domains) });
    } else if (before.has(key)) removed.set(name, now);
    else next.set(name, view);
  }
  return { hosts: next, removedHosts: removed };
}

/** What a host offers of the Domains that there are, those that are judged anew by what they say, the others as before. */
function offers(
  { spec, domains, domainProblems = {} }: HostView,
  cabling: Cabling,
  all: ReadonlyMap<string, DomainSpec>,
  judged: ReadonlyMap<string, DomainSpec>,
): Pick<HostView, 'domains' | 'domainProblems'> {
  const isKept = (name: string): boolean => all.has(name) && !judged.has(name);
  return {
    domains: [...domains.filter(isKept), ...offeredDomains(spec, judged, cabling)].sort(),
    domainProblems: {
      ...Object.fromEntries(Object.entries(domainProblems).filter(([name]) => isKept(name))),
      ...refusedDomains(spec, judged, cabling),
    },
  };
}

function domainsOf(objects: Objects): Map<string, DomainSpec> {
  const domains = new Map<string, DomainSpec>();
  for (const object of objects.values()) if (object.kind === 'Domain') domains.set(object.metadata.name, object.spec);
  return domains;
}

const cablingText = ({ fabrics, leaves }: Cabling): string =>
  JSON.stringify([[...fabrics].sort(([a], [b]) => (a < b ? -1 : 1)), [...leaves].sort()]);

/** An object that was not written again is the same one; one that was is compared by what it says. */
function isSame(before: Objects, after: Objects, key: string): boolean {
  const [old, now] = [before.get(key), after.get(key)];
  return (
    old === now ||
    (old !== undefined && now !== undefined && JSON.stringify(essence(old)) === JSON.stringify(essence(now)))
  );
}

const essence = ({ metadata, spec }: AnyObject): unknown => [metadata.labels, spec];
