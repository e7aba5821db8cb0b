import { FakeProcesses } from '@heddle/host';
import { HeddleError, type Health } from '@heddle/model';
import { sandboxHealthProbe } from './sandbox-health-probe';

const SANDBOX = '/run/docker/netns/1';
const health = (change: Partial<Health> = {}): Health => ({
  type: 'tcp',
  port: 'http',
  path: '/health',
  intervalSeconds: 5,
  timeoutSeconds: 2,
  failures: 3,
  ...change,
});

describe('a health check from inside', () => {
  const check = (processes: FakeProcesses, change: Partial<Health> = {}) =>
    sandboxHealthProbe(processes).check(SANDBOX, '10.32.0.7', 8080, health(change));

  it('gives what it asks for as parameters, never as a part of the script', async () => {
    const processes = new FakeProcesses().answer(['nsenter'], '200');
    await check(processes);
    const path = '/$(reboot)\'"`id`;';
    await check(processes, { type: 'http', path, timeoutSeconds: 0.5 });
    const [tcp, http] = processes.calls;
    expect(tcp?.argv.slice(0, 5)).toEqual(['nsenter', `--net=${SANDBOX}`, '--', 'bash', '-c']);
    expect(tcp?.argv.slice(6)).toEqual(['check', '10.32.0.7', '8080']);
    expect(http?.argv.slice(6)).toEqual(['check', '10.32.0.7', '8080', path]);
    expect([tcp?.argv[5], http?.argv[5]].filter((script) => script?.includes('reboot'))).toEqual([]);
    expect(http?.options.deadlineMs).toBe(500);
  });

  it.each([
    ['200', true],
    ['399', true],
    ['400', false],
    ['', false],
    ['abc', false],
  ])('takes the answer %s for healthy: %s', async (stdout, ok) => {
    const result = await check(new FakeProcesses().answer(['nsenter'], stdout), { type: 'http' });
    expect(result).toEqual({ ok, detail: `/health answers ${stdout}` });
  });

  it('tells a refusal, silence, and what it could not even try', async () => {
    const stderr = 'check: connect: Connection refused\ncheck: line 1: /dev/tcp/10.32.0.7/8080: Connection refused\n';
    const refused = new FakeProcesses().answer(['nsenter'], { code: 1, stderr });
    expect(await check(refused)).toEqual({ ok: false, detail: 'port 8080: Connection refused' });
    const silent = new FakeProcesses().answer(['nsenter'], new HeddleError('deadline', 'was ended'));
    expect(await check(silent)).toEqual({ ok: false, detail: 'port 8080 does not answer within 2000 ms' });
    const none = new FakeProcesses().answer(['nsenter'], new HeddleError('unavailable', 'bash: not installed'));
    expect(await check(none, { type: 'http' })).toEqual({ ok: false, detail: '/health: bash: not installed' });
    const mute = new FakeProcesses().answer(['nsenter'], { code: 1 });
    expect(await check(mute)).toEqual({ ok: false, detail: 'port 8080: it failed without a word' });
  });
});
