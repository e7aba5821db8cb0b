import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@heddle/host';
import type { LinkAttachment, LinkConfiguration } from '../../link/protocol';
import { MACVLAN } from '../../testing/attach';
import { UPLINK } from '../../testing/macvlan-driver-harness';
import { openMacvlanHost, type MacvlanHost } from '../../testing/macvlan-host';
import { TestCable } from '../../testing/test-cable';
import { OPTION } from '../options';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const SUBNET = '10.77.3';
const GATEWAY = `${SUBNET}.1`;
const WEB = 'acme/shop/web';
const BLUE = 'blue/shop/web';
const never = new AbortController().signal;

const configuration = (attachments: Readonly<Record<string, LinkAttachment>>): LinkConfiguration => ({
  bridgeDomains: ['acme/default', 'blue/default'].map((name, i) => ({
    path: name,
    gateways: [`${GATEWAY}/24`],
    blocks: [`${SUBNET}.${64 * (i + 1)}/26`],
  })),
  epgs: { [WEB]: 'acme/default', [BLUE]: 'blue/default' },
  mtu: 1450,
  attachments,
});
const PLAIN = { [WEB]: MACVLAN, [BLUE]: { ...MACVLAN, vlan: 102 } };
const WITH_SHIM = { ...PLAIN, [WEB]: { ...MACVLAN, shim: true } };

