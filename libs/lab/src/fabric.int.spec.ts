import { readFile } from 'node:fs/promises';
import { waitFor, type IpLink } from '@heddle/host';
import { linkOf, type CableName } from './names';
import type { HostNode } from './host-node';
import type { Lab } from './lab';
import type { LabNode } from './lab-node';
import { leftovers } from './leftovers';
import { openTestLab, STAND_IN, STAND_INS, testLabName } from './testing/test-lab';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const NOTHING = { processes: 0, shims: 0, namespaces: 0, links: 0, mounts: 0, cgroups: 0, folders: 0 };
const S1 = { name: 's1', address: '10.9.0.21/24', gateway: '10.9.0.1', mac: '02:00:00:00:09:21' };
const S2 = { name: 's2', address: '10.9.0.22/24', vlan: 77, mtu: 1500 };

jest.setTimeout(60_000);

describeRoot('the fabric of a lab', () => {
  const name = testLabName('g');
  let lab: Lab;

  beforeAll(async () => {
    lab = await openTestLab({ name, hosts: ['h1', { name: 'h2', tunnels: false }], servers: [S1, S2] });
    await lab.up();
  });

  afterAll(() => lab.down());

  const h1 = (): HostNode => lab.host('h1');
  const leafPorts = async (bridge: string): Promise<string[]> =>
    (await lab.leaf.vsctl(['list-ports', bridge])).split('\n').filter(Boolean).sort();
  const ofctl = async (command: string, argument: string, input?: string): Promise<string> => {
    const bridge = `unix:${lab.leaf.layout.ovsRun}/br-heddle.mgmt`;
    return (await lab.leaf.exec(['ovs-ofctl', '-O', 'OpenFlow13', command, bridge, argument], { input })).stdout;
  };
  /** A switch that has just started answers a moment later. */
  const flows = (...lines: string[]): Promise<unknown> => {
    const set = (): Promise<boolean> => isDone(ofctl('replace-flows', '-', lines.join('\n')));
    return waitFor(set, { deadlineMs: 5_000, what: 'the flows to be set' });
  };

  it('has leaf, hosts and servers in its status', async () => {
    const { state, nodes } = await lab.status();
    expect(state).toBe('running');
    expect(nodes.map(({ name, kind, address, parts }) => [name, kind, address, parts.length])).toEqual([
      ['leaf', 'leaf', '192.0.2.1', 3],
      ['ctl', 'control', '192.0.2.10', 2],
      ['h1', 'host', '192.0.2.11', 6],
      ['h2', 'host', '192.0.2.12', 6],
      ['s1', 'server', '10.9.0.21', 0],
      ['s2', 'server', '10.9.0.22', 2],
    ]);
  });

  it('cables each host to the leaf three times, with room for a VLAN tag and without addresses', async () => {
    expect(await leafPorts('br-leaf')).toEqual([`${name}-ctl`, `${name}-h1`, `${name}-h2`]);
    const ports = ['h1_f', 'h1_m', 'h2_f', 'h2_m', 's1_f', 's2_f'].map((port) => `${name}-${port}`);
    expect(await leafPorts('br-heddle')).toEqual(ports);
    const ends: Array<readonly [LabNode, string]> = [
      ...ports.map((port) => [lab.leaf, port] as const),
      ...(['fabric', 'macvlan'] as const).map((cable) => [h1(), linkOf(name, cable)] as const),
    ];
    for (const [node, link] of ends) {
      const found = await linkIn(node, link);
      expect(found).toMatchObject({ mtu: 1504, addr_info: [] });
      expect(found.flags).toEqual(expect.arrayContaining(['UP', 'LOWER_UP']));
    }
  });

  it('tells the agents of host and leaf what is cabled where', async () => {
    expect(await h1().config()).toMatchObject({
      role: 'host',
      tunnels: true,
      uplinks: {
        fabric: { interface: `${name}-fabric`, mtu: 1500, leaf: 'leaf', port: `${name}-h1_f` },
        macvlan: { interface: `${name}-macvlan`, mtu: 1500, leaf: 'leaf', port: `${name}-h1_m` },
      },
    });
    const { layout } = lab.leaf;
    expect(await lab.leaf.config()).toEqual({
      role: 'leaf',
      host: 'leaf',
      stateDir: layout.data,
      runDir: layout.run,
      ovs: {
        databaseSocket: layout.ovsSocket,
        runDir: layout.ovsRun,
        bridge: 'br-heddle',
        datapathType: 'netdev',
        uplinkBridge: 'br-leaf',
      },
      underlay: { address: '192.0.2.1', mtu: 1500 },
      nats: { servers: ['nats://192.0.2.10:4222'], seedFile: layout.seedFile },
      agent: { socket: layout.agentSocket },
      labels: {},
      zone: 'default',
      tunnels: true,
    });
    expect(await readFile(layout.seedFile, 'utf8')).toBe('seed of leaf');
  });

  it('keeps the kernels of leaf and hosts out of their cables: one answers for an address, from its bridge', async () => {
    for (const [address, mac] of [
      ['192.0.2.1', '02:68:c0:00:02:01'],
      ['192.0.2.12', '02:68:c0:00:02:0c'],
    ] as const) {
      const arping = ['busybox', 'arping', '-b', '-c', '2', '-w', '3', '-I', 'br-uplink', address];
      const { stdout } = await h1().exec(arping);
      const macs = [...stdout.matchAll(/reply from \S+ \[([0-9a-f:]+)\]/g)].map(([, from]) => from);
      expect(macs.length).toBeGreaterThan(0);
      expect(new Set(macs)).toEqual(new Set([mac]));
    }
  });

  it('leaves it to the agent of the leaf what passes', async () => {
    expect(await lab.leaf.vsctl(['get', 'bridge', 'br-heddle', 'fail_mode', 'datapath_type'])).toBe('secure\nnetdev\n');
    await expect(lab.server('s1').exec(['busybox', 'ping', '-c1', '-W1', '10.9.0.22'])).rejects.toMatchObject({
      exitCode: 1,
    });
    expect(await ofctl('dump-ports', `${name}-s1_f`)).toMatch(/rx pkts=[1-9]/);
    expect(await ofctl('dump-ports', `${name}-s2_f`)).toMatch(/tx pkts=0,/);
  });

  it('shows the leaf a server untagged or in its VLAN, with checksums that connection tracking takes', async () => {
    const [one, two] = [lab.server('s1'), lab.server('s2')];
    expect(await one.attachment()).toEqual({ driver: 'static', leaf: 'leaf', port: `${name}-s1_f` });
    expect(await two.attachment()).toEqual({ driver: 'static', leaf: 'leaf', port: `${name}-s2_f`, vlan: 77 });
    expect([await one.mac(), await two.mac()]).toEqual([S1.mac, '02:68:0a:09:00:16']);
    await flows(
      `in_port=${name}-s1_f,vlan_tci=0,arp actions=mod_vlan_vid:77,output:${name}-s2_f`,
      `in_port=${name}-s2_f,dl_vlan=77,arp actions=strip_vlan,output:${name}-s1_f`,
      `in_port=${name}-s1_f,vlan_tci=0,ip,dl_src=${S1.mac} actions=ct(table=1)`,
      `in_port=${name}-s2_f,dl_vlan=77,ip actions=strip_vlan,ct(table=1)`,
      `table=1,ct_state=+trk-inv,in_port=${name}-s1_f,ip actions=ct(commit),mod_vlan_vid:77,output:${name}-s2_f`,
      `table=1,ct_state=+trk-inv,in_port=${name}-s2_f,ip actions=output:${name}-s1_f`,
    );
    const { pid } = await two.run('web', [process.execPath, STAND_IN, '--tcp', '10.9.0.22:80']);
    expect(await posted(one, '10.9.0.22:80')).toBe(300_000);
    expect((await lab.status()).nodes.at(-1)).toMatchObject({
      state: 'running',
      parts: [{ name: 'ovsdb' }, { name: 'vswitchd' }, { name: 'run-web', pid }],
    });
    expect(await two.stop('web')).toBe(true);
    expect(await two.stop('web')).toBe(false);
    expect((await one.exec(['ip', 'route', 'show', 'default'])).stdout).toContain('via 10.9.0.1 dev');
  });

  it('carries a tagged packet of 1500 bytes from a host', async () => {
    await h1().vsctl(
      ['add-br', 'br-test'],
      ['set', 'bridge', 'br-test', 'datapath_type=netdev'],
      ['set', 'port', 'br-test', 'tag=5'],
      ['set', 'interface', 'br-test', 'mtu_request=1500'],
      ['add-port', 'br-test', linkOf(name, 'fabric'), 'trunks=5'],
    );
    await h1().exec(['ip', 'addr', 'add', '10.9.0.31/24', 'dev', 'br-test']);
    await h1().exec(['ip', 'link', 'set', 'dev', 'br-test', 'up']);
    await flows(
      `in_port=${name}-h1_f,dl_vlan=5 actions=mod_vlan_vid:77,output:${name}-s2_f`,
      `in_port=${name}-s2_f,dl_vlan=77 actions=mod_vlan_vid:5,output:${name}-h1_f`,
    );
    await ping(h1(), '10.9.0.22', '-s', '1472');
    const { stdout } = await lab.server('s2').exec(['ip', '-j', 'link', 'show', 'br-server']);
    expect(JSON.parse(stdout)).toMatchObject([{ mtu: 1500, address: '02:68:0a:09:00:16' }]);
    await h1().vsctl(['del-br', 'br-test']);
  });

  it('carries children of a parent, with checksums that connection tracking takes', async () => {
    const parent = linkOf(name, 'macvlan');
    await h1().exec([
      'ip',
      'link',
      'add',
      'link',
      parent,
      'name',
      'child',
      'mtu',
      '1500',
      'type',
      'macvlan',
      'mode',
      'vepa',
    ]);
    await h1().exec(['ip', 'addr', 'add', '10.9.0.32/24', 'dev', 'child']);
    await h1().exec(['ip', 'link', 'set', 'dev', 'child', 'up']);
    await flows(
      `in_port=${name}-h1_m,arp actions=output:${name}-s1_f`,
      `in_port=${name}-s1_f,arp actions=output:${name}-h1_m`,
      'ip actions=ct(table=1)',
      `table=1,ct_state=+trk-inv,in_port=${name}-h1_m,ip actions=ct(commit),output:${name}-s1_f`,
      `table=1,ct_state=+trk-inv,in_port=${name}-s1_f,ip actions=output:${name}-h1_m`,
    );
    await lab.server('s1').run('web', [process.execPath, STAND_IN, '--tcp', '10.9.0.21:80']);
    expect(await posted(h1(), '10.9.0.21:80')).toBe(300_000);
    await lab.server('s1').stop('web');
    await h1().exec(['ip', 'link', 'del', 'child']);
  });

  it('has a switch leave segmentation where no tunnels end', async () => {
    const setting = ['--if-exists', 'get', 'Open_vSwitch', '.', 'other_config:userspace-tso-enable'];
    const logs = async (host: string): Promise<string> => readFile(lab.host(host).logFile('vswitchd'), 'utf8');
    expect([await lab.host('h2').vsctl(setting), await h1().vsctl(setting)]).toEqual(['"true"\n', '\n']);
    expect(await logs('h2')).toContain('Userspace TCP Segmentation Offloading support enabled');
    expect(await logs('h1')).not.toContain('Segmentation');
    expect(await lab.host('h2').config()).toMatchObject({ tunnels: false });
    // The leaf has tunnels and could not take what is left to it; macvlan's end is the kernel's.
    expect(await leavesChecksums(h1(), ['underlay', 'fabric', 'macvlan'])).toEqual([true, true, false]);
    expect(await leavesChecksums(lab.host('h2'), ['underlay', 'fabric', 'macvlan'])).toEqual([false, false, false]);
  });

  it('loses single cables and has them back', async () => {
    const carrier = async (port: string): Promise<boolean> =>
      (await linkIn(lab.leaf, `${name}-${port}`)).flags.includes('LOWER_UP');
    await h1().disconnect('macvlan');
    await lab.server('s1').disconnect();
    expect([await carrier('h1_m'), await carrier('h1_f'), await carrier('s1_f')]).toEqual([false, true, false]);
    await ping(h1(), '192.0.2.12');
    expect((await lab.status()).state).toBe('running');
    await h1().connect('macvlan');
    await lab.server('s1').connect();
    await waitFor(async () => (await carrier('h1_m')) && (await carrier('s1_f')), {
      deadlineMs: 5_000,
      what: 'cables',
    });
    expect(() => lab.control.link('fabric')).toThrow('ctl has no cable fabric: it has underlay');
    expect(() => lab.leaf.link()).toThrow('leaf has no cable to the leaf: it has none');
  });

  it('runs processes of its user on a host, which end with the host and are not missed', async () => {
    const { pid, logFile } = await h1().run('guest', ['sh', '-c', 'ls /run/docker/plugins; exec sleep 600']);
    expect(await h1().run('guest', ['false'])).toEqual({ pid, logFile });
    await waitFor(async () => (await readFile(logFile, 'utf8')) === 'heddle.sock\n', {
      deadlineMs: 5_000,
      what: 'log',
    });
    expect(await h1().cgroup.pids()).toContain(pid);
    process.kill(pid, 'SIGKILL');
    await waitFor(async () => !(await h1().cgroup.pids()).includes(pid), { deadlineMs: 5_000, what: 'its end' });
    const { state, nodes } = await lab.status();
    expect([state, nodes[2]?.parts.map((part) => part.name)]).toEqual([
      'running',
      expect.not.arrayContaining(['run-guest']),
    ]);
    await expect(h1().run('guest', ['sh', '-c', 'echo no guest; exit 3'], async () => false)).rejects.toThrow(
      /run-guest on h1 did not start: .*code 3; [\s\S]*\nno guest$/,
    );
    await expect(h1().run('Guest', ['true'])).rejects.toMatchObject({ code: 'invalid' });
  });

  it('gives the leaf its agent back with the next host, and takes the cables of a host with it', async () => {
    await lab.leaf.kill('agent');
    const before = await h1().pid('agent');
    await lab.hostUp('h3');
    expect(await leafPorts('br-heddle')).toEqual(expect.arrayContaining([`${name}-h3_f`, `${name}-h3_m`]));
    expect((await lab.status()).state).toBe('running');
    expect(await h1().pid('agent')).toBe(before);
    // Its ports go even when the agent of the leaf cannot be asked.
    await lab.leaf.kill('agent');
    await lab.hostDown('h3');
    expect([...(await leafPorts('br-heddle')), ...(await leafPorts('br-leaf'))].join()).not.toContain('h3');
    const links = (await lab.leaf.exec(['ip', '-br', 'link'])).stdout;
    expect([links.includes(`${name}-h1_f`), links.includes('-h3')]).toEqual([true, false]);
    await lab.leaf.start('agent');
  });

  it('takes a server more and lets it go', async () => {
    const s3 = await lab.serverUp({ name: 's3', address: '10.9.0.23/24' });
    expect(s3).toMatchObject({ kind: 'server', state: 'running', address: '10.9.0.23' });
    expect(await leafPorts('br-heddle')).toContain(`${name}-s3_f`);
    await expect(lab.hostUp('s3')).rejects.toMatchObject({
      code: 'conflict',
      message: 's3 is a server of this lab already: give the host another name',
    });
    await expect(lab.serverDown('h1')).rejects.toMatchObject({ code: 'conflict' });
    await lab.serverDown('s3');
    await lab.serverDown('s3');
    expect(await leafPorts('br-heddle')).not.toContain(`${name}-s3_f`);
    expect((await lab.status()).nodes.map((node) => node.name)).toEqual(['leaf', 'ctl', 'h1', 'h2', 's1', 's2']);
  });

  it('is the same after its leaf and a server were started again', async () => {
    await lab.leaf.kill('vswitchd');
    await lab.leaf.start('vswitchd');
    await lab.server('s2').kill('vswitchd');
    expect(await lab.status()).toMatchObject({ state: 'dead', reason: expect.stringMatching(/^s2: vswitchd: /) });
    await lab.server('s2').start('vswitchd');
    await flows(
      `in_port=${name}-s1_f actions=mod_vlan_vid:77,output:${name}-s2_f`,
      `in_port=${name}-s2_f,dl_vlan=77 actions=strip_vlan,output:${name}-s1_f`,
    );
    await ping(lab.server('s1'), '10.9.0.22');
    await ping(h1(), '192.0.2.1');
    expect((await lab.status()).state).toBe('running');
  });

  it('leaves nothing behind', async () => {
    await h1().run('guest', ['sleep', '600']);
    await lab.down();
    expect(await leftovers(name)).toEqual(NOTHING);
  });
});

