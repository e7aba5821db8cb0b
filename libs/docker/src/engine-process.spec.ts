import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkSocketPath, engineArgv, engineDirs, EngineProcess, holderArgv } from './engine-process';

describe('the command lines of an engine', () => {
  const dirs = engineDirs('/var/lib/heddle/lab/h1');

  it('hold the namespaces in a process of their own', () => {
    const own = holderArgv(dirs);
    expect(own.slice(0, 6)).toEqual(['unshare', '--mount', '--propagation', 'private', '--net', '--']);
    expect(own.slice(-3)).toEqual(['sh', '/var/lib/heddle/lab/h1/run', '/var/lib/heddle/lab/h1/etc']);
    const given = holderArgv(dirs, { netns: '/run/netns/hd-h1' });
    expect(given.slice(0, 7)).toEqual([
      'nsenter',
      '--net=/run/netns/hd-h1',
      '--',
      'unshare',
      '--mount',
      '--propagation',
      'private',
    ]);
  });

  it('start the engine in them, apart from the machine', () => {
    expect(engineArgv(dirs, { holderPid: 42, cgroupParent: '/heddle-h1/containers', liveRestore: true })).toEqual([
      ...['nsenter', '--mount', '--net', '--target', '42', '--', 'dockerd'],
      ...['--host', 'unix:///var/lib/heddle/lab/h1/docker.sock'],
      ...['--data-root', '/var/lib/heddle/lab/h1/data', '--exec-root', '/var/lib/heddle/lab/h1/exec'],
      ...['--pidfile', '/var/lib/heddle/lab/h1/docker.pid'],
      ...['--bridge', 'none', '--iptables=false', '--ip-forward=false', '--ip6tables=false', '--userland-proxy=false'],
      ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', '/heddle-h1/containers'],
      ...['--log-level', 'warn', '--live-restore'],
    ]);
  });

  it('start the engine with a bridge of its own where that is asked for', () => {
    const argv = engineArgv(dirs, { holderPid: 42, cgroupParent: '/c', bridge: '198.51.100.1/24' });
    expect(argv.join(' ')).toContain('--bip 198.51.100.1/24 --iptables=true --ip-forward=true --ip6tables=false');
    expect(argv).not.toContain('none');
  });

  it('refuse a directory in which a socket would have too long a path', () => {
    expect(() => engineDirs(`/${'x'.repeat(90)}`)).toThrow('allowed are 107; choose a shorter directory');
    expect(() => checkSocketPath('relative')).toThrow('allowed is an absolute path');
    expect(() => checkSocketPath(`/${'é'.repeat(54)}`)).toThrow('has 109 bytes');
    checkSocketPath(`/${'x'.repeat(106)}`);
  });
});

describe('the files of an engine', () => {
  let base: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    base = await mkdtemp(path.join(tmpdir(), 'hd-'));
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    child = undefined;
    await rm(base, { recursive: true, force: true });
  });
  const exists = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );

  it('are prepared, also twice', async () => {
    const dirs = EngineProcess.dirs(base);
    await EngineProcess.prepare(dirs);
    await EngineProcess.prepare(dirs);
    expect((await stat(dirs.plugins)).mode & 0o777).toBe(0o700);
  });

  it('lose the pid files of processes that are no more, or are somebody else', async () => {
    const dirs = EngineProcess.dirs(base);
    await EngineProcess.clearStale(dirs);
    await mkdir(path.dirname(dirs.containerdPidFile), { recursive: true });
    await writeFile(dirs.pidFile, `${process.pid}\n`);
    await writeFile(dirs.containerdPidFile, '4194305');
    await EngineProcess.clearStale(dirs);
    expect([await exists(dirs.pidFile), await exists(dirs.containerdPidFile)]).toEqual([false, false]);
    await writeFile(dirs.pidFile, 'garbage');
    await EngineProcess.clearStale(dirs);
    expect(await exists(dirs.pidFile)).toBe(false);
  });

  it('keep the pid file of an engine that runs', async () => {
    const dirs = EngineProcess.dirs(base);
    // A process is known by the name that it runs under.
    child = spawn(
      'sh',
      ['-c', 'printf dockerd > /proc/self/comm 2>/dev/null; printf dockerd > /proc/$$/comm; echo; read x'],
      {
        stdio: ['pipe', 'pipe', 'ignore'],
      },
    );
    if (child.stdout) await once(child.stdout, 'data');
    await writeFile(dirs.pidFile, String(child.pid));
    await expect(EngineProcess.clearStale(dirs)).rejects.toMatchObject({
      code: 'conflict',
      message: `dockerd of ${base} is running as process ${child.pid}; stop it first`,
    });
    expect(await exists(dirs.pidFile)).toBe(true);
  });
});
