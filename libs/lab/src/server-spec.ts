import { contains, HeddleError, macSchema, networkOf, parseAddress, parseCidr } from '@heddle/model';
import { checkNodeName } from './names';
import { UNDERLAY_MTU } from './underlay';

/** What a VXLAN header and the packet around it take. */
const TUNNEL_HEADERS = 50;

/** A server that Heddle does not run, cabled to a port of the leaf. */
export interface LabServerSpec {
  readonly name: string;
  /** IPv4 address with the prefix length of its subnet: `10.32.0.20/16`. */
  readonly address: string;
  /** Address of its default gateway, in the same subnet. Default: no default route. */
  readonly gateway?: string;
  /** Default: one that follows from the address. */
  readonly mac?: string;
  /** 1 to 4094: the server tags what it sends. Default: untagged. */
  readonly vlan?: number;
  /** Bytes of a packet. Default: what also fits a tunnel, so that the server can speak with endpoints behind one. */
  readonly mtu?: number;
}

export const DEFAULT_SERVER_MTU = UNDERLAY_MTU - TUNNEL_HEADERS;

/** @throws HeddleError `invalid` that names the field, what was found, and what is allowed */
export function checkServer(spec: LabServerSpec): LabServerSpec {
  const { name, address, gateway, mac, vlan, mtu } = spec;
  checkNodeName('server', name);
  const refuse = (field: string, found: unknown, allowed: string): never => {
    throw new HeddleError('invalid', `the ${field} of lab server ${name} is "${String(found)}"; allowed is ${allowed}`);
  };
  const subnet = parseCidr(address);
  if (subnet?.family !== 4) return refuse('address', address, 'an IPv4 address with its prefix length: 10.32.0.20/16');
  const router = gateway === undefined ? undefined : parseAddress(gateway);
  if (gateway !== undefined && (!router || !contains(networkOf(subnet), router)))
    return refuse('gateway', gateway, `an address in the subnet of ${address}`);
  if (mac !== undefined && !macSchema.safeParse(mac).success)
    return refuse('MAC address', mac, 'one in lower case such as 52:54:00:0a:00:07');
  if (vlan !== undefined && !isWithin(vlan, 1, 4094)) return refuse('VLAN', vlan, '1 to 4094');
  if (mtu !== undefined && !isWithin(mtu, 576, UNDERLAY_MTU)) return refuse('MTU', mtu, `576 to ${UNDERLAY_MTU}`);
  return spec;
}

/** The address of a server without its prefix length. */
export function addressOf({ address }: LabServerSpec): string {
  return address.split('/', 1)[0] ?? '';
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}
