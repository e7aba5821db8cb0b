import { FakeIpCommand } from './fake-ip-command';
import { FakeProcesses } from './fake-processes';
import { formatBatch, macvlanAdd, SystemIpCommand, vethAdd, vlanAdd } from './ip-command';
import { inNetns, inProcessNamespaces, netnsPath } from './netns';

describe('vethAdd', () => {
  it('makes each end in its namespace with its address and MTU', () => {
    const words = vethAdd({ name: 'a', netns: 'lab-leaf', mtu: 1500 }, { name: 'b', mac: '02:00:00:00:00:01' });
    expect(words.join(' ')).toBe(
      'link add name a mtu 1500 netns lab-leaf type veth peer name b address 02:00:00:00:00:01',
    );
    expect(vethAdd({ name: 'a', up: true }, { name: 'b' }).join(' ')).toBe('link add name a up type veth peer name b');
  });
});

describe('children of a link', () => {
  it('are made with all that they are to have', () => {
    const child = { name: 'c', parent: 'eth0', mac: '02:00:00:00:00:01', mtu: 1400, mode: 'vepa' } as const;
    expect(macvlanAdd(child).join(' ')).toBe(
      'link add link eth0 name c mtu 1400 address 02:00:00:00:00:01 type macvlan mode vepa',
    );
    expect(vlanAdd({ name: 'v', parent: 'eth0', mtu: 1500, id: 101 }).join(' ')).toBe(
      'link add link eth0 name v mtu 1500 type vlan id 101',
    );
  });
});

describe('formatBatch', () => {
  it.each(['', 'a b', 'a\nlink del eth0', 'a"b', '#x', 'tab\t', 'ü'])('refuses the word "%s"', (word) => {
    expect(() => formatBatch([['link', 'del', word]])).toThrow(/cannot be a word of an ip command/);
  });
});

describe('SystemIpCommand', () => {
  it('asks in the namespace that is named', async () => {
    const processes = new FakeProcesses().answer(['ip', '-j', '-n', 'h1'], '[{"ifname":"eth0"}]');
    const ip = new SystemIpCommand(processes);
    await expect(ip.link('eth0', 'h1')).resolves.toEqual({ ifname: 'eth0' });
    await expect(ip.links('h1')).resolves.toEqual([{ ifname: 'eth0' }]);
    await expect(ip.query(['route', 'show'])).resolves.toEqual([]);
    expect(processes.calls.map((call) => call.argv.join(' '))).toEqual([
      'ip -j -n h1 -d address show dev eth0',
      'ip -j -n h1 -d link show',
      'ip -j route show',
    ]);
  });

  it('enters a namespace that is named by its file, which ip itself cannot', async () => {
    const processes = new FakeProcesses();
    const ip = new SystemIpCommand(processes);
    await ip.links('/run/x/netns/1');
    await ip.batch([['link', 'del', 'a']], '/run/x/netns/1');
    await ip.offloadsOff('a', ['tx'], '/run/x/netns/1');
    await ip.offloadsOff('a', ['tx'], 'h1');
    expect(processes.calls.map((call) => call.argv.join(' '))).toEqual([
      'nsenter --net=/run/x/netns/1 -- ip -j -d link show',
      'nsenter --net=/run/x/netns/1 -- ip link del a',
      'nsenter --net=/run/x/netns/1 -- ethtool -K a tx off',
      'nsenter --net=/run/netns/h1 -- ethtool -K a tx off',
    ]);
  });

  it('tells the unicast addresses that a link takes frames for, and no groups', async () => {
    const entry = (mac: string, ...flags: string[]) => ({ mac, flags, state: 'permanent' });
    const entries = [
      entry('02:48:00:00:00:0A', 'self'),
      entry('33:33:00:00:00:01', 'self'),
      entry('01:00:5e:00:00:01', 'self'),
      entry('02:00:00:00:00:0b', 'master'),
      {},
    ];
    const processes = new FakeProcesses().answer(['bridge'], JSON.stringify(entries));
    await expect(new SystemIpCommand(processes).filteredMacs('eth0')).resolves.toEqual(['02:48:00:00:00:0a']);
    expect(processes.calls[0]?.argv.join(' ')).toBe('bridge -j fdb show dev eth0');
    const failing = (stderr: string) =>
      new SystemIpCommand(new FakeProcesses().answer(['bridge'], { code: 255, stderr })).filteredMacs('eth0');
    await expect(failing('Cannot find device "eth0"\n')).resolves.toEqual([]);
    await expect(failing('Cannot send dump request\n')).rejects.toThrow(
      'ended with code 255: Cannot send dump request',
    );
  });

  it('tells a link that is not there from a question that cannot be answered', async () => {
    const asked = (stderr: string): Promise<unknown> =>
      new SystemIpCommand(new FakeProcesses().answer(['ip'], { code: 1, stderr })).link('eth0');
    await expect(asked('Device "eth0" does not exist.\n')).resolves.toBeUndefined();
    await expect(asked('Cannot send dump request\n')).rejects.toThrow('ended with code 1: Cannot send dump request');
  });

  it('runs a single command by itself', async () => {
    const processes = new FakeProcesses();
    await new SystemIpCommand(processes).batch([['link', 'del', 'a']], 'h1');
    expect(processes.calls.map((call) => call.argv.join(' '))).toEqual(['ip -n h1 link del a']);
    await expect(new SystemIpCommand(processes).batch([['link', 'del', 'a b']])).rejects.toThrow('cannot be a word');
  });

  it('names the command of a batch that failed', async () => {
    const stderr = 'RTNETLINK answers: File exists\nCommand failed -:2\n';
    const ip = new SystemIpCommand(new FakeProcesses().answer(['ip'], { code: 1, stderr }));
    const failed = ip.batch([
      ['link', 'set', 'lo', 'up'],
      ['link', 'add', 'x', 'type', 'dummy'],
    ]);
    await expect(failed).rejects.toThrow('ip link add x type dummy: RTNETLINK answers: File exists');
  });

  it('starts nothing for an empty batch', async () => {
    const processes = new FakeProcesses();
    await new SystemIpCommand(processes).batch([]);
    expect(processes.calls).toEqual([]);
  });
});

