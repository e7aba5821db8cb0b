import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { formatArgv } from './command-error';
import type { ProcessIdentity } from './process-identity';
import { SystemProcesses } from './system-processes';
import { waitFor } from './wait-for';

const processes = new SystemProcesses();
const node = (script: string): string[] => [process.execPath, '-e', script];

describe('run', () => {
  it('gives output and exit code', async () => {
    await expect(processes.run(['sh', '-c', 'echo out; echo err >&2'])).resolves.toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 0,
    });
  });

  it('feeds the input, also to a command that does not read it', async () => {
    await expect(processes.run(['cat'], { input: 'hello' })).resolves.toMatchObject({ stdout: 'hello' });
    await expect(processes.run(['true'], { input: 'x'.repeat(1 << 20) })).resolves.toMatchObject({ code: 0 });
  });

  it('passes every argument as it is', async () => {
    const odd = ['a b', '$(id)', '`id`', "it's", '*', ''];
    const { stdout } = await processes.run([...node('console.log(JSON.stringify(process.argv.slice(1)))'), ...odd]);
    expect(JSON.parse(stdout)).toEqual(odd);
  });

  it('uses the given environment and folder alone', async () => {
    const { stdout } = await processes.run(['/bin/sh', '-c', 'echo "$HOME $A $(pwd)"'], { env: { A: '1' }, cwd: '/' });
    expect(stdout).toBe(' 1 /\n');
  });

  it('fails with the command, its code and the last it said', async () => {
    const failed = processes.run(['sh', '-c', 'echo first >&2; echo last >&2; exit 3']);
    await expect(failed).rejects.toMatchObject({
      name: 'CommandError',
      code: 'internal',
      exitCode: 3,
      message: "sh -c 'echo first >&2; echo last >&2; exit 3': ended with code 3: first\nlast",
    });
  });

  it('accepts other exit codes when told', async () => {
    await expect(processes.run(['sh', '-c', 'exit 3'], { okCodes: [0, 3] })).resolves.toMatchObject({ code: 3 });
  });

  it('tells a command that is not installed', async () => {
    // By its path: a folder of PATH that may not be read, as inherited from root, would make it another error.
    await expect(processes.run(['/usr/bin/heddle-no-such-command'])).rejects.toMatchObject({
      code: 'unavailable',
      message: '/usr/bin/heddle-no-such-command: no such command is installed',
    });
  });

  it('ends a command at its deadline, even when a child of it holds the output open', async () => {
    const started = performance.now();
    await expect(processes.run(['sh', '-c', 'sleep 5 & sleep 5'], { deadlineMs: 100 })).rejects.toMatchObject({
      code: 'deadline',
      retryable: true,
    });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('ends a command that says too much', async () => {
    await expect(processes.run(['yes'], { maxOutput: 1_000 })).rejects.toMatchObject({ code: 'limit' });
  });

  it('ends a command when its caller gives up, before or after the start', async () => {
    const abort = new AbortController();
    const running = processes.run(['sleep', '60'], { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toMatchObject({ code: 'deadline' });
    await expect(processes.run(['sleep', '60'], { signal: abort.signal })).rejects.toMatchObject({ code: 'deadline' });
  });
});

describe('daemons', () => {
  let folder: string;
  const started: ProcessIdentity[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'heddle-processes-'));
  });

  afterEach(async () => {
    for (const identity of started.splice(0)) await processes.signal(identity, 'SIGKILL');
    await rm(folder, { recursive: true });
  });

  const spawn = async (script: string): Promise<{ identity: ProcessIdentity; log: () => Promise<string> }> => {
    const logFile = path.join(folder, 'log');
    const { identity } = await processes.spawnDaemon(['sh', '-c', script], { logFile });
    started.push(identity);
    return { identity, log: () => readFile(logFile, 'utf8') };
  };

  it('run in a session of their own with their output in the log', async () => {
    const { identity, log } = await spawn('echo up; exec sleep 60');
    await waitFor(async () => (await log()) === 'up\n', { deadlineMs: 5_000, what: 'the log' });
    const stat = await readFile(`/proc/${identity.pid}/stat`, 'utf8');
    const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    expect(Number(session)).toBe(identity.pid);
    await expect(processes.isAlive(identity)).resolves.toBe(true);
    await expect(processes.identify(identity.pid)).resolves.toEqual(identity);
    await expect(processes.list()).resolves.toContainEqual({ pid: identity.pid, argv: ['sleep', '60'] });
  });

  it('end on SIGTERM', async () => {
    const { identity } = await spawn('exec sleep 60');
    await processes.terminate(identity, 5_000);
    await expect(processes.isAlive(identity)).resolves.toBe(false);
    await expect(processes.terminate(identity, 5_000)).resolves.toBeUndefined();
  });

  it('end on SIGKILL when they ignore SIGTERM', async () => {
    const { identity, log } = await spawn('trap "" TERM; echo ready; while :; do sleep 0.1; done');
    await waitFor(async () => (await log()) === 'ready\n', { deadlineMs: 5_000, what: 'the trap' });
    await processes.terminate(identity, 50);
    await expect(processes.isAlive(identity)).resolves.toBe(false);
  });

  it('are left alone when the record is of another process with the same pid', async () => {
    const { identity } = await spawn('exec sleep 60');
    const earlier = { ...identity, startTime: identity.startTime - 100 };
    await processes.terminate(earlier, 10);
    await expect(processes.signal(earlier, 'SIGKILL')).resolves.toBe(false);
    await expect(processes.isAlive(identity)).resolves.toBe(true);
  });

  it('tell how they ended', async () => {
    const logFile = path.join(folder, 'log');
    const { exited } = await processes.spawnDaemon(['sh', '-c', 'sleep 0.05; exit 7'], { logFile });
    await expect(exited).resolves.toEqual({ code: 7, signal: null });
  });

  it('cannot be started from a command that is not there', async () => {
    const starting = processes.spawnDaemon(['/no/such/daemon'], { logFile: path.join(folder, 'log') });
    await expect(starting).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('formatArgv', () => {
  it('quotes what a shell would split, and shortens what nobody would read', () => {
    expect(formatArgv(['ip', 'link', 'a b', "it's"])).toBe(`ip link 'a b' 'it'\\''s'`);
    expect(formatArgv(['x'.repeat(500)])).toHaveLength(300);
  });
});
