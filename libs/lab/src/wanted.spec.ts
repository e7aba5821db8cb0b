import { wantedNodes, wantedServer } from './wanted';

const SERVER = { name: 's1', address: '10.32.0.20/16' };

describe('what a lab is asked for', () => {
  it('is so many hosts, or these, and servers', () => {
    expect(wantedNodes({})).toEqual([]);
    expect(wantedNodes({ hosts: 2, servers: [SERVER] }).map(({ kind, spec }) => [kind, spec.name])).toEqual([
      ['host', 'h1'],
      ['host', 'h2'],
      ['server', 's1'],
    ]);
    expect(wantedNodes({ hosts: ['a', { name: 'b', tunnels: false }] })).toEqual([
      { kind: 'host', spec: { name: 'a' } },
      { kind: 'host', spec: { name: 'b', tunnels: false } },
    ]);
  });

  it('is refused when two have one name', () => {
    expect(() => wantedNodes({ hosts: ['a', 'a'] })).toThrow('the lab host a is listed twice');
    expect(() => wantedNodes({ hosts: ['s1'], servers: [SERVER] })).toThrow('the lab server s1 is listed twice');
  });

  it.each([
    [{ name: 'S1' }, /a lab server is named with 1 to 20 of a-z 0-9 -, .*, not "S1"/],
    [{ name: 'leaf' }, /leaf and ctl are taken/],
    [{ address: '10.32.0.20' }, /the address of lab server s1 is "10.32.0.20"; allowed is an IPv4 address with its/],
    [{ address: 'fd00::1/64' }, /the address of lab server s1 is "fd00::1\/64"/],
    [{ gateway: '10.33.0.1' }, /the gateway of lab server s1 is "10.33.0.1"; .* in the subnet of 10.32.0.20\/16/],
    [{ gateway: 'router' }, /the gateway of lab server s1 is "router"/],
    [{ mac: '02:48' }, /the MAC address of lab server s1 is "02:48"; allowed is one in lower case/],
    [{ vlan: 0 }, /the VLAN of lab server s1 is "0"; allowed is 1 to 4094/],
    [{ vlan: 4095 }, /the VLAN of lab server s1 is "4095"/],
    [{ mtu: 1501 }, /the MTU of lab server s1 is "1501"; allowed is 576 to 1500/],
    [{ mtu: 1000.5 }, /the MTU of lab server s1 is "1000.5"/],
  ])('is refused when a server has %j', (field, message) => {
    expect(() => wantedServer({ ...SERVER, ...field })).toThrow(message);
  });

  it('is taken with all that a server may say', () => {
    const spec = { ...SERVER, gateway: '10.32.0.1', mac: '02:48:0a:20:00:07', vlan: 4094, mtu: 1500 };
    expect(wantedServer(spec)).toEqual({ kind: 'server', spec });
  });
});
