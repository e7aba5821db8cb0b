import { FakeClock } from '@heddle/host';
import { processMetrics, renderMetrics, ServiceMetrics } from '../metrics/service-metrics';
import { OpsServer } from './ops-server';
import { Readiness, reportAll } from './readiness';

describe('Readiness', () => {
  it('names what is not ready and why; advisory checks are only shown', async () => {
    const readiness = new Readiness();
    readiness.add('bus', () => true);
    readiness.add('view', async () => 'at position 3 of 9');
    readiness.add('lease', () => 'held by gateway@b', { advisory: true });
    readiness.add('store', () => {
      throw new Error('no stream');
    });
    await expect(readiness.report()).resolves.toEqual({
      ready: false,
      checks: [
        { name: 'bus', ready: true },
        { name: 'view', ready: false, reason: 'at position 3 of 9' },
        { name: 'lease', ready: false, reason: 'held by gateway@b', advisory: true },
        { name: 'store', ready: false, reason: 'no stream' },
      ],
    });
    readiness.remove('view');
    readiness.remove('store');
    await expect(readiness.report()).resolves.toMatchObject({ ready: true });
  });

  it('does not wait for ever for a check', async () => {
    const clock = new FakeClock();
    const readiness = new Readiness(clock);
    readiness.add('hangs', () => new Promise(() => undefined));
    const report = readiness.report();
    await clock.advance(2_000);
    await expect(report).resolves.toMatchObject({ ready: false, checks: [{ reason: 'no answer within 2000 ms' }] });
  });
});

describe('OpsServer', () => {
  const gateway = { name: 'gateway', readiness: new Readiness(), metrics: new ServiceMetrics('gateway') };
  const policy = { name: 'policy', readiness: new Readiness(), metrics: new ServiceMetrics('policy') };
  let server: OpsServer;

  beforeAll(async () => {
    const registries = [processMetrics(), gateway.metrics.registry, policy.metrics.registry];
    server = await OpsServer.listen(
      { readiness: () => reportAll([gateway, policy]), metrics: () => renderMetrics(registries) },
      { host: '127.0.0.1', port: 0 },
    );
  });
  afterAll(() => server.close());

  it('says that the process lives', async () => {
    const answer = await fetch(`${server.url}/healthz`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'alive' }]);
  });

  it('is ready when every service is, and otherwise says why', async () => {
    policy.readiness.add('view', () => 'not read yet');
    const waiting = await fetch(`${server.url}/readyz`);
    expect(waiting.status).toBe(503);
    await expect(waiting.json()).resolves.toMatchObject({ checks: [{ name: 'policy.view', reason: 'not read yet' }] });
    policy.readiness.add('view', () => true);
    expect((await fetch(`${server.url}/readyz?verbose`)).status).toBe(200);
  });

  it('shows the metrics of all services on one page', async () => {
    gateway.metrics.startServing('gateway.admit')('ok');
    policy.metrics.startServing('policy.check')('ok');
    const page = await (await fetch(`${server.url}/metrics`)).text();
    expect(page.match(/# TYPE heddle_rpc_served_seconds histogram/g)).toHaveLength(1);
    expect(page).toMatch(/heddle_rpc_served_seconds_count\{.*service="gateway".*\} 1/);
    expect(page).toMatch(/heddle_rpc_served_seconds_count\{.*service="policy".*\} 1/);
    expect(page).toContain('process_resident_memory_bytes');
  });

  it('refuses everything else', async () => {
    expect((await fetch(`${server.url}/secrets`)).status).toBe(404);
    expect((await fetch(`${server.url}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('says when the address is taken', async () => {
    const port = Number(new URL(server.url).port);
    const again = OpsServer.listen(
      { readiness: () => reportAll([]), metrics: async () => '' },
      { host: '127.0.0.1', port },
    );
    await expect(again).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('EADDRINUSE') });
  });
});
