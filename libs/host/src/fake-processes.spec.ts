import { FakeProcesses } from './fake-processes';

describe('FakeProcesses', () => {
  it('answers by the latest rule that matches and keeps every call', async () => {
    const processes = new FakeProcesses()
      .answer(['ip'], 'any')
      .answer(['ip', 'link'], ({ argv }) => `link ${argv[2]}`)
      .answer(['nft'], { code: 1, stderr: 'no table' })
      .answer(['ethtool'], new Error('gone'));
    await expect(processes.run(['ip', 'route'])).resolves.toMatchObject({ stdout: 'any', code: 0 });
    await expect(processes.run(['ip', 'link', 'show'])).resolves.toMatchObject({ stdout: 'link show' });
    await expect(processes.run(['nft', 'list'])).rejects.toMatchObject({ exitCode: 1, message: /no table/ });
    await expect(processes.run(['nft', 'list'], { okCodes: [1] })).resolves.toMatchObject({ code: 1 });
    await expect(processes.run(['ethtool'])).rejects.toThrow('gone');
    expect(processes.calls.map((call) => call.argv[0])).toEqual(['ip', 'ip', 'nft', 'nft', 'ethtool']);
  });

  it('keeps daemons alive until they are ended', async () => {
    const processes = new FakeProcesses();
    const { identity, exited } = await processes.spawnDaemon(['engine'], { logFile: '/log' });
    await expect(processes.isAlive(identity)).resolves.toBe(true);
    await expect(processes.isAlive({ ...identity, startTime: 1 })).resolves.toBe(false);
    await processes.terminate(identity, 10);
    await expect(exited).resolves.toEqual({ code: null, signal: 'SIGTERM' });
    await expect(processes.signal(identity, 'SIGKILL')).resolves.toBe(false);
  });
});
