import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildDemoImage, DEMO_IMAGE } from './image/demo-image';
import { TestEngine } from './test-engine';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;

/** Processes in a cgroup of that name, whatever the hierarchy; zombies wait for their parent only. */
async function processesOf(name: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const [cgroup, status] = await Promise.all(
      ['cgroup', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    if (cgroup?.includes(`/${name}/`) && !/^State:\tZ/m.test(status ?? '')) found.push(status?.split('\n')[0] ?? '');
  }
  return found;
}

async function cgroupsOf(name: string): Promise<string[]> {
  const hierarchies = await readdir('/sys/fs/cgroup');
  const present = await Promise.all(
    hierarchies.map((hierarchy) =>
      access(path.join('/sys/fs/cgroup', hierarchy, name)).then(
        () => [hierarchy],
        () => [],
      ),
    ),
  );
  return present.flat();
}

describeRoot('a test engine', () => {
  let tempRoot: string;
  const started: TestEngine[] = [];
  const start = async (): Promise<TestEngine> => {
    const test = await TestEngine.start({ tempRoot });
    started.push(test);
    return test;
  };
  const nameOf = (test: TestEngine): string => path.basename(test.dirs.base);

  beforeEach(async () => {
    tempRoot = await mkdtemp(path.join(tmpdir(), 'hdt-'));
  });
  afterEach(async () => {
    for (const test of started.splice(0)) await test.stop();
    await rm(tempRoot, { recursive: true, force: true });
  });

  it('leaves nothing behind: no process, container, cgroup, mount, file', async () => {
    const mounts = await readFile('/proc/self/mountinfo', 'utf8');
    const etc = await readdir('/etc/docker').catch(() => []);
    const test = await start();
    await buildDemoImage(test.engine);
    const id = await test.engine.createContainer({
      name: 'left',
      image: DEMO_IMAGE,
      network: { name: 'none' },
      resources: { cpu: 0.5, memoryBytes: 32 * 1024 * 1024, pids: 16 },
    });
    await test.engine.start(id);
    const { pid } = await test.engine.inspect(id);
    expect(await processesOf(nameOf(test))).toEqual(
      expect.arrayContaining(['Name:\tdockerd', 'Name:\tcontainerd', 'Name:\tcontainerd-shim', 'Name:\tdocker-init']),
    );
    expect((await cgroupsOf(nameOf(test))).length).toBeGreaterThan(0);

    await test.stop();
    expect(await processesOf(nameOf(test))).toEqual([]);
    expect(await cgroupsOf(nameOf(test))).toEqual([]);
    expect(await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).toBe('');
    expect(await readdir(tempRoot)).toEqual([]);
    expect(await readdir('/etc/docker').catch(() => [])).toEqual(etc);
    const others = (text: string): string[] => text.split('\n').filter((line) => line.includes(tempRoot));
    expect(others(await readFile('/proc/self/mountinfo', 'utf8'))).toEqual(others(mounts));
    await test.stop();
  });

  it('runs beside another, each with an identity and a plugin folder of its own', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const ids = await Promise.all([one, two].map(async (test) => (await test.engine.info()).id));
    expect(new Set(ids).size).toBe(2);
    expect(one.pluginSocket('x')).not.toBe(two.pluginSocket('x'));
  });

  it('clears what a killed test run left', async () => {
    const abandoned = await start();
    // The same number, but another process: of an earlier boot.
    const owner = JSON.stringify({ pid: process.pid, startTime: 1, bootId: 'another' });
    await writeFile(path.join(abandoned.dirs.base, 'owner.json'), owner);
    const test = await start();
    expect(await readdir(tempRoot)).toEqual([nameOf(test)]);
    expect(await processesOf(nameOf(abandoned))).toEqual([]);
    await expect(abandoned.engine.ping()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('leaves nothing behind when it does not start', async () => {
    const long = path.join(tempRoot, 'x'.repeat(80));
    await expect(TestEngine.start({ tempRoot: long })).rejects.toThrow('ENOENT');
    await mkdir(long);
    await expect(TestEngine.start({ tempRoot: long })).rejects.toThrow('choose a shorter directory');
    expect(await readdir(long)).toEqual([]);
  });
});
