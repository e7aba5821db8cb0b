import type { Sighting } from '@heddle/model';
import { segmentOf, type InventoryObjects } from '../objects';
import type { KnownEndpoint } from './endpoint-map';

/**
 * What a packet in the wrong place says of an endpoint: `address-elsewhere` and `mac-elsewhere`: somebody uses its address or its
 * MAC where it is not; `other-mac`: its address is used at its own port with a MAC that is not its own.
 */
export type ClaimKind = 'address-elsewhere' | 'mac-elsewhere' | 'other-mac';

/** An endpoint that a sighting is about. */
export interface ClaimedEndpoint {
  readonly owner: KnownEndpoint;
  readonly kind: ClaimKind;
}

/** Endpoints by what is asked of them, made once for many questions. */
export class EndpointIndex {
  private readonly byAddress = new Map<string, KnownEndpoint[]>();
  private readonly byMac = new Map<string, KnownEndpoint[]>();
  private readonly byPort = new Map<string, KnownEndpoint[]>();

  constructor(
    private readonly objects: InventoryObjects,
    endpoints: readonly KnownEndpoint[],
  ) {
    for (const endpoint of endpoints) {
      for (const port of portsOf(endpoint)) append(this.byPort, port, endpoint);
      if (endpoint.distributed === undefined) continue;
      for (const address of endpoint.view.addresses) append(this.byAddress, address, endpoint);
      append(this.byMac, endpoint.view.mac, endpoint);
    }
  }

  /**
   * The endpoints whose address or MAC a packet had that nobody may send there. Several VRFs may have the address, several
   * bridge domains the MAC: then only what is of that of the port is meant, and nothing if that is not known.
   */
  claimsOf(host: string, { address, mac, port, vlan }: Sighting): ClaimedEndpoint[] {
    const here = this.byPort.get(`${host} ${port}`) ?? [];
    const inVlan = here.filter((e) => isIn(e, vlan));
    const ofAddress = this.byAddress.get(address) ?? [];
    const ofMac = this.byMac.get(mac) ?? [];
    const isElsewhere = (e: KnownEndpoint): boolean => !here.includes(e);
    const claims = (owners: readonly KnownEndpoint[], kind: ClaimKind): ClaimedEndpoint[] =>
      owners.map((owner) => ({ owner, kind }));
    return [
      ...claims(within(ofAddress.filter(isElsewhere), inVlan, (e) => this.segment(e)?.vrf), 'address-elsewhere'),
      ...claims(within(ofMac.filter(isElsewhere), inVlan, (e) => this.segment(e)?.bridgeDomain), 'mac-elsewhere'),
      ...claims(ofAddress.filter((e) => inVlan.includes(e) && e.view.mac !== mac), 'other-mac'),
    ]; // prettier-ignore
  }

  private segment({ distributed }: KnownEndpoint): { readonly bridgeDomain: string; readonly vrf: string } | undefined {
    return distributed && segmentOf(this.objects, distributed.epg);
  }
}

/** Those of `owners` that are in a segment of somebody here; if nothing is known here, all of them when they are of one segment. */
function within(
  owners: readonly KnownEndpoint[],
  here: readonly KnownEndpoint[],
  segment: (endpoint: KnownEndpoint) => string | undefined,
): readonly KnownEndpoint[] {
  const segments = new Set(here.flatMap((e) => segment(e) ?? []));
  if (segments.size === 0) return new Set(owners.map(segment)).size === 1 ? owners : [];
  return owners.filter((owner) => segments.has(segment(owner) ?? ''));
}

/** `HOST PORT`: of the switch that it is at, and of the leaf that it is behind. */
function portsOf({ view }: KnownEndpoint): string[] {
  const { host, attachment, fabric } = view;
  return [
    ...(host !== undefined && 'port' in attachment ? [`${host} ${attachment.port}`] : []),
    ...(fabric === undefined || fabric.via === 'static' ? [] : [`${fabric.leaf} ${fabric.port}`]),
  ];
}

const isIn = ({ view }: KnownEndpoint, vlan: number | undefined): boolean =>
  vlan === undefined || view.fabric?.vlan === undefined || view.fabric.vlan === vlan;

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
