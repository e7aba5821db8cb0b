import type { Sighting } from '@heddle/model';
import { segmentOf, type InventoryObjects } from '../objects';
import type { KnownEndpoint } from './endpoint-map';

/** Endpoints by what is asked of them, made once for many questions. */
export class EndpointIndex {
  private readonly byAddress = new Map<string, KnownEndpoint[]>();
  private readonly byPort = new Map<string, KnownEndpoint[]>();

  constructor(
    private readonly objects: InventoryObjects,
    endpoints: readonly KnownEndpoint[],
  ) {
    for (const endpoint of endpoints) {
      for (const address of endpoint.view.addresses) append(this.byAddress, address, endpoint);
      for (const port of portsOf(endpoint)) append(this.byPort, port, endpoint);
    }
  }

  /**
   * The endpoints whose address was claimed elsewhere. Several VRFs may have the address: then only what is of the VRF of the
   * port is meant, and nothing if that is not known.
   */
  ownersOf(host: string, { address, port, vlan }: Sighting): KnownEndpoint[] {
    const owners = (this.byAddress.get(address) ?? []).filter(({ distributed }) => distributed !== undefined);
    if (owners.length === 0) return [];
    const here = this.byPort.get(`${host} ${port}`) ?? [];
    const vrfsHere = new Set(here.filter((e) => isIn(e, vlan)).flatMap((e) => this.vrfOf(e) ?? []));
    const elsewhere = owners.filter((owner) => !here.includes(owner));
    const vrfs = new Set(elsewhere.map((owner) => this.vrfOf(owner)));
    if (vrfsHere.size === 0) return vrfs.size === 1 ? elsewhere : [];
    return elsewhere.filter((owner) => vrfsHere.has(this.vrfOf(owner) ?? ''));
  }

  private vrfOf({ distributed }: KnownEndpoint): string | undefined {
    return distributed && segmentOf(this.objects, distributed.epg)?.vrf;
  }
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
