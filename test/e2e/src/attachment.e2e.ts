import { readFile } from 'node:fs/promises';
import { SystemProcesses, waitFor } from '@heddle/host';
import { describeRoot, TestCluster } from './cluster';
import { containerOf, containersOf, docker, ipIn, linksIn, pick, type Container } from './net/containers';

/** One host has containers of the application, the other has none. */
const APPLICATION = `
kind: Tenant
metadata: { name: acme }
---
kind: Tenant
metadata: { name: beta }
spec: { network: { gateway: 10.77.0.1/24 } }
---
kind: App
metadata: { tenant: beta, name: other }
spec: { services: { lone: { image: heddle/demo, replicas: 0 } } }
---
kind: App
metadata: { tenant: acme, name: hand }
spec:
  services:
    front:
      image: heddle/demo
      constraints: [{ attribute: host, operator: '=', value: h1 }]
    back:
      image: heddle/demo
      ports: { http: 8080 }
      env: { ROLE: api }
      constraints: [{ attribute: host, operator: '=', value: h1 }]
  connect: [{ from: front, to: back, port: http }]
`;

const NETWORK = 'heddle.acme.default';
const MTU = 1450;
const PROMPT_MS = 3_000;
const SLEEP = ['--entrypoint', '/bin/sleep', 'heddle/demo', '300'];
const on = (network: string, epg: string): string => `name=${network},driver-opt=heddle.epg=${epg}`;

