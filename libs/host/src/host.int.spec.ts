import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { macvlanAdd, SystemIpCommand, vethAdd } from './ip-command';
import { inNetns, netnsInode, netnsPath, SystemNetworkNamespaces } from './netns';
import { SystemCgroup } from './system-cgroup';
import { SystemProcesses } from './system-processes';
import { waitFor } from './wait-for';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const processes = new SystemProcesses();

describeRoot('cgroups', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'heddle-cgroup-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  const name = `/heddle-test-${process.pid}`;
  const kinds: Array<[string, () => Promise<SystemCgroup>]> = [
    ['as mounted', () => SystemCgroup.open(name)],
    ...cgroup2Mounts().map((root): [string, () => Promise<SystemCgroup>] => [
      `unified at ${root}`,
      async () => new SystemCgroup({ version: 2, join: [root], all: [root] }, name),
    ]),
  ];

  it.each(kinds)('%s: hold a daemon with all its children, end them and go', async (_kind, open) => {
    const cgroup = await open();
    const part = cgroup.child('part');
    await part.create();
    try {
      const script = 'sleep 60 & sleep 60 & (sleep 60 & exec sleep 60) & exec sleep 60';
      const logFile = path.join(folder, 'log');
      const { identity } = await processes.spawnDaemon(['sh', '-c', script], { logFile, cgroup: part });
      // It is in from the beginning, whenever its children come.
      await expect(cgroup.pids()).resolves.toContain(identity.pid);
      await waitFor(async () => (await cgroup.pids()).length === 5, { deadlineMs: 5_000, what: 'five processes' });
      await expect(cgroup.children()).resolves.toEqual(['part']);
      await cgroup.killAll(5_000);
      await expect(processes.isAlive(identity)).resolves.toBe(false);
      await expect(cgroup.pids()).resolves.toEqual([]);
    } finally {
      await cgroup.killAll(5_000);
      await cgroup.remove();
    }
    await expect(cgroup.exists()).resolves.toBe(false);
    await cgroup.remove();
  });

  it('end processes that multiply, and those that are paused', async () => {
    const cgroup = await SystemCgroup.open(name);
    const paused = cgroup.child('paused');
    await Promise.all([cgroup.create(), paused.create()]);
    try {
      const logFile = path.join(folder, 'log');
      const breeding = 'while :; do (sleep 0.02; exec sleep 60) & sleep 0.01; done';
      await processes.spawnDaemon(['sh', '-c', breeding], { logFile, cgroup });
      await processes.spawnDaemon(['sleep', '60'], { logFile, cgroup: paused });
      const freezer = paused.procsFiles.find((file) => file.includes('freezer'));
      if (freezer) await writeFile(path.join(path.dirname(freezer), 'freezer.state'), 'FROZEN');
      await waitFor(async () => (await cgroup.pids()).length > 10, { deadlineMs: 5_000, what: 'ten processes' });
      await cgroup.killAll(5_000);
      await expect(cgroup.pids()).resolves.toEqual([]);
    } finally {
      await cgroup.remove();
    }
  });

  it('refuse to go while a process is in them', async () => {
    const cgroup = await SystemCgroup.open(name);
    await cgroup.create();
    await processes.spawnDaemon(['sleep', '60'], { logFile: path.join(folder, 'log'), cgroup });
    await expect(cgroup.remove()).rejects.toMatchObject({ code: 'refused' });
    await cgroup.killAll(5_000);
    await cgroup.remove();
  });
});