describeRoot('a lab whose leaf leaves segmentation', () => {
  const name = testLabName('i');
  let lab: Lab;

  beforeAll(async () => {
    lab = await openTestLab({
      name,
      leaf: { tunnels: false },
      hosts: [{ name: 'h1', tunnels: false }, 'h2'],
      servers: [S1, S2],
    });
    await lab.up();
  });

  afterAll(() => lab.down());

  it('carries the underlay between those that take it and those that do not', async () => {
    expect(await lab.leaf.config()).toMatchObject({ role: 'leaf', tunnels: false });
    const nodes: LabNode[] = [lab.host('h1'), lab.host('h2'), lab.leaf];
    for (const node of nodes) {
      expect([node.name, await posted(node, '192.0.2.10:4222')]).toEqual([node.name, 300_000]);
      const address = (await node.address()) ?? '';
      await node.run('web', [process.execPath, STAND_IN, '--tcp', `${address}:80`]);
      for (const other of nodes.filter((each) => each !== node)) {
        expect([other.name, node.name, await posted(other, `${address}:80`)]).toEqual([other.name, node.name, 300_000]);
      }
    }
  });

  it('finishes packets only for those that could not take them', async () => {
    expect(await leavesChecksums(lab.host('h1'), ['underlay', 'fabric', 'macvlan'])).toEqual([true, true, true]);
    const ports = ['h1', 'h2', 'h2_f', 'h2_m', 's1_f', 's2_f'].map((port) => `${name}-${port}`);
    const leaves = await Promise.all(ports.map((port) => checksumsLeft(lab.leaf, port)));
    expect(Object.fromEntries(ports.map((port, i) => [port.slice(name.length + 1), leaves[i]]))).toEqual({
      h1: true,
      h2: false,
      h2_f: false,
      h2_m: true,
      s1_f: true,
      s2_f: false,
    });
  });

  it('is cleared when an up with servers fails', async () => {
    const broken = { ...STAND_INS, agent: () => [process.execPath, STAND_IN, '--say', 'no agent', '--exit', '3'] };
    const other = testLabName('j');
    const failing = await openTestLab({ name: other, servers: [S1, S2], commands: broken });
    await expect(failing.up()).rejects.toThrow(/leaf, start agent: .*\nno agent$/);
    expect(await leftovers(other)).toEqual(NOTHING);
    await expect(failing.serverUp(S1)).rejects.toThrow(/leaf, start agent: .*\nno agent$/);
    expect(await leftovers(other)).toEqual(NOTHING);
  });
});

