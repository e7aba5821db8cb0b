import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ForkServer } from './fork-server';
import { waitFor } from './wait-for';

const node = (script: string): string[] => [process.execPath, '-e', script];

/** Whether a process has ended; one that only waits to be reaped has. */
async function isGone(pid: string): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat === '' || /\) [ZX] /.test(stat);
}

describe('a fork server', () => {
  let server: ForkServer;
  beforeEach(() => (server = new ForkServer()));
  afterEach(() => server.close());

  it('gives output and exit code, as they are', async () => {
    await expect(server.run(['sh', '-c', 'echo out; echo err >&2'])).resolves.toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 0,
    });
    await expect(server.run(['sh', '-c', 'printf "no end"'])).resolves.toMatchObject({ stdout: 'no end', stderr: '' });
    await expect(server.run(['sh', '-c', 'exit 3'], { okCodes: [3] })).resolves.toMatchObject({ code: 3 });
  });

  it('passes every argument as it is', async () => {
    const odd = ['a b', '$(id)', '`id`', "it's", '*', '', '"', '\\n', '-n', 'A=1', '\u00e9'];
    const { stdout } = await server.run([...node('console.log(JSON.stringify(process.argv.slice(1)))'), '--', ...odd]);
    expect(JSON.parse(stdout)).toEqual(odd);
  });

  it('feeds the input, and otherwise none', async () => {
    await expect(server.run(['cat'], { input: 'a b\n  $(id)\\t\n\nend' })).resolves.toMatchObject({
      stdout: 'a b\n  $(id)\\t\n\nend\n',
    });
    await expect(server.run(['cat'])).resolves.toMatchObject({ stdout: '' });
    await expect(server.run(['true'], { input: 'x\n'.repeat(10_000) })).resolves.toMatchObject({ code: 0 });
  });

  it('fails with the command, its code and the last it said', async () => {
    await expect(server.run(['sh', '-c', 'echo last >&2; exit 3'])).rejects.toMatchObject({
      name: 'CommandError',
      code: 'internal',
      exitCode: 3,
      message: "sh -c 'echo last >&2; exit 3': ended with code 3: last",
    });
    await expect(server.run(['true'])).resolves.toMatchObject({ code: 0 });
  });

  it('runs programs only: nothing that the shell itself would do, nothing that is not there', async () => {
    for (const word of ['exit', 'eval', 'no-such-program', '', '/no/such/program']) {
      await expect(server.run([word, 'echo x'])).rejects.toMatchObject({ code: 'unavailable' });
    }
    await expect(server.run(['echo', 'a\nb'])).rejects.toMatchObject({ code: 'invalid' });
    await expect(server.run(['true'])).resolves.toMatchObject({ code: 0 });
  });

  it('runs as many at one time as it is wide, and the others after them', async () => {
    const wide = new ForkServer(2);
    // Each of the two that run at one time waits for the other; the third comes when one of them has ended.
    const folder = await mkdtemp(path.join(tmpdir(), 'fork-server-'));
    const meet = (mine: string, other: string): string[] => [
      'sh',
      '-c',
      'touch "$0/$1"; while [ ! -e "$0/$2" ]; do sleep 0.01; done',
      folder,
      mine,
      other,
    ];
    await Promise.all([wide.run(meet('a', 'b')), wide.run(meet('b', 'a')), wide.run(['true'])]);
    await wide.close();
    const narrow = new ForkServer(1);
    const times = await Promise.all([narrow.run(['sh', '-c', 'sleep 0.1; date +%s%N']), narrow.run(['date', '+%s%N'])]);
    expect(BigInt(times[0].stdout)).toBeLessThan(BigInt(times[1].stdout));
    await narrow.close();
    await rm(folder, { recursive: true });
  });

  it('ends what takes too long, and goes on with the next', async () => {
    const late = server.run(['sh', '-c', 'echo $$ >&2; sleep 60'], { deadlineMs: 300 });
    const next = server.run(['echo', 'next']);
    await expect(late).rejects.toMatchObject({ code: 'deadline' });
    await expect(next).resolves.toMatchObject({ stdout: 'next\n' });
    const { stderr } = (await late.catch((error: unknown) => error)) as { stderr: string };
    await waitFor(async () => isGone(stderr.trim()), { deadlineMs: 5_000, what: 'the command to be ended' });
  });

  it('ends what says too much', async () => {
    await expect(server.run(['yes'])).rejects.toMatchObject({ code: 'limit' });
    await expect(server.run(['true'])).resolves.toMatchObject({ code: 0 });
  });

  it('survives the loss of its process', async () => {
    const lost = server.run(['sh', '-c', 'kill -KILL $PPID; sleep 60']);
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
    await expect(server.run(['echo', 'next'])).resolves.toMatchObject({ stdout: 'next\n' });
  });

  it('finishes what was asked of it before it is closed, and nothing else', async () => {
    const before = server.run(['sh', '-c', 'sleep 0.1; echo done']);
    const closed = server.close();
    const after = server.run(['true']);
    await expect(before).resolves.toMatchObject({ stdout: 'done\n' });
    await expect(after).rejects.toMatchObject({ code: 'unavailable' });
    await closed;
  });
});