describeRoot('what a container is attached by', () => {
  let cluster: TestCluster;
  const processes = new SystemProcesses();
  beforeAll(async () => {
    cluster = await TestCluster.start('att', 2);
    await cluster.api.applyAndSettle(APPLICATION);
  }, 120_000);
  afterAll(() => cluster?.stop(), 60_000);

  const endpointsOf = async (epg: string): Promise<{ address: string | undefined; host: string; mac: string }[]> =>
    (await cluster.api.list<'Endpoint'>('endpoints'))
      .filter((e) => e.status?.['epg'] === epg)
      .map(({ spec, status }) => ({ address: spec.addresses[0], host: String(status?.['host']), mac: spec.mac }));

  /** A user's container, as `docker run` makes it. */
  async function run(host: string, name: string, ...options: readonly string[]): Promise<Container> {
    const { code, output } = await docker(cluster, host, 'run', '--detach', '--name', name, ...options, ...SLEEP);
    if (code !== 0) throw new Error(output);
    return containerOf(cluster, host, name, '');
  }

  const ping = async (from: Container, address: string, bytes = 56): Promise<boolean> => {
    const words = ['busybox', 'ping', '-c', '1', '-W', '2', '-s', String(bytes), address];
    const { code } = await processes.run(['nsenter', `--net=${from.netns}`, '--', ...words], { okCodes: [0, 1] });
    return code === 0;
  };
  const fetches = async (host: string, name: string, url: string): Promise<boolean> =>
    (await docker(cluster, host, 'exec', name, 'timeout', '2', 'wget', '-q', '-O', '/dev/null', url)).code === 0;

  it('is one interface, as Heddle reports it, and no other', async () => {
    const containers = await containersOf(cluster, 'acme/hand');
    expect(containers).toHaveLength(2);
    for (const container of containers) {
      const links = await linksIn(container.netns);
      expect(links.map((l) => l.ifname).sort()).toEqual(['eth0', 'lo']);
      const [endpoint] = await endpointsOf(container.epg);
      const eth0 = links.find((l) => l.ifname === 'eth0');
      expect(eth0).toMatchObject({ mtu: MTU, address: endpoint?.mac, linkinfo: { info_kind: 'veth' } });
      expect(eth0?.addr_info).toMatchObject([{ family: 'inet', local: endpoint?.address, prefixlen: 16 }]);
      expect(await ipIn(container.netns, 'route', 'show')).toMatchObject([
        { dst: 'default', gateway: '10.32.0.1', dev: 'eth0' },
        { dst: '10.32.0.0/16', dev: 'eth0' },
      ]);
      expect(await ping(container, '10.32.0.1')).toBe(true);
    }
    for (const host of cluster.hostNames) {
      const { output } = await docker(cluster, host, 'network', 'ls', '--format', '{{.Name}}');
      expect(output.split('\n').sort()).toEqual(expect.arrayContaining(['host', 'none']));
      expect(output).not.toContain('docker_gwbridge');
      expect((await linksIn(`/run/netns/${cluster.host(host).netns}`)).map((l) => l.ifname)).not.toContain(
        'docker_gwbridge',
      );
    }
  }, 60_000);

  it('comes with no privilege', async () => {
    for (const { pid } of await containersOf(cluster, 'acme/hand')) {
      const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
      for (const process of [String(pid), ...children]) {
        const status = await readFile(`/proc/${process}/status`, 'utf8');
        const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
        expect({ bounding: field('CapBnd'), effective: field('CapEff'), none: field('NoNewPrivs') }).toEqual({
          bounding: '0000000000000000',
          effective: '0000000000000000',
          none: '1',
        });
      }
    }
  });

  it('is open to a user’s own docker run, under the policy of the EPG it names', async () => {
    const back = pick(await containersOf(cluster, 'acme/hand'), 'back', 'h1');
    const front = pick(await containersOf(cluster, 'acme/hand'), 'front', 'h1');
    const names = ['--dns', '169.254.1.1', '--dns-search', 'hand.acme.heddle'];
    const mine = await run('h1', 'mine', '--network', on(NETWORK, 'acme/hand/front'), ...names);
    expect((await linksIn(mine.netns)).map((l) => l.ifname).sort()).toEqual(['eth0', 'lo']);
    await waitFor(
      async () => (await endpointsOf('acme/hand/front')).some((e) => e.address === mine.address && e.host === 'h1'),
      {
        deadlineMs: 2_000,
        what: 'the endpoint of a user’s container',
      },
    );
    expect(await fetches('h1', 'mine', `http://${back.address}:8080/`)).toBe(true);
    expect(await fetches('h1', 'mine', 'http://back:8080/')).toBe(true);
    expect(await ping(mine, back.address)).toBe(false);
    // Inside its EPG it is free, and another EPG grants it nothing.
    expect(await ping(mine, front.address, MTU - 28)).toBe(true);
    const stranger = await run('h1', 'stranger', '--network', on(NETWORK, 'acme/hand/back'));
    expect(await ping(stranger, mine.address)).toBe(false);

    expect((await docker(cluster, 'h1', 'rm', '--force', 'mine', 'stranger')).code).toBe(0);
    await waitFor(async () => !(await endpointsOf('acme/hand/front')).some((e) => e.address === mine.address), {
      deadlineMs: 2_000,
      what: 'the endpoint to go with its container',
    });
  }, 60_000);

  it('is made on a host without containers too, over the tunnel with the whole MTU', async () => {
    const front = pick(await containersOf(cluster, 'acme/hand'), 'front', 'h1');
    const option = 'heddle.bridge-domain=acme/default';
    const create = [
      'network',
      'create',
      '--driver',
      'heddle',
      '--ipam-driver',
      'heddle',
      '--opt',
      option,
      '--ipam-opt',
      option,
    ];
    const made = await docker(cluster, 'h2', ...create, '--opt', 'heddle.epg=acme/hand/front', 'fronts');
    expect(made).toMatchObject({ code: 0 });
    // The network's own EPG is that of containers that name none.
    const far = await run('h2', 'far', '--network', 'fronts');
    await waitFor(() => ping(far, front.address), {
      deadlineMs: 3_000,
      what: 'the two hosts to know each other’s endpoints',
    });
    expect(await ping(far, front.address, MTU - 28)).toBe(true);
    expect(await ping(front, far.address, MTU - 28)).toBe(true);
    expect((await docker(cluster, 'h2', 'rm', '--force', 'far')).code).toBe(0);
  }, 60_000);

  it('keeps the address that the user gave, over a restart', async () => {
    const before = await run('h1', 'fixed', '--network', on(NETWORK, 'acme/hand/front'), '--ip', '10.32.0.40');
    expect(await docker(cluster, 'h1', 'restart', '--time', '0', 'fixed')).toMatchObject({ code: 0 });
    const after = await containerOf(cluster, 'h1', 'fixed', '');
    expect(after.pid).not.toBe(before.pid);
    expect(after).toMatchObject({ address: '10.32.0.40', mac: before.mac });
    expect(await ping(after, pick(await containersOf(cluster, 'acme/hand'), 'front', 'h1').address)).toBe(true);
    expect((await docker(cluster, 'h1', 'rm', '--force', 'fixed')).code).toBe(0);
  }, 60_000);

  it('is refused promptly and with the reason when no policy would hold', async () => {
    const ports = async (): Promise<string[]> =>
      (await linksIn(`/run/netns/${cluster.host('h1').netns}`))
        .map((l) => l.ifname)
        .filter((name) => name.startsWith('hd_'));
    // Their traffic goes on being counted.
    const endpoints = async (): Promise<string[]> =>
      (await cluster.api.list('endpoints')).map(({ metadata }) => metadata.name).sort();
    const before = { ports: await ports(), endpoints: await endpoints() };
    const refusals: [options: string[], reason: RegExp][] = [
      [['--network', NETWORK], /names no EPG .*heddle\.epg/],
      [['--network', on(NETWORK, 'acme/hand/nobody')], /EPG acme\/hand\/nobody .*does not exist/],
      [['--network', on(NETWORK, 'beta/other/lone')], /EPG beta\/other\/lone belongs to .*beta\/default/],
      [['--network', on(NETWORK, 'acme/hand/front'), '--ip', '10.32.9.9'], /10\.32\.9\.9 is not free in the blocks/],
    ];
    for (const [options, reason] of refusals) {
      const started = performance.now();
      const { code, output } = await docker(cluster, 'h1', 'run', '--rm', ...options, ...SLEEP);
      expect({ options, code, output }).toEqual({ options, code: 125, output: expect.stringMatching(reason) });
      expect(performance.now() - started).toBeLessThan(PROMPT_MS);
    }
    expect({ ports: await ports(), endpoints: await endpoints() }).toEqual(before);
  }, 60_000);
});
