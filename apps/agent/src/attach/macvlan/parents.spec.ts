import type { IpLink } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { explainRefusal, findParent, ourVlans, type ParentPlace } from './parents';

const ACCESS: ParentPlace = { uplink: 'eth0', tagging: 'access', vlan: 101 };
const TRUNK: ParentPlace = { ...ACCESS, tagging: 'trunk' };
const OWN = 'hd_v-eth0.101';

const link = (ifname: string, change: Partial<IpLink> = {}): IpLink => ({
  ifindex: 2,
  ifname,
  flags: ['UP'],
  mtu: 1500,
  operstate: 'UP',
  link_type: 'ether',
  ...change,
});
const vlan = (ifname: string, change: Partial<IpLink> = {}, id = 101, protocol = '802.1Q'): IpLink =>
  link(ifname, { link: 'eth0', linkinfo: { info_kind: 'vlan', info_data: { protocol, id } }, ...change });
const find = (links: readonly IpLink[], place = ACCESS, ports: Readonly<Record<string, string>> = {}) => {
  const { name, mtu, make } = findParent(links, place, new Map(Object.entries(ports)));
  return { name, mtu, make: make.map((words) => words.join(' ')) };
};

describe('a parent with tagging access', () => {
  it('is the uplink, and brought up if it is not', () => {
    expect(find([link('eth0')])).toEqual({ name: 'eth0', mtu: 1500, make: [] });
    expect(find([link('eth0', { flags: [] })])).toEqual({ name: 'eth0', mtu: 1500, make: ['link set dev eth0 up'] });
  });
});

describe('a parent with tagging trunk', () => {
  const make = ['link add link eth0 name hd_v-eth0.101 mtu 9000 type vlan id 101', 'link set dev hd_v-eth0.101 alias heddle', 'link set dev hd_v-eth0.101 up']; // prettier-ignore

  it('is made with the MTU of the uplink, marked as ours, within 15 characters', () => {
    expect(find([link('eth0', { mtu: 9000 })], TRUNK)).toEqual({ name: OWN, mtu: 9000, make });
    const long = { ...TRUNK, uplink: 'enp130s0f1np1', vlan: 4094 };
    expect(find([link(long.uplink)], long).name).toMatch(/^hd_v-[a-z0-9]{10}$/);
  });

  it('is not one of another VLAN, another protocol or another uplink', () => {
    const others = [
      vlan('a', {}, 102),
      vlan('b', {}, 101, '802.1ad'),
      vlan('c', { link: 'eth1' }),
      link('d', { link: 'eth0' }),
    ];
    expect(find([link('eth0', { mtu: 9000 }), ...others], TRUNK).make).toEqual(make);
  });

  it('is the one that is there, with what it lacks', () => {
    const own = vlan(OWN, { ifalias: 'heddle' });
    expect(find([link('eth0'), own], TRUNK)).toEqual({ name: OWN, mtu: 1500, make: [] });
    // The daemon was killed when it had just made it; and the uplink got a larger MTU since.
    const begun = vlan(OWN, { flags: [], mtu: 1400 });
    expect(find([link('eth0', { flags: [] }), begun], TRUNK)).toEqual({
      name: OWN,
      mtu: 1500,
      make: [
        'link set dev eth0 up',
        `link set dev ${OWN} alias heddle`,
        `link set dev ${OWN} mtu 1500`,
        `link set dev ${OWN} up`,
      ],
    });
  });

  it("is a user's own if there is one, which is used as it is", () => {
    const users = vlan('storage', { mtu: 1450 });
    expect(find([link('eth0', { mtu: 9000 }), users], TRUNK)).toEqual({ name: 'storage', mtu: 1450, make: [] });
    expect(find([link('eth0'), { ...users, flags: [] }], TRUNK).make).toEqual(['link set dev storage up']);
    expect(ourVlans([link('eth0'), users, vlan(OWN, { ifalias: 'heddle' })]).map(({ ifname }) => ifname)).toEqual([
      OWN,
    ]);
  });

  it("is refused where a user's own belongs to something else", () => {
    const users = vlan('storage', {
      master: 'br0',
      linkinfo: { info_kind: 'vlan', info_data: { protocol: '802.1Q', id: 101 }, info_slave_kind: 'bridge' },
    });
    expect(() => find([link('eth0'), users], TRUNK)).toThrow(/uplink storage .* is a port of the bridge br0/);
  });
});

describe('an uplink', () => {
  const slaveOf = (info_slave_kind: string, master: string): IpLink =>
    link('eth0', { master, linkinfo: { info_slave_kind } });
  const childOf = (info_kind: string, mode?: string): IpLink =>
    link('other', { link: 'eth0', linkinfo: { info_kind, info_data: { mode } } });

  it.each([
    [
      'is not there',
      [link('lo', { link_type: 'loopback' }), link('eth1')],
      /is not on this host, which has eth1; correct/,
    ],
    ['is the loopback', [link('eth0', { link_type: 'loopback' })], /kind loopback; allowed is an Ethernet interface/],
    [
      'is a port of a bridge',
      [slaveOf('bridge', 'br0')],
      /port of the bridge br0; take it out \(ip link set eth0 nomaster\)/,
    ],
    ['is part of a bond', [slaveOf('bond', 'bond0')], /port of the bond bond0; .* name bond0 as the uplink instead/],
    [
      'is a port of the kernel switch',
      [slaveOf('openvswitch', 'ovs-system')],
      /port of Open vSwitch; .*ovs-vsctl del-port eth0/,
    ],
    ['has an ipvlan', [link('eth0'), childOf('ipvlan')], /has the ipvlan interface other, .*ip link del other/],
    ['has a passthru', [link('eth0'), childOf('macvlan', 'passthru')], /has the macvlan interface other/],
  ])('that %s is refused, with what to do', (_what, links, message) => {
    for (const place of [ACCESS, TRUNK]) {
      const found = (): unknown => find(links, place);
      expect(found).toThrow(message);
      expect(found).toThrow(expect.objectContaining({ code: 'refused' }));
    }
  });

  it('that a user-space switch has is refused, though the kernel does not know', () => {
    expect(() => find([link('eth0')], ACCESS, { eth0: 'br-uplink' })).toThrow(
      /is a port of the Open vSwitch bridge br-uplink; take it out \(ovs-vsctl del-port eth0\)/,
    );
  });

  it('that is in a VRF, or has macvlans of somebody else, is used', () => {
    expect(find([slaveOf('vrf', 'vrf0')]).name).toBe('eth0');
    expect(find([link('eth0'), childOf('macvlan', 'bridge')]).name).toBe('eth0');
  });
});

describe('what the kernel refuses', () => {
  const said = (text: string, place: ParentPlace): HeddleError =>
    HeddleError.from(explainRefusal(new HeddleError('internal', `ip link add: ${text}`), place));

  it('is told in words', () => {
    expect(said('RTNETLINK answers: Device or resource busy', ACCESS)).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('taken by something that cannot be seen from the host'),
    });
    for (const text of ['Error: Unknown device type.', 'RTNETLINK answers: Operation not supported'])
      expect(said(text, TRUNK).message).toMatch(/this kernel has no 802\.1Q .*modprobe 8021q.*tagging access/);
  });

  it('is told as it is where nothing better is known', () => {
    expect(said('Error: Unknown device type.', ACCESS).message).toBe('ip link add: Error: Unknown device type.');
    expect(said('no memory', TRUNK).message).toBe('ip link add: no memory');
  });
});
