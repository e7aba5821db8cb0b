import type {
  BridgeDomainSpec,
  ContractSpec,
  Endpoint,
  EpgSpec,
  FilterEntry,
  FilterSpec,
  Packet,
  PlainObject,
  VrfSpec,
} from './objects';

/** Why the oracle decides as it does. */
export type Because =
  | 'same-endpoint'
  | 'no-such-epg'
  | 'other-vrf'
  | 'same-epg'
  | 'same-epg-isolated'
  | 'vrf-unenforced'
  | 'entry-permits'
  | 'entry-denies'
  | 'nothing-permits';

export interface Decision {
  readonly action: 'permit' | 'deny';
  readonly because: Because;
}

const permit = (because: Because): Decision => ({ action: 'permit', because });
const deny = (because: Because): Decision => ({ action: 'deny', because });

/** Whether one endpoint may open a connection to another. */
export function decideBetweenEndpoints(
  objects: readonly PlainObject[],
  source: Endpoint,
  destination: Endpoint,
  packet: Packet,
): Decision {
  // What an endpoint sends to itself never leaves it.
  if (source.id === destination.id) return permit('same-endpoint');
  return decide(objects, source.epg, destination.epg, packet);
}

/**
 * Whether endpoints of one EPG may open a connection to endpoints of another (or of the same one, between two different
 * endpoints), by reading the objects one after the other, as a person would.
 */
export function decide(
  objects: readonly PlainObject[],
  sourcePath: string,
  destinationPath: string,
  packet: Packet,
): Decision {
  const source = find(objects, 'Epg', sourcePath);
  const destination = find(objects, 'Epg', destinationPath);
  if (!source || !destination) return deny('no-such-epg');

  const sourceVrf = vrfOf(objects, source);
  const destinationVrf = vrfOf(objects, destination);
  if (sourceVrf !== destinationVrf) return deny('other-vrf');

  if (sourcePath === destinationPath) {
    return (source.spec as EpgSpec).isolation === 'enforced' ? deny('same-epg-isolated') : permit('same-epg');
  }

  const vrf = find(objects, 'Vrf', sourceVrf);
  if ((vrf?.spec as VrfSpec).enforcement === 'unenforced') return permit('vrf-unenforced');

  // Of all the filter entries that match the packet, the most specific decides; between equals, a deny.
  const matching = entriesBetween(objects, source, destination).filter(({ entry }) => matches(entry, packet));
  if (matching.length === 0) return deny('nothing-permits');
  const mostSpecific = Math.max(...matching.map(({ entry }) => specificity(entry)));
  const deciding = matching.filter(({ entry }) => specificity(entry) === mostSpecific);
  return deciding.some(({ action }) => action === 'deny') ? deny('entry-denies') : permit('entry-permits');
}

/** Every filter entry of every contract that the source consumes and the destination provides. */
function entriesBetween(
  objects: readonly PlainObject[],
  source: PlainObject,
  destination: PlainObject,
): { action: 'permit' | 'deny'; entry: FilterEntry }[] {
  const found: { action: 'permit' | 'deny'; entry: FilterEntry }[] = [];
  const tenant = source.metadata.tenant;
  if (tenant !== destination.metadata.tenant) return found;
  const sameApplication = source.metadata.application === destination.metadata.application;

  for (const name of (source.spec as EpgSpec).consumes) {
    if (!(destination.spec as EpgSpec).provides.includes(name)) continue;
    const contract = find(objects, 'Contract', `${tenant}/${name}`)?.spec as ContractSpec;
    if (contract.scope === 'application' && !sameApplication) continue;
    for (const subject of contract.subjects) {
      for (const filterName of subject.filters) {
        const filter = find(objects, 'Filter', `${tenant}/${filterName}`)?.spec as FilterSpec;
        for (const entry of filter.entries) found.push({ action: subject.action, entry });
      }
    }
  }
  return found;
}

/** A filter entry matches when the packet has everything that the entry names. */
function matches(entry: FilterEntry, packet: Packet): boolean {
  if (entry.protocol === 'unspecified') return true;
  if (number(entry.protocol) !== number(packet.protocol)) return false;
  if (entry.sourcePorts && !inside(packet.sourcePort, entry.sourcePorts)) return false;
  if (entry.destinationPorts && !inside(packet.destinationPort, entry.destinationPorts)) return false;
  if (entry.icmpType !== undefined && packet.icmpType !== entry.icmpType) return false;
  return true;
}

function inside(port: number | undefined, range: { from: number; to: number }): boolean {
  return port !== undefined && port >= range.from && port <= range.to;
}

function number(protocol: string | number): number {
  if (protocol === 'icmp') return 1;
  if (protocol === 'tcp') return 6;
  if (protocol === 'udp') return 17;
  return Number(protocol);
}

/** Both ports before the destination port (or ICMP type), before the source port, before the protocol, before nothing. */
function specificity(entry: FilterEntry): number {
  if (entry.protocol === 'unspecified') return 0;
  if (entry.sourcePorts && entry.destinationPorts) return 4;
  if (entry.destinationPorts) return 3;
  if (entry.icmpType !== undefined) return 3;
  if (entry.sourcePorts) return 2;
  return 1;
}

/** Path of the VRF of an EPG. */
function vrfOf(objects: readonly PlainObject[], epg: PlainObject): string {
  const tenant = epg.metadata.tenant;
  const bridgeDomain = find(objects, 'BridgeDomain', `${tenant}/${(epg.spec as EpgSpec).bridgeDomain}`);
  return `${tenant}/${(bridgeDomain?.spec as BridgeDomainSpec).vrf}`;
}

function find(objects: readonly PlainObject[], kind: string, path: string): PlainObject | undefined {
  return objects.find((object) => {
    const { tenant, application, name } = object.metadata;
    const ownPath = [tenant, application, name].filter((part) => part !== undefined).join('/');
    return object.kind === kind && ownPath === path;
  });
}