/** What users of macvlan networks complained of, each with the thread it was read in. */
describeRoot('complaints of macvlan', () => {
  let cable: TestCable;
  let folder: string;
  let host: MacvlanHost;
  let before: readonly string[];
  let count = 0;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hdmc-'));
    cable = await TestCable.make(SUBNET);
    before = await leftovers();
    host = await openMacvlanHost(cable, folder, configuration(PLAIN));
  });
  afterEach(async () => {
    await host?.close();
    await cable?.end();
    await rm(folder, { recursive: true, force: true });
  });

  /** Links of the host, files of endpoints, tables of the packet filter, routes and addresses. */
  async function leftovers(): Promise<string[]> {
    const facts = await readdir(path.join(folder, 'macvlan')).catch(() => []);
    const words = [
      ['ip', '-o', 'link'],
      ['ip', '-o', 'address'],
      ['ip', 'route'],
      ['nft', 'list', 'tables'],
    ];
    const told = await Promise.all(words.map(async (argv) => (await cable.runner.run(argv)).stdout.split('\n')));
    // What stands there of IPv6 comes and goes by itself.
    return [...facts, ...told.flat().filter((line) => line !== '' && !line.includes('inet6'))];
  }

  const createNetwork = async (networkId: string, bridgeDomain: string): Promise<void> => {
    const options = { [OPTION.bridgeDomain]: bridgeDomain };
    const { poolId } = await host.ipam.requestPool({
      addressSpace: 'heddle',
      pool: `${SUBNET}.0/24`,
      options,
      v6: false,
    });
    const gateway = { poolId, address: GATEWAY, gateway: true, options: {} };
    expect(await host.ipam.requestAddress(gateway)).toEqual({ address: `${GATEWAY}/24` });
    const epg = bridgeDomain === 'acme/default' ? WEB : BLUE;
    const driverOpts = { ...options, [OPTION.epg]: epg };
    await host.network.createNetwork({ networkId, internal: false, ipv4: [], ipv6: [], driverOpts });
  };

  /** Starts a container as the engine does: an address, an endpoint, its interface, and then the interface into it. */
  async function start(networkId: string, bridgeDomain = 'acme/default') {
    const poolId = `${bridgeDomain}:${SUBNET}.0/24`;
    const { address: cidr } = await host.ipam.requestAddress({ poolId, gateway: false, options: {} });
    const endpointId = `${++count}`.padStart(64, 'e');
    const sandboxKey = await cable.container(`c${count}`);
    await host.network.createEndpoint({ networkId, endpointId, ipv4Address: cidr, driverOpts: {} });
    const { srcName, gateway } = await host.network.join({ networkId, endpointId, sandboxKey }, never);
    const address = cidr.split('/')[0] as string;
    await cable.enter(srcName, sandboxKey, address);
    const stop = async (): Promise<void> => {
      await host.network.leave({ networkId, endpointId });
      await host.network.deleteEndpoint({ networkId, endpointId });
      await host.ipam.releaseAddress({ poolId, address });
      await cable.removeContainer(sandboxKey);
    };
    return { address, gateway, sandbox: sandboxKey, srcName, stop };
  }

  it('libnetwork#1915: host and container do not reach each other, and with a shim they do', async () => {
    await createNetwork('n1', 'acme/default');
    const [one, two] = [await start('n1'), await start('n1')];
    const HOST = `${SUBNET}.250`;
    await cable.ip.batch([['address', 'add', `${HOST}/24`, 'dev', UPLINK]]);
    expect(await cable.answers(two.address, one.sandbox)).toBe(true);
    expect(await Promise.all([cable.answers(one.address), cable.answers(HOST, one.sandbox)])).toEqual([false, false]);

    await host.configure(configuration(WITH_SHIM));
    const shim = await waitFor(() => host.unported().find(({ macvlan }) => macvlan?.shim), {
      deadlineMs: 10_000,
      what: () => `the host's interface: ${host.problems.join()}`,
    });
    expect(shim).toMatchObject({ epg: WEB, bridgeDomain: 'acme/default', macvlan: { mode: 'bridge', uplink: UPLINK } });
    const reached = [cable.answers(one.address), cable.answers(two.address), cable.answers(shim.address, one.sandbox)];
    expect(await Promise.all(reached)).toEqual([true, true, true]);

    // Nothing else of the host by the same way, and nothing behind it.
    const { runner, ip } = cable;
    await runner.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
    await ip.batch([['address', 'add', '192.0.2.99/32', 'dev', 'lo']]);
    const by = (address: string) => [
      ['route', 'replace', `${address}/32`, 'via', shim.address, 'dev', 'eth0'],
      ['neighbour', 'replace', address, 'lladdr', shim.mac, 'dev', 'eth0'],
    ];
    await ip.batch([...by('192.0.2.99'), ...by(GATEWAY), ...by(HOST)], one.sandbox);
    const around = ['192.0.2.99', GATEWAY, HOST].map((address) => cable.answers(address, one.sandbox));
    expect(await Promise.all(around)).toEqual([false, false, false]);
    await cable.nft.apply('delete table inet heddle-shims\n');
    expect(await cable.answers('192.0.2.99', one.sandbox)).toBe(true);
    await waitFor(async () => !(await cable.answers('192.0.2.99', one.sandbox)), {
      deadlineMs: 10_000,
      what: 'the guard',
    });

    await Promise.all([one.stop(), two.stop()]);
    await host.part.idle();
    await ip.batch([
      ['address', 'del', '192.0.2.99/32', 'dev', 'lo'],
      ['address', 'del', `${HOST}/24`, 'dev', UPLINK],
    ]);
    expect(await leftovers()).toEqual(before);
    expect(host.unported()).toEqual([]);
    expect(host.addresses.owner('acme/default', shim.address)).toBeUndefined();
  });

  it('libnetwork#2384: several networks have one parent, and the same subnet and gateway', async () => {
    for (const [id, bridgeDomain] of [
      ['n1', 'acme/default'],
      ['n2', 'acme/default'],
      ['n3', 'blue/default'],
    ] as const)
      // prettier-ignore
      await createNetwork(id, bridgeDomain);
    const all = [await start('n1'), await start('n2'), await start('n3', 'blue/default')];
    expect(all.map(({ gateway }) => gateway)).toEqual([GATEWAY, GATEWAY, GATEWAY]);
    expect((await cable.ip.filteredMacs(UPLINK)).length).toBe(3);
    await waitFor(() => host.unported().length === 3, { deadlineMs: 5_000, what: 'the agent to be told of all' });
    const modes = host.unported().map(({ epg, macvlan }) => `${epg} ${macvlan?.mode}`);
    expect(modes.sort()).toEqual([`${WEB} bridge`, `${WEB} bridge`, `${BLUE} vepa`]);
    // One EPG on two networks; the other EPG behind the leaf, which here forwards nothing back.
    const [one, two, blue] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
    const tried = [cable.answers(two.address, one.sandbox), cable.answers(blue.address, one.sandbox), cable.answers(GATEWAY, blue.sandbox)]; // prettier-ignore
    expect(await Promise.all(tried)).toEqual([true, false, true]);
    for (const each of all) await each.stop();
    await host.part.idle();
    expect(await leftovers()).toEqual(before);
  });

  it('libnetwork#1447, moby#50985: the gateway takes no address from the containers, and nobody has it on the host', async () => {
    await createNetwork('n1', 'acme/default');
    expect(host.journal.state.addresses['acme/default']?.held ?? {}).toEqual({});
    const one = await start('n1');
    // The first of the block: nothing was set aside.
    expect(one.address).toBe(`${SUBNET}.64`);
    expect(Object.keys(host.journal.state.addresses['acme/default']?.held ?? {})).toEqual([one.address]);
    expect((await leftovers()).filter((line) => line.includes(`inet ${GATEWAY}/`))).toEqual([]);
    // It is whoever has it on the cable.
    expect(await cable.answers(GATEWAY, one.sandbox)).toBe(true);
    await one.stop();
  });

  it('moby#21735: the parent keeps its MAC, its flags and its addresses', async () => {
    await cable.ip.batch([['address', 'add', '192.0.2.7/24', 'dev', UPLINK]]);
    interface Parent {
      readonly address: string;
      readonly flags: readonly string[];
      readonly mtu: number;
      readonly addr_info: readonly unknown[];
      readonly promiscuity: number;
    }
    const parent = async (): Promise<Parent | undefined> =>
      (await cable.ip.query<Parent>(['-d', 'address', 'show', 'dev', UPLINK]))[0];
    // The kernel still looks whether somebody has the address that it gave itself, which is over at some time between.
    const first = await waitFor(
      async () => {
        const now = await parent();
        return JSON.stringify(now?.addr_info).includes('tentative') ? undefined : now;
      },
      { deadlineMs: 10_000, intervalMs: 50, what: 'the addresses of the parent to be settled' },
    );
    await createNetwork('n1', 'acme/default');
    await host.configure(configuration(WITH_SHIM));
    const [one, two] = [await start('n1'), await start('n1')];
    await host.part.idle();
    const during = await parent();
    // It may have to take more frames than its own, which is the kernel's affair: the flag that people set is not set.
    expect({ ...during, promiscuity: 0 }).toEqual({ ...first, promiscuity: 0 });
    await one.stop();
    await two.stop();
    await host.part.idle();
    expect(await parent()).toEqual(first);
  });

  it('docker/docs#22607: what a host cannot reach by macvlan is documented', () => {
    const docs = readFileSync(path.join(__dirname, '../../../../../docs/operations.md'), 'utf8');
    expect(docs).toMatch(/host does not reach its own containers/);
  });
});