describe('namespace commands', () => {
  it('enter by path and by process', () => {
    expect(inNetns('demo-h1')).toEqual(['nsenter', '--net=/run/netns/demo-h1', '--']);
    expect(inProcessNamespaces(7)).toEqual(['nsenter', '--target', '7', '--mount', '--net', '--']);
    expect(() => netnsPath('../etc')).toThrow(/a network namespace is named with/);
  });
});

describe('FakeIpCommand', () => {
  it('keeps links the way the kernel would', async () => {
    const ip = new FakeIpCommand();
    await ip.batch([vethAdd({ name: 'a', up: true }, { name: 'b', netns: 'peer', mtu: 1400 })]);
    await ip.batch([['link', 'set', 'b', 'up']], 'peer');
    await expect(ip.link('a')).resolves.toMatchObject({ operstate: 'UP', linkinfo: { info_kind: 'veth' } });
    await expect(ip.link('b', 'peer')).resolves.toMatchObject({ mtu: 1400 });
    await expect(ip.batch([vethAdd({ name: 'a' }, { name: 'c' })])).rejects.toThrow('File exists');
    await ip.batch([['link', 'set', 'dev', 'b', 'name', 'eth0', 'mtu', '1450']], 'peer');
    await expect(ip.link('eth0', 'peer')).resolves.toMatchObject({ mtu: 1450 });
    await ip.batch([['addr', 'add', '192.0.2.1/24', 'dev', 'a']]);
    await expect(ip.link('a')).resolves.toMatchObject({
      addr_info: [{ family: 'inet', local: '192.0.2.1', prefixlen: 24 }],
    });
    await ip.batch([['addr', 'del', '192.0.2.1/24', 'dev', 'a']]);
    await expect(ip.link('a')).resolves.toMatchObject({ addr_info: [] });
    await ip.batch([['link', 'del', 'a']]);
    await expect(ip.links('peer')).resolves.toEqual([]);
    await expect(ip.batch([['link', 'del', 'a']])).rejects.toThrow('Cannot find device');
    expect(ip.commands).toHaveLength(8);
  });

  it('keeps children as the kernel does: a parent tells of those that are up, and takes all with it', async () => {
    const ip = new FakeIpCommand();
    await ip.batch([['link', 'add', 'name', 'up0', 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'lp0']]);
    const child = { parent: 'up0', mac: '02:00:00:00:00:0A', mtu: 1400, mode: 'bridge' } as const;
    await ip.batch([macvlanAdd({ ...child, name: 'c1' }), vlanAdd({ name: 'v', parent: 'up0', mtu: 1400, id: 7 })]);
    await expect(ip.link('c1')).resolves.toMatchObject({
      link: 'up0',
      linkinfo: { info_kind: 'macvlan', info_data: { mode: 'bridge' } },
    });
    await expect(ip.link('v')).resolves.toMatchObject({ link: 'up0', linkinfo: { info_data: { id: 7 } } });
    await expect(ip.filteredMacs('up0')).resolves.toEqual([]);
    await ip.batch([['link', 'set', 'dev', 'c1', 'netns', '/run/s1']]);
    await ip.batch([['link', 'set', 'dev', 'c1', 'type', 'macvlan', 'mode', 'vepa'], ['link', 'set', 'c1', 'up']], '/run/s1'); // prettier-ignore
    await expect(ip.filteredMacs('up0')).resolves.toEqual(['02:00:00:00:00:0a']);
    const [moved] = await ip.links('/run/s1');
    expect(moved).toMatchObject({ link_index: 2, linkinfo: { info_data: { mode: 'vepa' } } });
    expect(moved).not.toHaveProperty('link');
    await expect(ip.batch([macvlanAdd({ ...child, name: 'c2', mtu: 1500 })])).rejects.toThrow('Invalid argument');
    await expect(ip.batch([macvlanAdd({ ...child, name: 'c2', parent: 'no' })])).rejects.toThrow('Cannot find device');
    await ip.batch([['link', 'set', 'dev', 'up0', 'master', 'br0', 'alias', 'mine']]);
    await expect(ip.batch([macvlanAdd({ ...child, name: 'c2' })])).rejects.toThrow('busy');
    await expect(ip.link('up0')).resolves.toMatchObject({ master: 'br0', ifalias: 'mine' });
    await ip.batch([['link', 'del', 'up0']]);
    await expect(ip.links('/run/s1')).resolves.toEqual([]);
    await expect(ip.links()).resolves.toEqual([]);
    await expect(ip.filteredMacs('up0')).resolves.toEqual([]);
  });
});