async function linkIn(node: LabNode, link: string): Promise<IpLink> {
  const { stdout } = await node.exec(['ip', '-j', '-d', 'address', 'show', 'dev', link]);
  return (JSON.parse(stdout) as IpLink[])[0] as IpLink;
}

function leavesChecksums(node: LabNode, cables: readonly CableName[]): Promise<boolean[]> {
  return Promise.all(cables.map((cable) => checksumsLeft(node, node.link(cable))));
}

async function checksumsLeft(node: LabNode, link: string): Promise<boolean> {
  return (await node.exec(['ethtool', '-k', link])).stdout.includes('tx-checksumming: on');
}

/** How many bytes of a large request a stand-in says have reached it. */
function posted(from: LabNode, to: string): Promise<number> {
  const script = `fetch('http://${to}/', { method: 'POST', body: 'x'.repeat(300000) })
    .then((answer) => answer.json()).then(({ body }) => process.stdout.write(String(body.length)))`;
  const post = (): Promise<number> =>
    from.exec([process.execPath, '-e', script]).then(
      ({ stdout }) => Number(stdout),
      () => 0, // nobody listens there yet
    );
  return waitFor(post, { deadlineMs: 15_000, what: `an answer of ${to} to ${from.name}` });
}

async function ping(from: LabNode, address: string, ...options: string[]): Promise<void> {
  const once = (): Promise<boolean> => isDone(from.exec(['busybox', 'ping', '-c1', '-W1', ...options, address]));
  await waitFor(once, { deadlineMs: 5_000, what: `an answer of ${address} to ${from.name}` });
}

function isDone(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
