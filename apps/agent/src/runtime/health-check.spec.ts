import { FakeClock } from '@heddle/host';
import type { Health } from '@heddle/model';
import { HealthCheck } from './health-check';
import type { CheckResult } from './ports';

const CONFIG: Health = { type: 'http', port: 'http', path: '/', intervalSeconds: 5, timeoutSeconds: 1, failures: 3 };
const OK: CheckResult = { ok: true, detail: '/ answers 200' };
const BAD: CheckResult = { ok: false, detail: '/ answers 500' };

describe('HealthCheck', () => {
  function setUp(config: Health | undefined = CONFIG) {
    const clock = new FakeClock();
    const told: string[] = [];
    let attempts = 0;
    let next: () => Promise<CheckResult> = async () => OK;
    const check = new HealthCheck({
      config,
      clock,
      attempt: () => {
        attempts += 1;
        return next();
      },
      onJudged: ({ healthy }, changed, detail) =>
        told.push(`${healthy ? 'healthy' : 'ill'}${changed ? '!' : ''} ${detail}`),
    });
    return {
      clock,
      check,
      told,
      answer: (how: () => Promise<CheckResult>) => (next = how),
      attempts: () => attempts,
    };
  }

  it('takes a container without a check for healthy while it runs', async () => {
    const { check, clock, attempts } = setUp(null as unknown as undefined);
    expect(check.state.healthy).toBe(false);
    check.start(false);
    expect(check.state.healthy).toBe(true);
    check.stop();
    expect(check.state).toMatchObject({ healthy: false, running: false });
    await clock.advance(60_000);
    expect([attempts(), clock.pendingTimers]).toEqual([0, 0]);
  });

  it('checks soon until the first success, then at the interval', async () => {
    const { check, clock, told, answer, attempts } = setUp();
    answer(async () => BAD);
    check.start(false);
    await clock.advance(1_000);
    expect([attempts(), check.state.healthy]).toEqual([2, false]);
    answer(async () => OK);
    await clock.advance(500);
    expect(told.at(-1)).toBe('healthy! / answers 200');
    await clock.advance(4_999);
    expect(attempts()).toBe(3);
    await clock.advance(1);
    expect(attempts()).toBe(4);
    check.stop();
  });

  it('takes it for unhealthy after as many failures in a row as it says', async () => {
    const { check, clock, told, answer } = setUp();
    check.start(false);
    await clock.advance(500);
    answer(async () => BAD);
    await clock.advance(10_000);
    expect(check.state.healthy).toBe(true);
    await clock.advance(5_000);
    expect(check.state).toMatchObject({ healthy: false, reason: 'the last 3 checks failed: / answers 500' });
    expect(told.filter((line) => line.includes('!'))).toEqual(['healthy! / answers 200', 'ill! / answers 500']);
    check.stop();
  });

  it('takes an attempt that throws for a failure', async () => {
    const { check, clock, answer } = setUp();
    answer(() => {
      throw new TypeError('Request path contains unescaped characters');
    });
    check.start(false);
    await clock.advance(500);
    expect(check.state.reason).toContain('unescaped characters');
    check.stop();
  });

  it('goes on as healthy when it was before and was adopted, until checks fail', async () => {
    const { check, clock, answer } = setUp();
    answer(async () => BAD);
    check.start(true);
    expect(check.state.healthy).toBe(true);
    await clock.advance(15_000);
    expect(check.state.healthy).toBe(false);
    check.stop();
  });

  it('takes no notice of an attempt that was under way when the container stopped', async () => {
    const { check, clock, told, answer } = setUp();
    let finish: (result: CheckResult) => void = () => undefined;
    answer(() => new Promise((resolve) => (finish = resolve)));
    check.start(false);
    await clock.advance(500);
    check.stop();
    check.start(false);
    finish(OK);
    await clock.advance(0);
    expect([told, check.state.healthy]).toEqual([[], false]);
    expect(clock.pendingTimers).toBe(1);
    check.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});
