import { FakeCgroup, FakeClock, FakeFiles, FakeIpCommand, FakeNetworkNamespaces, FakeProcesses } from '@heddle/host';
import { clearLab, isBelow, mountPoints, tracedNodes } from './clear';
import { DEFAULT_ROOTS, LabLayout } from './layout';
import type { Machine } from './machine';
import { NodeRecords } from './records';

async function madeLab() {
  const cgroup = new FakeCgroup('/heddle/demo-1');
  const processes = new FakeProcesses();
  const files = new FakeFiles();
  const namespaces = new FakeNetworkNamespaces();
  const machine: Machine = {
    processes,
    files,
    namespaces,
    ip: new FakeIpCommand(),
    clock: new FakeClock(),
    openCgroup: async () => cgroup,
    check: async () => undefined,
  };
  const layout = new LabLayout(DEFAULT_ROOTS, 'demo');
  for (const [i, name] of ['leaf', 'h1'].entries()) {
    await namespaces.add(`demo-${name}`);
    const records = new NodeRecords(files, layout.node(name));
    const netnsInode = await namespaces.inode(`demo-${name}`);
    await records.saveNode({ name, kind: name === 'leaf' ? 'leaf' : 'host', phase: 'up', netnsInode });
    await files.makeFolder(layout.node(name).run);
    await cgroup.child(name).child('daemons').create();
    cgroup.tree.get(`/heddle/demo-1/${name}/daemons`)?.add(100 + i);
  }
  return { traces: { lab: 'demo', layout, cgroup, machine }, cgroup, files, namespaces, processes };
}

describe('clearLab', () => {
  it('ends what the cgroup holds and removes all that was made', async () => {
    const { traces, cgroup, files, namespaces } = await madeLab();
    await namespaces.add('other-h1');
    await clearLab(traces);
    expect(cgroup.killed).toEqual([100, 101]);
    expect(await cgroup.exists()).toBe(false);
    expect(await namespaces.list()).toEqual(['other-h1']);
    expect(await files.exists(traces.layout.state)).toBe(false);
    expect(await files.exists(traces.layout.run)).toBe(false);
    await clearLab(traces);
  });

  it('finds the nodes by their cgroups when the records are gone', async () => {
    const { traces, files, namespaces } = await madeLab();
    await files.remove(traces.layout.state);
    expect(await tracedNodes(traces)).toEqual(['h1', 'leaf']);
    await clearLab(traces);
    expect(await namespaces.list()).toEqual([]);
  });

  it('leaves a namespace alone that took the place of one that was made', async () => {
    const { traces, namespaces } = await madeLab();
    await namespaces.remove('demo-h1');
    await namespaces.add('demo-h1');
    await clearLab(traces);
    expect(await namespaces.list()).toEqual(['demo-h1']);
  });

  it('detaches mounts below its folders before it removes them, the inner ones first', async () => {
    const { traces, files, processes } = await madeLab();
    const { state } = traces.layout;
    const line = (point: string): string => `36 35 98:0 / ${point} rw - tmpfs tmpfs rw`;
    await files.writeAtomic('/proc/self/mountinfo', ['/', state, `${state}/a\\040b`, `${state}x`].map(line).join('\n'));
    await clearLab(traces);
    expect(processes.calls.map((call) => call.argv.join('|'))).toEqual([
      `umount|--lazy|--|${state}/a b`,
      `umount|--lazy|--|${state}`,
    ]);
  });
});

describe('paths', () => {
  it('are below a folder or not', () => {
    expect(isBelow('/a/b', '/a/b')).toBe(true);
    expect(isBelow('/a/b/..c', '/a/b')).toBe(true);
    expect(isBelow('/a/bc', '/a/b')).toBe(false);
    expect(isBelow('/a', '/a/b')).toBe(false);
  });

  it('are read from mountinfo', () => {
    expect(mountPoints('')).toEqual([]);
    expect(mountPoints('36 35 98:0 / /mnt\\040x rw - ext4 /dev/x rw\n')).toEqual(['/mnt x']);
  });
});
