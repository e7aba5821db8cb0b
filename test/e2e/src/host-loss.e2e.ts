import { waitFor } from '@heddle/host';
import { describeRoot, TestCluster } from './cluster';
import { containersOn, type RunningContainer } from './containers';
import { compareFlows, dumpFlows, UNTOUCHED } from './flows';
import { surprises } from './oracle';
import { Traffic } from './traffic/traffic';

const HOSTS = ['h1', 'h2', 'h3'];
/** The promise: what ran on a host that is gone runs elsewhere within this time. */
const REPLACED_WITHIN_MS = 15_000;

const BEAT = 7001;
const APPLICATION = `
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: shop }
spec:
  services:
    web: { image: heddle/demo, replicas: 3, ports: { http: 8080 }, env: { ROLE: web } }
    api: { image: heddle/demo, replicas: 3, ports: { http: 8080, beat: { port: ${BEAT}, protocol: udp } }, env: { ROLE: api } }
    other: { image: heddle/demo, replicas: 3, ports: { http: 8080 }, env: { ROLE: web } }
  connect:
    - { from: web, to: api, port: http }
    - { from: web, to: api, port: beat }
`;

describeRoot('when a host goes away', () => {
  let cluster: TestCluster;
  const traffic: Traffic[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start('los', 3);
    await cluster.api.applyAndSettle(APPLICATION);
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);
  afterEach(() => Promise.all(traffic.splice(0).map((t) => t.kill())));

  const on = (host: string): Promise<Map<string, RunningContainer>> => containersOn(cluster.host(host));
  const onAll = async (hosts: readonly string[]): Promise<RunningContainer[]> =>
    (await Promise.all(hosts.map(on))).flatMap((map) => [...map.values()]);

  /** Waits until nine instances are healthy on these hosts, as far as the control plane knows. @returns their paths */
  async function whenReplaced(hosts: readonly string[], deadlineMs: number): Promise<string[]> {
    let now: string[] = [];
    await waitFor(
      async () => {
        const running = await cluster.api.running();
        const healthy = running.filter((a) => a.status.healthy && hosts.includes(a.spec.host));
        now = healthy.map((a) => `acme/shop/${a.metadata.name}`).sort();
        return now.length === 9;
      },
      {
        deadlineMs,
        intervalMs: 100,
        what: () => `nine instances on ${hosts.join(', ')}; there are ${now.join(', ')}`,
      },
    );
    return now;
  }

  /** Waits until the hosts run these instances and no other. */
  async function whenNoDuplicates(expected: readonly string[]): Promise<void> {
    let found: string[] = [];
    await waitFor(
      async () => {
        found = (await onAll(HOSTS)).map((c) => c.allocation).sort();
        return found.join() === expected.join();
      },
      {
        deadlineMs: 20_000,
        intervalMs: 100,
        what: () => `only ${expected.join(', ')} to run; there run ${found.join(', ')}`,
      },
    );
  }

  async function start(at: RunningContainer, work: Parameters<typeof Traffic.start>[1]): Promise<Traffic> {
    const started = await Traffic.start(at.pid, work);
    traffic.push(started);
    return started;
  }

  /** An instance asks for the names of the service until it hears these addresses only. */
  async function whenNamed(from: RunningContainer, addresses: readonly string[]): Promise<void> {
    const expected = [...addresses].sort().join();
    const asking = await start(from, {
      probes: [{ name: 'n', protocol: 'name', address: '169.254.1.1', port: 53, question: 'api.shop.acme.heddle' }],
    });
    await asking.until((c) => c.probes['n']?.addresses.join() === expected, `the name to lead to ${expected}`);
    await asking.kill();
  }

  async function expectPolicy(): Promise<void> {
    const { results, mismatches } = await cluster.api.probe('acme', 'shop');
    expect(await surprises(cluster.api, results)).toEqual([]);
    expect({ probes: results.length > 50, mismatches }).toEqual({ probes: true, mismatches: 0 });
  }

  const addressesOf = (containers: readonly RunningContainer[], service: string): string[] =>
    containers.filter((c) => c.epg === `acme/shop/${service}`).map((c) => c.address);

  it('by losing its power: its instances run elsewhere within 15 s, and only those stay when it returns', async () => {
    const lost = await on('h1');
    const others = await onAll(['h2', 'h3']);
    expect(lost.size).toBe(3);
    await cluster.host('h1').powerOff();
    const replaced = await whenReplaced(['h2', 'h3'], REPLACED_WITHIN_MS);
    const now = await onAll(['h2', 'h3']);
    for (const { id } of others) expect(now.map((c) => c.id)).toContain(id);
    await whenNamed(others[0]!, addressesOf(now, 'api'));

    await cluster.host('h1').powerOn();
    await cluster.whenReady();
    await whenNoDuplicates(replaced);
    expect((await onAll(['h2', 'h3'])).map((c) => c.id).sort()).toEqual(now.map((c) => c.id).sort());
    await expectPolicy();
  }, 120_000);

  it('by losing its network: it keeps its containers and their policy, and gives them up when it returns', async () => {
    const host = (await hostWithAll()) as string;
    const rest = HOSTS.filter((name) => name !== host);
    const isolated = await on(host);
    const flows = await dumpFlows(cluster.host(host));
    const [web, api, other] = ['web', 'api', 'other'].map((service) =>
      [...isolated.values()].find((c) => c.epg === `acme/shop/${service}`),
    ) as [RunningContainer, RunningContainer, RunningContainer];
    const beat = { protocol: 'udp', address: api.address, port: BEAT } as const;
    const server = await start(api, { listen: [{ protocol: 'udp', port: BEAT }] });
    const allowed = await start(web, { probes: [{ name: 'allowed', ...beat }] });
    const forbidden = await start(other, { probes: [{ name: 'forbidden', ...beat }] });
    await allowed.until((c) => (c.probes['allowed']?.received ?? 0) > 20, 'datagrams within the host');

    await cluster.host(host).disconnect();
    const replaced = await whenReplaced(rest, REPLACED_WITHIN_MS);
    expect([...(await on(host)).values()]).toEqual([...isolated.values()]);
    expect(compareFlows(flows, await dumpFlows(cluster.host(host)))).toEqual(UNTOUCHED);
    const { probes } = await allowed.stop();
    expect(probes['allowed']).toMatchObject({ lost: [], received: probes['allowed']?.sent });
    expect((await forbidden.stop()).probes['forbidden']?.sent).toBeGreaterThan(100);
    expect(Object.keys((await server.stop()).heard)).toEqual(['allowed']);

    const kept = await onAll(rest);
    await cluster.host(host).connect();
    await cluster.whenReady();
    await whenNoDuplicates(replaced);
    expect((await onAll(rest)).map((c) => c.id).sort()).toEqual(kept.map((c) => c.id).sort());
    await whenNamed(kept[0]!, addressesOf(kept, 'api'));
    await expectPolicy();
  }, 120_000);

  /** A host that has an instance of every service. */
  async function hostWithAll(): Promise<string | undefined> {
    for (const host of HOSTS) {
      const epgs = new Set([...(await on(host)).values()].map((c) => c.epg));
      if (epgs.size === 3) return host;
    }
    return undefined;
  }
});
