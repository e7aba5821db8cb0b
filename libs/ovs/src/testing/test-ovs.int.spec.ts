import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestOvs } from './test-ovs';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeRoot('TestOvs', () => {
  it('leaves no process, namespace or folder behind', async () => {
    const ovs = await TestOvs.start();
    const pids = [ovs.pid('ovsdb-server'), ovs.pid('ovs-vswitchd')];
    expect(ovs.netns.length).toBeLessThanOrEqual(15);
    expect(pids.every((pid) => existsSync(`/proc/${pid}`))).toBe(true);
    await ovs.stop();
    expect(pids.some((pid) => existsSync(`/proc/${pid}`))).toBe(false);
    expect(await readdir('/run/netns')).not.toContain(ovs.netns);
    expect(existsSync(ovs.dir)).toBe(false);
  });

  it('runs side by side with another', async () => {
    const [a, b] = await Promise.all([TestOvs.start(), TestOvs.start()]);
    try {
      await a.vsctl('add-br', 'only-a', '--', 'set', 'bridge', 'only-a', 'datapath_type=netdev');
      expect(await a.vsctl('list-br')).toBe('only-a\n');
      expect(await b.vsctl('list-br')).toBe('');
    } finally {
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  it('passes large segments whole where that is asked for, and only there', async () => {
    for (const userspaceTso of [false, true]) {
      const ovs = await TestOvs.start({ userspaceTso });
      const log = await readFile(join(ovs.dir, 'ovs-vswitchd.log'), 'utf8');
      await ovs.stop();
      expect(/Userspace TCP Segmentation Offloading support enabled/i.test(log)).toBe(userspaceTso);
    }
  });
});
