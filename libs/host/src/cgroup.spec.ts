import { parseCgroupMounts } from './cgroup';
import { FakeCgroup } from './fake-cgroup';

const v1 = (controllers: string, target = `/sys/fs/cgroup/${controllers}`): string =>
  `31 26 0:27 / ${target} rw,nosuid shared:9 - cgroup cgroup rw,${controllers}`;
const v2 = (target: string): string => `30 25 0:26 / ${target} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate`;
const root = '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw';

describe('parseCgroupMounts', () => {
  it('uses the unified hierarchy when it is alone', () => {
    expect(parseCgroupMounts([root, v2('/sys/fs/cgroup')].join('\n'))).toEqual({
      version: 2,
      join: ['/sys/fs/cgroup'],
      all: ['/sys/fs/cgroup'],
    });
  });

  it('joins freezer and pids of version 1, and knows all the others', () => {
    const mounts = [root, v1('cpu,cpuacct'), v1('freezer'), v1('pids'), v2('/sys/fs/cgroup/unified')];
    expect(parseCgroupMounts(mounts.join('\n'))).toEqual({
      version: 1,
      join: ['/sys/fs/cgroup/freezer', '/sys/fs/cgroup/pids'],
      all: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/freezer', '/sys/fs/cgroup/pids', '/sys/fs/cgroup/unified'],
      freezer: '/sys/fs/cgroup/freezer',
    });
  });

  it('reads a mount point with a space in it', () => {
    expect(parseCgroupMounts(v1('pids', '/sys/fs/my\\040cgroup'))?.join).toEqual(['/sys/fs/my cgroup']);
  });

  it('finds nothing where nothing is mounted', () => {
    expect(parseCgroupMounts(root)).toBeUndefined();
  });
});

describe('FakeCgroup', () => {
  it('counts, ends and removes what is below', async () => {
    const lab = new FakeCgroup('/heddle/demo');
    await lab.child('h1').child('daemons').create();
    lab.tree.get('/heddle/demo/h1/daemons')?.add(7).add(3);
    await expect(lab.children()).resolves.toEqual(['h1']);
    await expect(lab.pids()).resolves.toEqual([3, 7]);
    await expect(lab.remove()).rejects.toMatchObject({ code: 'refused' });
    await lab.killAll(1);
    expect(lab.killed).toEqual([3, 7]);
    await lab.remove();
    await expect(lab.exists()).resolves.toBe(false);
  });
});
