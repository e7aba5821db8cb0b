import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { waitFor } from '@heddle/host';
import type { HostNode } from './host-node';
import type { Lab } from './lab';
import { labNames, leftovers } from './leftovers';
import type { PartName } from './records';
import type { LabStatus } from './status';
import { callEngine, startSleeper } from './testing/engine-api';
import { openTestLab, testLabName } from './testing/test-lab';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const NOTHING = { processes: 0, shims: 0, namespaces: 0, links: 0, mounts: 0, cgroups: 0, folders: 0 };

jest.setTimeout(60_000);

describeRoot('a lab of three hosts', () => {
  const name = testLabName('a');
  let lab: Lab;
  let status: LabStatus;

  beforeAll(async () => {
    lab = await openTestLab({
      name,
      hosts: ['h1', { name: 'h2', zone: 'east', labels: { disk: 'ssd' } }, 'a-host-with-a-long-na'.slice(0, 20)],
    });
    status = await lab.up();
  });

  afterAll(() => lab.down());

  const host = (): HostNode => lab.host('h1');

  it('runs in all its parts', () => {
    expect(status).toMatchObject({ name, state: 'running', api: { url: expect.stringMatching(/^http:\/\/127/) } });
    expect(status.nodes.map((node) => [node.name, node.kind, node.address, node.state])).toEqual([
      ['leaf', 'leaf', '192.0.2.1', 'running'],
      ['ctl', 'control', '192.0.2.10', 'running'],
      ['h1', 'host', '192.0.2.11', 'running'],
      ['h2', 'host', '192.0.2.12', 'running'],
      ['a-host-with-a-long-n', 'host', '192.0.2.13', 'running'],
    ]);
    const parts = status.nodes[3]?.parts.map((part) => part.name).sort();
    expect(parts).toEqual(['agent', 'attach', 'engine', 'holder', 'ovsdb', 'vswitchd']);
    expect(status.nodes[0]?.parts.map((part) => part.name).sort()).toEqual(['agent', 'ovsdb', 'vswitchd']);
  });

  it('gives each host a configuration and credentials that only root can read', async () => {
    const { layout } = lab.host('h2');
    expect(await lab.host('h2').config()).toMatchObject({
      host: 'h2',
      zone: 'east',
      labels: { disk: 'ssd' },
      underlay: { address: '192.0.2.12', mtu: 1500 },
      ovs: { bridge: 'br-heddle', datapathType: 'netdev', uplinkBridge: 'br-uplink' },
      plugin: { name: 'heddle', socket: '/run/docker/plugins/heddle.sock' },
      nats: { servers: ['nats://192.0.2.10:4222'], seedFile: layout.seedFile },
    });
    for (const file of [layout.hostConfig, layout.seedFile]) expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await lab.host('h2').exec(['cat', layout.seedFile])).stdout).toBe('seed of h2');
  });

  it('joins hosts and control plane by an underlay with its MTU and right checksums', async () => {
    for (const address of ['192.0.2.12', '192.0.2.13', '192.0.2.10', '192.0.2.1']) await ping(host(), address);
    await expect(host().exec(['busybox', 'ping', '-c1', '-W1', '192.0.2.99'])).rejects.toMatchObject({ exitCode: 1 });
    const script = `fetch('http://192.0.2.10:4222/', { method: 'POST', body: 'x'.repeat(300000) })
      .then((answer) => answer.json()).then(({ body }) => process.stdout.write(String(body.length)))`;
    expect((await host().exec([process.execPath, '-e', script])).stdout).toBe('300000');
    const { stdout: link } = await host().exec(['ip', '-j', 'link', 'show', 'br-uplink']);
    expect(JSON.parse(link)).toMatchObject([{ mtu: 1500, address: '02:68:c0:00:02:0b' }]);
  });

  it('is reached from outside through its forwarder, each direction until its own end', async () => {
    const url = new URL(status.api?.url ?? '');
    const answer = await fetch(new URL('/api', url), { method: 'POST', body: 'y'.repeat(1_000_000) });
    expect(await answer.json()).toMatchObject({ url: '/api', body: 'y'.repeat(1_000_000) });
    const text = await new Promise<string>((resolve, reject) => {
      const chunks: string[] = [];
      const socket = connect({ port: Number(url.port), host: url.hostname, allowHalfOpen: true });
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => chunks.push(chunk));
      socket.once('error', reject);
      socket.once('end', () => resolve(chunks.join('')));
      // The request's end is sent before its answer comes.
      socket.end('GET /half HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    });
    expect(text).toMatch(/^HTTP\/1.1 200 [\s\S]*"url":"\/half"/);
  });

  it('keeps the engines and their plugins apart from one another and from the machine', async () => {
    const ids = await Promise.all(
      ['h1', 'h2'].map(async (h) => (await callEngine(lab.host(h).layout.engine.socket, 'GET', '/info')).body),
    );
    const [one, two] = ids as Array<{
      ID: string;
      DockerRootDir: string;
      CgroupDriver: string;
      LiveRestoreEnabled: boolean;
    }>;
    expect(one).toMatchObject({ CgroupDriver: 'cgroupfs', LiveRestoreEnabled: true });
    expect(one?.DockerRootDir).not.toBe(two?.DockerRootDir);
    await expect(stat('/run/docker/plugins/heddle.sock')).rejects.toMatchObject({ code: 'ENOENT' });
    const { stdout } = await host().exec(['ls', '/run/docker/plugins']);
    expect(stdout).toBe('heddle.sock\n');
  });

  it('counts what there is of it', async () => {
    const found = await leftovers(name);
    // Leaf 3, control plane's node 2, hosts 7 each: with the containerd of the engine.
    expect(found).toMatchObject({ processes: 26, shims: 0, namespaces: 5, links: 0, mounts: 0, folders: 2 });
    expect(await labNames()).toContain(name);
  });

  it('is left as it is by another up', async () => {
    const again = await lab.up();
    expect(pids(again)).toEqual(pids(status));
  });

  it.each<PartName>(['agent', 'attach', 'vswitchd', 'ovsdb'])(
    'is whole again after its %s was killed and started',
    async (part) => {
      const before = await host().pid(part);
      expect(await host().kill(part)).toBe(true);
      expect(await lab.status()).toMatchObject({
        state: 'dead',
        reason: expect.stringMatching(`h1: ${part}: process ${before} has ended`),
      });
      expect(await host().kill(part)).toBe(false);
      await host().start(part);
      expect(await host().pid(part)).not.toBe(before);
      expect((await lab.status()).state).toBe('running');
      await ping(host(), '192.0.2.12');
    },
  );

  it('keeps containers running while their engine is killed and started', async () => {
    const engineSocket = host().layout.engine.socket;
    const id = await startSleeper(engineSocket);
    const container = async (): Promise<unknown> =>
      (await callEngine(engineSocket, 'GET', `/containers/${id}/json`)).body;
    const running = (await container()) as { State: { Running: boolean; Pid: number } };
    expect(await host().cgroup.pids()).toContain(running.State.Pid);
    expect(await leftovers(name)).toMatchObject({ shims: 1 });
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const engine = await host().pid('engine');
      await host().kill('engine', signal);
      await waitFor(async () => !(await host().cgroup.pids()).includes(engine), {
        deadlineMs: 15_000,
        what: 'its end',
      });
      await host().start('engine');
      expect(await container()).toMatchObject({ State: { Running: true, Pid: running.State.Pid } });
    }
  });

  it('can lose a host to a power cut and have it back', async () => {
    await host().powerOff();
    expect(await host().cgroup.pids()).toEqual([]);
    expect(await lab.status()).toMatchObject({ state: 'dead', reason: expect.stringMatching(/^h1: /) });
    await host().powerOn();
    expect((await lab.status()).state).toBe('running');
    await ping(host(), '192.0.2.12');
    const { body } = await callEngine(host().layout.engine.socket, 'GET', '/containers/json?all=1');
    expect(body).toMatchObject([{ Image: 'lab-test/sleeper', State: 'exited' }]);
  });

  it('can lose the cable of a host and have it back', async () => {
    await host().disconnect();
    await expect(host().exec(['busybox', 'ping', '-c1', '-W1', '192.0.2.12'])).rejects.toMatchObject({ exitCode: 1 });
    expect((await lab.status()).state).toBe('running');
    await host().connect();
    await ping(host(), '192.0.2.12');
  });

  it('can lose and get back control plane, forwarder and leaf', async () => {
    const port = status.api?.url;
    await lab.kill('server');
    await lab.kill('forwarder');
    await lab.leaf.kill('vswitchd');
    await expect(host().exec(['busybox', 'ping', '-c1', '-W1', '192.0.2.12'])).rejects.toMatchObject({ exitCode: 1 });
    await lab.start('server');
    await lab.start('forwarder');
    await lab.leaf.start('vswitchd');
    expect(await lab.status()).toMatchObject({ state: 'running', api: { url: port } });
    expect((await fetch(`${port}/again`)).status).toBe(200);
    await ping(host(), '192.0.2.12');
  });

  it('takes one more host and lets it go', async () => {
    const h9 = await lab.hostUp({ name: 'h9', labels: { new: 'yes' } });
    expect(h9).toMatchObject({ state: 'running', address: '192.0.2.14' });
    await ping(host(), '192.0.2.14');
    const again = await lab.hostUp('h9');
    expect(again.parts).toEqual(h9.parts);
    await lab.hostDown('h9');
    await lab.hostDown('h9');
    const after = await lab.status();
    expect(after.nodes.map((node) => node.name)).not.toContain('h9');
    expect(after.state).toBe('running');
    expect(await leftovers(name)).toMatchObject({ namespaces: 5 });
  });

  it('leaves nothing behind, containers included', async () => {
    await startSleeper(lab.host('h2').layout.engine.socket);
    expect(await leftovers(name)).toMatchObject({ shims: 1 });
    await lab.down();
    expect(await leftovers(name)).toEqual(NOTHING);
    expect(await lab.status()).toEqual({ name, state: 'absent', nodes: [] });
    await lab.down();
  });
});