describeRoot('network namespaces and links', () => {
  const namespaces = new SystemNetworkNamespaces(processes);
  const ip = new SystemIpCommand(processes);
  const [a, b] = [`hdt${process.pid}-a`, `hdt${process.pid}-b`];

  afterEach(async () => {
    await namespaces.remove(a);
    await namespaces.remove(b);
  });

  it('are made, joined by a veth pair and removed', async () => {
    await namespaces.add(a);
    await namespaces.add(b);
    await expect(namespaces.add(a)).rejects.toMatchObject({ code: 'conflict' });
    const inode = await namespaces.inode(a);
    const inside = await processes.run([...inNetns(a), 'stat', '-L', '-c', '%i', '/proc/self/ns/net']);
    expect(Number(inside.stdout)).toBe(inode);

    await ip.batch([vethAdd({ name: 'va', netns: a, mac: '02:00:00:00:00:0a' }, { name: 'vb', netns: b, mtu: 1400 })]);
    await ip.batch(
      [
        ['addr', 'add', '192.0.2.1/24', 'dev', 'va'],
        ['link', 'set', 'va', 'up'],
      ],
      a,
    );
    await ip.batch(
      [
        ['addr', 'add', '192.0.2.2/24', 'dev', 'vb'],
        ['link', 'set', 'vb', 'up'],
      ],
      b,
    );
    await ip.offloadsOff('va', ['tx'], a);
    await expect(ip.link('va', a)).resolves.toMatchObject({ address: '02:00:00:00:00:0a', mtu: 1500 });
    await expect(ip.link('vb', b)).resolves.toMatchObject({ mtu: 1400 });
    await expect(ip.link('va')).resolves.toBeUndefined();
    const { stdout } = await processes.run([...inNetns(a), 'ethtool', '-k', 'va']);
    expect(stdout).toMatch(/tx-checksumming: off/);
    await processes.run([...inNetns(a), 'busybox', 'ping', '-c1', '-W2', '192.0.2.2']);
    await expect(ip.batch([['link', 'add', 'va', 'type', 'veth']], a)).rejects.toThrow(/ip link add va type veth: /);

    await namespaces.remove(a);
    await expect(namespaces.inode(a)).resolves.toBeUndefined();
    await expect(namespaces.list()).resolves.not.toContain(a);
  });
});

describeRoot('macvlan children', () => {
  const namespaces = new SystemNetworkNamespaces(processes);
  const ip = new SystemIpCommand(processes);
  const [host, container] = [`hdt${process.pid}-h`, `hdt${process.pid}-c`];
  const inside = netnsPath(container);

  afterEach(async () => {
    await namespaces.remove(host);
    await namespaces.remove(container);
  });

  it('are seen from their parent while they are up, wherever they are, and changed by the file of their namespace', async () => {
    await namespaces.add(host);
    await namespaces.add(container);
    const mac = '02:48:00:00:00:0a';
    await ip.batch(
      [
        vethAdd({ name: 'up0' }, { name: 'lp0' }),
        macvlanAdd({ name: 'c1', parent: 'up0', mac, mtu: 1400, mode: 'bridge' }),
      ],
      host,
    );
    await expect(ip.link('c1', host)).resolves.toMatchObject({ address: mac, mtu: 1400, link: 'up0' });
    await ip.batch([['link', 'set', 'dev', 'c1', 'netns', container]], host);
    await expect(ip.filteredMacs('up0', host)).resolves.toEqual([]);
    await ip.batch([['link', 'set', 'dev', 'c1', 'type', 'macvlan', 'mode', 'vepa'], ['link', 'set', 'dev', 'c1', 'up']], inside); // prettier-ignore
    await expect(ip.filteredMacs('up0', host)).resolves.toEqual([mac]);
    const { ifindex } = (await ip.link('up0', host)) ?? {};
    const children = (await ip.links(inside)).filter(({ ifname }) => ifname === 'c1');
    expect(children).toMatchObject([{ link_index: ifindex, linkinfo: { info_data: { mode: 'vepa' } } }]);
    await expect(ip.filteredMacs('none', host)).resolves.toEqual([]);

    await expect(netnsInode(inside)).resolves.toBe(await namespaces.inode(container));
    await expect(netnsInode(__filename)).resolves.toBeUndefined();
    // It goes with its namespace.
    await namespaces.remove(container);
    await expect(netnsInode(inside)).resolves.toBeUndefined();
    await waitFor(async () => (await ip.filteredMacs('up0', host)).length === 0, { deadlineMs: 5_000, what: 'the child to go' }); // prettier-ignore
  });
});

describeRoot('spawnDaemon with a cgroup', () => {
  it('says in the log why it could not join', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'heddle-cgroup-'));
    try {
      const logFile = path.join(folder, 'log');
      const cgroup = await SystemCgroup.open(`/heddle-absent-${process.pid}`);
      await expect(processes.spawnDaemon(['sleep', '60'], { logFile, cgroup })).rejects.toMatchObject({
        code: 'unavailable',
        message: 'sleep 60: could not join its cgroup and ended at once with code 126',
      });
      await expect(readFile(logFile, 'utf8')).resolves.toMatch(/cgroup\.procs/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** Mount points of the unified hierarchy, also where version 1 has the controllers. */
function cgroup2Mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(' - cgroup2 '))
    .flatMap((line) => line.split(' ')[4] ?? []);
}
