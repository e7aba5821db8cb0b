import { vlanAdd, type IpLink, type IpWords } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedMacvlan } from '../../link/protocol';
import { vlanName } from './link-names';

/** Which link of the host children have for a parent. */
export type ParentPlace = Pick<AttachedMacvlan, 'uplink' | 'tagging' | 'vlan'>;

export interface Parent {
  readonly name: string;
  /** Bytes; what its children may have at most. */
  readonly mtu: number;
  /** The commands that make it be as it should be; none when it is. */
  readonly make: readonly IpWords[];
}

/** Marks the VLAN interfaces that Heddle made. One of somebody else is used, and left as it is. */
const OURS = 'heddle';
const PROTOCOL = '802.1Q';

/**
 * Finds the parent among the links of the host, with the commands that are missing. Pure.
 *
 * @param switchPorts names of the ports of Open vSwitch on this host, each with its bridge: the kernel does not always know
 * @throws HeddleError `refused` when the uplink is not there or belongs to something else, with what to do
 */
export function findParent(
  links: readonly IpLink[],
  place: ParentPlace,
  switchPorts: ReadonlyMap<string, string>,
): Parent {
  const { uplink: name, tagging, vlan } = place;
  const uplink = links.find(({ ifname }) => ifname === name);
  if (!uplink) {
    const others = links.filter(isEthernet).map(({ ifname }) => ifname);
    throw refusal(
      name,
      `is not on this host, which has ${others.join(', ') || 'none'}; correct the uplinks of the host`,
    );
  }
  checkFree(uplink, links, switchPorts);
  if (tagging === 'access') return { name, mtu: uplink.mtu, make: bringUp(uplink) };

  const found = findVlan(links, place);
  if (found && !isOurs(found, place)) {
    checkFree(found, links, switchPorts);
    return { name: found.ifname, mtu: found.mtu, make: [...bringUp(uplink), ...bringUp(found)] };
  }
  const own = vlanName(name, vlan);
  const { mtu } = uplink;
  return {
    name: own,
    mtu,
    make: [
      ...bringUp(uplink),
      ...(found ? [] : [vlanAdd({ name: own, parent: name, mtu, id: vlan })]),
      ...(found?.ifalias === OURS ? [] : [['link', 'set', 'dev', own, 'alias', OURS]]),
      ...(found && found.mtu !== mtu ? [['link', 'set', 'dev', own, 'mtu', String(mtu)]] : []),
      ...(found ? bringUp(found) : [['link', 'set', 'dev', own, 'up']]),
    ],
  };
}

/** The VLAN interface of a place as far as it is there, whoever made it. */
export const findVlan = (links: readonly IpLink[], { uplink, vlan }: ParentPlace): IpLink | undefined =>
  links.find(
    ({ link, linkinfo }) =>
      link === uplink &&
      linkinfo?.info_kind === 'vlan' &&
      linkinfo.info_data?.['id'] === vlan &&
      linkinfo.info_data['protocol'] === PROTOCOL,
  );

/** Nobody else names a link so, also when its mark could not be set any more. */
export const isOurs = ({ ifname, ifalias }: IpLink, { uplink, vlan }: ParentPlace): boolean =>
  ifalias === OURS || ifname === vlanName(uplink, vlan);

/** VLAN interfaces that Heddle made, by their mark. */
export const ourVlans = (links: readonly IpLink[]): IpLink[] =>
  links.filter(({ linkinfo, ifalias }) => linkinfo?.info_kind === 'vlan' && ifalias === OURS);

const isEthernet = ({ link_type }: IpLink): boolean => link_type === 'ether';
const bringUp = ({ ifname, flags }: IpLink): IpWords[] =>
  flags.includes('UP') ? [] : [['link', 'set', 'dev', ifname, 'up']];

/** What takes all frames of a link lets none through to children of another kind, and would take ours from it. */
function checkFree(parent: IpLink, links: readonly IpLink[], switchPorts: ReadonlyMap<string, string>): void {
  const { ifname, master, linkinfo } = parent;
  if (!isEthernet(parent)) {
    throw refusal(ifname, `is of the kind ${parent.link_type ?? 'unknown'}; allowed is an Ethernet interface`);
  }
  const bridge = switchPorts.get(ifname);
  if (bridge !== undefined || linkinfo?.info_slave_kind === 'openvswitch') {
    const where = bridge === undefined ? 'Open vSwitch' : `the Open vSwitch bridge ${bridge}`;
    throw refusal(ifname, `is a port of ${where}; take it out (ovs-vsctl del-port ${ifname}) or name another uplink`);
  }
  // A VRF takes no frames, it only routes what arrives.
  if (master !== undefined && linkinfo?.info_slave_kind !== 'vrf') {
    const kind = linkinfo?.info_slave_kind ?? 'link';
    const instead = kind === 'bond' || kind === 'team' ? `name ${master} as the uplink instead` : 'name another uplink';
    throw refusal(
      ifname,
      `is a port of the ${kind} ${master}; take it out (ip link set ${ifname} nomaster) or ${instead}`,
    );
  }
  const children = links.filter(({ link }) => link === ifname);
  const other = children.find(takesAll);
  if (other) {
    const kind = other.linkinfo?.info_kind;
    throw refusal(
      ifname,
      `has the ${kind} interface ${other.ifname}, beside which it can have no others; remove that (ip link del ${other.ifname}) or name another uplink`,
    );
  }
}

const takesAll = ({ linkinfo }: IpLink): boolean =>
  linkinfo?.info_kind === 'ipvlan' ||
  linkinfo?.info_kind === 'ipvtap' ||
  ((linkinfo?.info_kind === 'macvlan' || linkinfo?.info_kind === 'macvtap') &&
    linkinfo.info_data?.['mode'] === 'passthru');

const refusal = (uplink: string, why: string): HeddleError =>
  new HeddleError('refused', `the uplink ${uplink} cannot be used for macvlan: it ${why}`);

/** Says what the kernel meant when it refused to make a parent or a child. */
export function explainRefusal(error: unknown, { uplink, tagging }: ParentPlace): unknown {
  const { message } = HeddleError.from(error);
  if (message.includes('Device or resource busy')) {
    const why =
      'is taken by something that cannot be seen from the host, such as an ipvlan or a passthru interface in a container; end that, or name another uplink';
    return new HeddleError('refused', `the uplink ${uplink} cannot be used for macvlan: it ${why}`, { cause: error });
  }
  if (tagging === 'trunk' && /Unknown device type|Operation not supported/.test(message)) {
    return new HeddleError(
      'refused',
      `this kernel has no 802.1Q for VLAN interfaces of ${uplink}: load it (modprobe 8021q), or use a Domain with tagging access`,
      { cause: error },
    );
  }
  return error;
}