describeRoot('two labs side by side', () => {
  const names = [testLabName('b'), testLabName('c')];
  let labs: Lab[];

  beforeAll(async () => {
    labs = await Promise.all(names.map((name) => openTestLab({ name, hosts: 2 })));
  });

  afterAll(() => Promise.all(labs.map((lab) => lab.down())));

  it('have the same addresses and nothing to do with one another', async () => {
    const [one, two] = labs as [Lab, Lab];
    const statuses = await Promise.all(labs.map((lab) => lab.up()));
    expect(statuses.map((status) => status.state)).toEqual(['running', 'running']);
    expect(statuses[0]?.api?.url).not.toBe(statuses[1]?.api?.url);
    await Promise.all(labs.map((lab) => ping(lab.host('h1'), '192.0.2.12')));
    await two.host('h2').disconnect();
    await ping(one.host('h1'), '192.0.2.12');
    await one.down();
    expect(await leftovers(names[0] as string)).toEqual(NOTHING);
    expect(pids(await two.status())).toEqual(pids(statuses[1] as LabStatus));
    expect((await two.status()).state).toBe('running');
  });
});

describeRoot('hosts made one by one', () => {
  const name = testLabName('d');

  it('bring leaf and control plane along, and take them with the last', async () => {
    const labs = await Promise.all(['h1', 'h2', 'h3'].map(() => openTestLab({ name })));
    const lab = labs[0] as Lab;
    try {
      const hosts = await Promise.all(labs.map((each, i) => each.hostUp(`h${i + 1}`)));
      expect(hosts.map((host) => host.state)).toEqual(['running', 'running', 'running']);
      expect(new Set(hosts.map((host) => host.address)).size).toBe(3);
      await ping(lab.host('h1'), hosts[2]?.address ?? '');
      expect((await lab.status()).state).toBe('running');
      const status = await (await openTestLab({ name, hosts: 3 })).up();
      expect(status.nodes[1]?.parts.map((part) => part.name)).toEqual(['forwarder', 'server']);
      await Promise.all(labs.map((each, i) => each.hostDown(`h${i + 1}`)));
      expect((await lab.status()).nodes.map((node) => node.name)).toEqual(['leaf', 'ctl']);
      await lab.down();
      await lab.hostUp('h1');
      await lab.hostDown('h1');
      expect(await leftovers(name)).toEqual(NOTHING);
    } finally {
      await lab.down();
    }
  });
});

/** Pids of all parts, by node and part. */
function pids(status: LabStatus): Record<string, number | undefined> {
  return Object.fromEntries(
    status.nodes.flatMap((node) => node.parts.map((part) => [`${node.name}.${part.name}`, part.pid])),
  );
}

/** A switch that has just started forwards a moment later. */
async function ping(from: HostNode, address: string): Promise<void> {
  const answered = (): Promise<boolean> =>
    from.exec(['busybox', 'ping', '-c1', '-W1', address]).then(
      () => true,
      () => false,
    );
  await waitFor(answered, { deadlineMs: 5_000, what: `an answer of ${address} to ${from.name}` });
}
