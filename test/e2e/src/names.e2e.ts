import { SystemProcesses, waitFor } from '@heddle/host';
import { describeRoot, TestCluster } from './cluster';
import { containersOf, docker, pick, stationIn, type Container } from './net/containers';
import { lookUp } from './net/dns';
import { monotonic, type Station } from './net/station';

const application = (tenant: string, gateway: string): string => `
kind: Tenant
metadata: { name: ${tenant} }
spec: { network: { gateway: ${gateway} } }
---
kind: App
metadata: { tenant: ${tenant}, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 2 }
    api:
      image: heddle/demo
      replicas: 2
      ports: { http: 8080 }
      env: { ROLE: api }
      health: { type: http, port: http, path: /health, intervalSeconds: 0.5, timeoutSeconds: 0.5, failures: 2 }
      stopGraceSeconds: 1
  connect: [{ from: web, to: api, port: http }]
`;

/** A name follows what it leads to within this time. */
const WITHIN_MS = 1_000;
const HOSTS = ['h1', 'h2'];

describeRoot('names inside containers', () => {
  let cluster: TestCluster;
  let webs: Container[];
  /** A way to ask from a container of `web` on each host. */
  let askers: Station[];
  let stranger: Station;
  const processes = new SystemProcesses();

  beforeAll(async () => {
    cluster = await TestCluster.start('nam', HOSTS.length);
    const files = [application('acme', '10.32.0.1/16'), application('beta', '10.77.0.1/24')];
    await cluster.api.applyAndSettle(files.join('---\n'));
    const containers = await containersOf(cluster, 'acme/shop');
    webs = HOSTS.map((host) => pick(containers, 'web', host));
    askers = await Promise.all(webs.map((web) => stationIn(web)));
    stranger = await stationIn(pick(await containersOf(cluster, 'beta/shop'), 'web', 'h1'));
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...(askers ?? []), stranger].map((station) => station?.close()));
    await cluster?.stop();
  }, 60_000);

  const instances = async (): Promise<Container[]> =>
    (await containersOf(cluster, 'acme/shop')).filter((c) => c.epg === 'acme/shop/api');
  const addresses = (containers: readonly Container[]): string[] => containers.map((c) => c.address).sort();
  /** Addresses of the endpoints that the control plane knows of. */
  const attached = async (): Promise<string[]> =>
    (await cluster.api.list<'Endpoint'>('endpoints'))
      .flatMap(({ spec, status }) => (status?.['epg'] === 'acme/shop/api' ? spec.addresses : []))
      .sort();
  const inside = (web: Container, ...argv: readonly string[]): Promise<{ code: number; output: string }> =>
    docker(cluster, web.host, 'exec', web.id, 'timeout', '5', ...argv);

  /** Waits until the name leads to exactly these on every host. @returns how long it took since an instant, ms */
  async function led(to: readonly string[], since: number, deadlineMs = 10_000): Promise<number> {
    const wanted = [...to].sort().join();
    let seen: string[] = [];
    await waitFor(
      async () => {
        seen = (await Promise.all(askers.map((a) => lookUp(a, 'api.shop.acme.heddle')))).map((a) => a.addresses.join());
        return seen.every((s) => s === wanted);
      },
      { deadlineMs, intervalMs: 10, what: () => `the name to lead to ${wanted}; it leads to ${seen.join(' and ')}` },
    );
    return monotonic() - since;
  }

  it('lead to the healthy instances on all hosts, by every spelling', async () => {
    const expected = addresses(await instances());
    expect(expected).toHaveLength(2);
    await led(expected, monotonic());
    for (const [i, web] of webs.entries()) {
      const asker = askers[i] as Station;
      for (const name of ['api.shop.acme.heddle', 'instances.api.shop.acme.heddle', 'API.Shop.acme.heddle']) {
        expect(await lookUp(asker, name)).toEqual({ code: 'ok', addresses: expected });
        expect(await lookUp(asker, name, { protocol: 'tcp' })).toEqual({ code: 'ok', addresses: expected });
      }
      expect(await lookUp(asker, 'api.shop.acme.heddle', { type: 'AAAA' })).toEqual({ code: 'ok', addresses: [] });

      // By the container's own resolver, which completes short names.
      for (const name of ['api', 'api.shop', 'instances.api', 'instances.api.shop', 'api.shop.acme.heddle']) {
        const fetched = await inside(web, 'wget', '-q', '-O', '-', `http://${name}:8080/health`);
        expect({ name, ...fetched }).toMatchObject({ name, code: 0 });
      }
      const { output } = await inside(web, 'nslookup', 'api');
      expect(expected.filter((address) => output.includes(`Address: ${address}`))).toEqual(expected);
    }
  }, 60_000);

  it('are a tenant’s own, and nothing from outside', async () => {
    const own = addresses((await containersOf(cluster, 'beta/shop')).filter((c) => c.epg === 'beta/shop/api'));
    expect(await lookUp(stranger, 'api.shop.beta.heddle')).toEqual({ code: 'ok', addresses: own });
    const [asker] = askers as [Station];
    for (const protocol of ['udp', 'tcp'] as const) {
      const answers = {
        'of another tenant': await lookUp(stranger, 'api.shop.acme.heddle', { protocol }),
        'of no service': await lookUp(asker, 'nobody.shop.acme.heddle', { protocol }),
        'of another application': await lookUp(asker, 'api.nowhere.acme.heddle', { protocol }),
        'too short': await lookUp(asker, 'heddle', { protocol }),
        outside: await lookUp(asker, 'example.com', { protocol }),
        'of the machine': await lookUp(asker, 'localhost', { protocol }),
      };
      expect(Object.entries(answers).map(([what, { code, addresses: none }]) => [what, code, none.length])).toEqual([
        ['of another tenant', 'no such name', 0],
        ['of no service', 'no such name', 0],
        ['of another application', 'no such name', 0],
        ['too short', 'no such name', 0],
        ['outside', 'refused', 0],
        ['of the machine', 'refused', 0],
      ]);
    }
  }, 60_000);

  it('are not shadowed by a container of that name on the same host and network', async () => {
    const expected = addresses(await instances());
    const web = webs[0] as Container;
    const options = ['--network', 'name=heddle.acme.default,alias=api,driver-opt=heddle.epg=acme/shop/api'];
    const started = await docker(cluster, web.host, 'run', '--detach', '--name', 'api', ...options, 'heddle/demo');
    expect(started).toMatchObject({ code: 0 });
    const { output } = await inside(web, 'nslookup', 'api');
    expect([...output.matchAll(/Address: (\S+)/g)].map(([, address]) => address).sort()).toEqual(expected);
    for (const asker of askers) {
      expect(await lookUp(asker, 'api.shop.acme.heddle')).toEqual({ code: 'ok', addresses: expected });
      // The name that the engine's own server would complete is none of ours.
      expect(await lookUp(asker, 'api')).toMatchObject({ code: 'refused' });
    }
    expect(await docker(cluster, web.host, 'rm', '--force', 'api')).toMatchObject({ code: 0 });
  }, 60_000);

  it('follow scaling up and down', async () => {
    await scale(4);
    const healthy = await waitFor(
      async () => {
        const all = (await cluster.api.running()).filter(
          (a) => a.spec.service === 'api' && a.metadata.tenant === 'acme',
        );
        return all.length === 4 && all.every((a) => a.status.healthy) && all.flatMap((a) => a.status.addresses);
      },
      { deadlineMs: 20_000, intervalMs: 20, what: 'four healthy instances' },
    );
    expect(await led(healthy, monotonic())).toBeLessThan(WITHIN_MS);

    await scale(2);
    const accepted = monotonic();
    await waitFor(async () => (await lookUp(askers[0] as Station, 'api.shop.acme.heddle')).addresses.length === 2, {
      deadlineMs: 10_000,
      intervalMs: 10,
      what: 'two names to go',
    });
    expect(monotonic() - accepted).toBeLessThan(WITHIN_MS);
    const { addresses: left } = await lookUp(askers[0] as Station, 'api.shop.acme.heddle');
    expect(await led(left, accepted)).toBeLessThan(WITHIN_MS);
    // What the name left out is what ends.
    await waitFor(async () => (await attached()).join() === left.join(), { deadlineMs: 10_000, what: 'two to end' });
  }, 60_000);

  it('leave out an instance that was killed until it is healthy again', async () => {
    const [victim, other] = (await instances()) as [Container, Container];
    expect(await docker(cluster, victim.host, 'kill', victim.id)).toMatchObject({ code: 0 });
    expect(await led([other.address], monotonic())).toBeLessThan(WITHIN_MS);
    await led([victim.address, other.address], monotonic(), 20_000);
  }, 60_000);

  it('leave out an instance that fails its health check until it passes', async () => {
    const [victim, other] = (await instances()) as [Container, Container];
    const rules = (script: string): Promise<unknown> =>
      processes.run(['nsenter', `--net=${victim.netns}`, '--', 'nft', '-f', '-'], { input: script });
    await rules('table inet mute { chain in { type filter hook input priority 0; tcp dport 8080 drop; }; }\n');
    // Two checks half a second apart, each of which takes half a second to fail, and the time that a name may take.
    expect(await led([other.address], monotonic())).toBeLessThan(2 * (500 + 500) + WITHIN_MS);
    await rules('delete table inet mute\n');
    await led([victim.address, other.address], monotonic());
  }, 60_000);

  const scale = (replicas: number): Promise<unknown> =>
    cluster.api.ok('POST', '/api/v1/services/acme/shop/api/scale', { replicas });
});
