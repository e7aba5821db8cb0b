import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { labCommands } from '@heddle/cli';
import { Lab } from '@heddle/lab';
import { APPS, describeRoot, labName, leftovers, TestCluster } from './cluster';
import { containersOn } from './containers';
import { surprises } from './oracle';
import { Traffic } from './traffic/traffic';

const NOTHING = { processes: 0, shims: 0, namespaces: 0, links: 0, mounts: 0, cgroups: 0, folders: 0 };
const [LAB_A, LAB_B, LAB_K, LAB_F] = [labName('la'), labName('lb'), labName('lk'), labName('lf')];
const BEAT = 7001;
const APPLICATION = `
kind: Tenant
metadata: { name: acme }
---
kind: App
metadata: { tenant: acme, name: pair }
spec:
  services:
    one: { image: heddle/demo }
    two: { image: heddle/demo, ports: { beat: { port: ${BEAT}, protocol: udp } } }
  connect: [{ from: one, to: two, port: beat }]
`;

describeRoot('labs', () => {
  const clusters: TestCluster[] = [];

  async function withApplication(short: string): Promise<TestCluster> {
    const cluster = await TestCluster.start(short, 1);
    clusters.push(cluster);
    await cluster.api.applyAndSettle(APPLICATION);
    return cluster;
  }

  afterEach(() => Promise.all(clusters.splice(0).map((cluster) => cluster.stop())), 60_000);

  it('do not see each other, even with the same application, and one ends without the other noticing', async () => {
    expect([await leftovers(LAB_A), await leftovers(LAB_B)]).toEqual([NOTHING, NOTHING]);
    const [a, b] = (await Promise.all(['la', 'lb'].map(withApplication))) as [TestCluster, TestCluster];
    const [onA, onB] = await Promise.all([a, b].map(async (c) => [...(await containersOn(c.host('h1'))).values()]));
    expect(onA?.map((c) => c.address).sort()).toEqual(onB?.map((c) => c.address).sort());
    for (const [cluster, containers] of [
      [a, onA],
      [b, onB],
    ] as const) {
      const known = (await cluster.api.running()).map((r) => `acme/pair/${r.metadata.name}`);
      expect(known.sort()).toEqual(containers?.map((c) => c.allocation).sort());
      const { results, mismatches } = await cluster.api.probe('acme', 'pair');
      expect({ surprises: await surprises(cluster.api, results), mismatches }).toEqual({
        surprises: [],
        mismatches: 0,
      });
    }
    const [one, two] = ['one', 'two'].map((service) => onB?.find((c) => c.epg === `acme/pair/${service}`));
    const server = await Traffic.start(two!.pid, { listen: [{ protocol: 'udp', port: BEAT }] });
    const client = await Traffic.start(one!.pid, {
      probes: [{ name: 'beat', protocol: 'udp', address: two!.address, port: BEAT }],
    });
    try {
      await heddle('lab', 'down', '--name', LAB_A);
      expect(await leftovers(LAB_A)).toEqual(NOTHING);
      await client.until((c) => (c.probes['beat']?.received ?? 0) > 100, 'datagrams in the other lab');
      const { probes } = await client.stop();
      expect(probes['beat']).toMatchObject({ lost: [], received: probes['beat']?.sent });
    } finally {
      await Promise.all([client.kill(), server.kill()]);
    }
    await b.stop();
    expect(await leftovers(LAB_B)).toEqual(NOTHING);
  }, 120_000);

  it('that were killed from outside are recognised as dead, cleared, and made anew', async () => {
    const { lab } = await withApplication('lk');
    const pids = (await lab.status()).nodes.flatMap((node) => node.parts.flatMap((part) => part.pid ?? []));
    expect(pids.length).toBeGreaterThan(8);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    // Its containers have survived all that.
    expect(await leftovers(LAB_K)).toMatchObject({ shims: 2 });
    expect(await lab.status()).toMatchObject({ state: 'dead' });
    expect(await lab.up()).toMatchObject({ state: 'running' });
    expect(await leftovers(LAB_K)).toMatchObject({ shims: 0 });

    await lab.host('h1').kill('agent');
    expect(await lab.status()).toMatchObject({ state: 'dead', reason: expect.stringContaining('agent') });
    await lab.down();
    expect(await leftovers(LAB_K)).toEqual(NOTHING);
  }, 120_000);

  it('that cannot come up leave nothing behind, and say which part it was', async () => {
    const lab = await Lab.open({
      name: LAB_F,
      hosts: 2,
      commands: { ...labCommands(APPS), agent: () => ['/bin/false'] },
    });
    await expect(lab.up()).rejects.toThrow(new RegExp(`lab ${LAB_F}, (h[12]|leaf), start agent`));
    expect(await leftovers(LAB_F)).toEqual(NOTHING);
  }, 120_000);
});

/** Runs the command as a user would, with settings of its own. */
async function heddle(...args: string[]): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), 'heddle-e2e-'));
  try {
    const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home };
    const { stdout } = await promisify(execFile)(process.execPath, [path.join(APPS, 'cli/bin/heddle'), ...args], {
      env,
    });
    return stdout;
  } finally {
    await rm(home, { recursive: true });
  }
}
