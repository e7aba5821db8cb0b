import { FakeClock, FakeFiles, FakeIpCommand, waitFor, type IpWords } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { AttachedMacvlan, MacvlanMode } from '../../link/protocol';
import { attachmentDriverContract } from '../../testing/attachment-driver-contract';
import { ACCESS, macvlanDriverHarness, UPLINK } from '../../testing/macvlan-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import { Stopwatch } from '../stopwatch';
import type { MacvlanEndpoint } from './facts';
import { childName, shimName } from './link-names';

const FOLDER = '/run/heddle';
const UPLINK_ADD = ['link', 'add', 'name', UPLINK, 'type', 'veth', 'peer', 'name', 'leaf0'];
const TRUNK: AttachedMacvlan = { ...ACCESS, tagging: 'trunk' };
const VLAN = 'hd_v-up0.101';
const WEB = 'acme/shop/web';
const API = 'acme/shop/api';

async function onUplink() {
  const ip = new FakeIpCommand();
  await ip.batch([UPLINK_ADD, ['link', 'set', 'dev', UPLINK, 'up']]);
  return ip;
}

attachmentDriverContract('macvlan in memory', async () =>
  macvlanDriverHarness(await onUplink(), new FakeFiles(), FOLDER),
);

describe('names of children', () => {
  it('are those that the port guard covers, and differ from those of the host', () => {
    const id = 'e'.repeat(64);
    expect(childName(id)).toMatch(/^hd_m.{11}$/);
    expect(shimName(WEB)).toMatch(/^hs_[a-z0-9]{12}$/);
    expect(shimName(WEB)).not.toBe(shimName(API));
  });
});

describe('MacvlanDriver', () => {
  async function setUp() {
    const ip = await onUplink();
    const files = new FakeFiles();
    const sandboxes = new Set<string>();
    const switchPorts = new Map<string, string>();
    const clock = new FakeClock(Date.UTC(2026, 5, 1));
    const letGo: string[] = [];
    const harness = await macvlanDriverHarness(ip, files, FOLDER, {
      clock,
      letGo: async ({ endpointId }) => void letGo.push(endpointId),
      netnsExists: async (file) => sandboxes.has(file),
      switchPorts: async () => switchPorts,
    });
    const { driver } = harness;
    const said = (from: number): string[] => ip.commands.slice(from).map(({ netns, words }) => [netns, ...words].filter(Boolean).join(' ')); // prettier-ignore
    const links = async (): Promise<string[]> => (await ip.links()).map(({ ifname }) => ifname).sort();
    const endpoint = (n: number, macvlan: Partial<AttachedMacvlan> = {}, epg = WEB): MacvlanEndpoint => ({
      ...attachedEndpoint(`${n}`.padStart(64, 'e'), `10.32.0.${n}`, { epg, mac: `02:48:0a:20:00:0${n}` }),
      port: childName(`${n}`),
      macvlan: { ...ACCESS, ...macvlan },
    });
    const attach = (one: MacvlanEndpoint, mtu = 1400) => driver.attach(one, { mtu });
    /** As the engine does when a container starts. */
    const enter = async ({ port }: MacvlanEndpoint, sandbox: string): Promise<void> => {
      sandboxes.add(sandbox);
      await ip.batch([['link', 'set', 'dev', port, 'netns', sandbox]]);
      await ip.batch(
        [
          ['link', 'set', 'dev', port, 'name', 'eth0'],
          ['link', 'set', 'dev', 'eth0', 'up'],
        ],
        sandbox,
      );
    };
    /** As the engine does when it ends. */
    const leave = async ({ port }: MacvlanEndpoint, sandbox: string): Promise<void> => {
      const words: IpWords[] = [
        ['link', 'set', 'dev', 'eth0', 'down'],
        ['link', 'set', 'dev', 'eth0', 'name', port],
        ['link', 'set', 'dev', port, 'netns', '1'],
      ];
      await ip.batch(words, sandbox);
      sandboxes.delete(sandbox);
    };
    const modes = async (): Promise<Record<string, string>> =>
      Object.fromEntries((await driver.attached()).map((e) => [e.address, e.macvlan.mode]));
    return {
      ...harness,
      clock,
      letGo,
      ip,
      files,
      sandboxes,
      switchPorts,
      said,
      links,
      endpoint,
      attach,
      enter,
      leave,
      modes,
    };
  }

  it('makes a child of the uplink, down, and measures the parts of it', async () => {
    const { driver, ip, endpoint, said } = await setUp();
    const one = endpoint(1);
    const before = ip.commands.length;
    const stopwatch = new Stopwatch();
    expect(await driver.attach(one, { mtu: 1400, stopwatch })).toEqual({ name: one.port, macvlan: ACCESS });
    expect(said(before)).toEqual([
      `link add link up0 name ${one.port} mtu 1400 address ${one.mac} type macvlan mode bridge`,
    ]);
    expect(await ip.link(one.port)).toMatchObject({ operstate: 'DOWN', link: UPLINK });
    expect(Object.keys(stopwatch.parts)).toEqual(['links', 'child']);
  });

  it('keeps the facts of a child before there is one', async () => {
    const { attach, ip, files, driver, endpoint } = await setUp();
    const batch = ip.batch.bind(ip);
    let factsAtFirst = 0;
    ip.batch = async (...of) => {
      factsAtFirst ||= (await driver.attached()).length;
      await batch(...of);
    };
    await attach(endpoint(1));
    expect(factsAtFirst).toBe(1);
    files.writeError = new Error('disk full');
    await expect(attach(endpoint(2))).rejects.toThrow('disk full');
    expect(await ip.link(endpoint(2).port)).toBeUndefined();
  });

  it('refuses an endpoint with a larger MTU than its parent has, and names both', async () => {
    const { attach, endpoint, added } = await setUp();
    await expect(attach(endpoint(1), 9000)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/MTU of the endpoint is 9000, that of up0 only 1500: set the mtu of the Domain/),
    });
    expect(await added()).toEqual([]);
    await attach(endpoint(1), 1500);
  });

  it('refuses an uplink that a switch has, and leaves nothing', async () => {
    const { attach, endpoint, added, switchPorts } = await setUp();
    switchPorts.set(UPLINK, 'br-uplink');
    await expect(attach(endpoint(1, TRUNK))).rejects.toThrow('port of the Open vSwitch bridge br-uplink');
    expect(await added()).toEqual([]);
  });

  it('tells that the uplink is taken by what the host does not see', async () => {
    const { attach, endpoint, added, ip } = await setUp();
    ip.batch = async () => Promise.reject(new HeddleError('internal', 'RTNETLINK answers: Device or resource busy'));
    await expect(attach(endpoint(1))).rejects.toMatchObject({ code: 'refused' });
    expect(await added()).toEqual([]);
  });

  it('refuses to guess where an endpoint belongs', async () => {
    const { driver, endpoint } = await setUp();
    const { macvlan: _none, ...bare } = endpoint(1);
    await expect(driver.attach(bare, { mtu: 1400 })).rejects.toMatchObject({ code: 'internal' });
  });

  it('does not trust facts that it did not write', async () => {
    const { driver, files, attach, endpoint } = await setUp();
    await attach(endpoint(1));
    await files.writeAtomic(`${FOLDER}/macvlan/x.json`, '{"parent":"up0"}');
    await expect(driver.attached()).rejects.toMatchObject({
      code: 'state',
      message: expect.stringContaining('x.json'),
    });
    await files.writeAtomic(`${FOLDER}/macvlan/x.json`, '{');
    await expect(attach(endpoint(2))).rejects.toMatchObject({ code: 'state' });
    await files.remove(`${FOLDER}/macvlan/x.json`);
    // Written by a process that was killed while it did.
    await files.writeAtomic(`${FOLDER}/macvlan/.y.json.tmp`, '{');
    expect(await driver.attached()).toHaveLength(1);
  });

  describe('with tagging trunk', () => {
    it('makes the VLAN interface with the first child and removes it with the last', async () => {
      const { driver, ip, attach, endpoint, links, said } = await setUp();
      const before = ip.commands.length;
      await attach(endpoint(1, TRUNK));
      await attach(endpoint(2, TRUNK));
      await attach(endpoint(3, { ...TRUNK, vlan: 102 }, API));
      expect(said(before)).toEqual([
        `link add link up0 name ${VLAN} mtu 1500 type vlan id 101`,
        `link set dev ${VLAN} alias heddle`,
        `link set dev ${VLAN} up`,
        expect.stringMatching(/^link add link hd_v-up0.101 name hd_m1 .* type macvlan mode bridge$/),
        expect.stringMatching(/^link add link hd_v-up0.101 name hd_m2 /),
        'link add link up0 name hd_v-up0.102 mtu 1500 type vlan id 102',
        'link set dev hd_v-up0.102 alias heddle',
        'link set dev hd_v-up0.102 up',
        expect.stringMatching(/^link add link hd_v-up0.102 name hd_m3 .* mode bridge$/),
      ]);
      await driver.detach(endpoint(1, TRUNK));
      expect(await links()).toContain(VLAN);
      // Counted by what is attached, so a restart does not matter.
      await driver.detach(endpoint(2, TRUNK));
      expect(await links()).toEqual(['hd_m3', 'hd_v-up0.102', 'leaf0', UPLINK].sort());
      await driver.detach(endpoint(3, { ...TRUNK, vlan: 102 }));
      expect(await links()).toEqual(['leaf0', UPLINK]);
    });

    it('counts the children across restarts, and makes up for what was left half done', async () => {
      const { driver, restarted, ip, attach, endpoint, links } = await setUp();
      await attach(endpoint(1, TRUNK));
      await restarted().tidy();
      expect(await links()).toContain(VLAN);
      await restarted().detach(endpoint(1, TRUNK));
      expect(await links()).not.toContain(VLAN);
      // A daemon that was killed between removing the last child and its parent.
      await ip.batch([
        ['link', 'add', 'link', UPLINK, 'name', VLAN, 'mtu', '1500', 'type', 'vlan', 'id', '101'],
        ['link', 'set', 'dev', VLAN, 'alias', 'heddle'],
      ]);
      await driver.tidy();
      expect(await links()).not.toContain(VLAN);
    });

    it("uses a user's VLAN interface, and leaves it", async () => {
      const { driver, ip, attach, endpoint, links } = await setUp();
      await ip.batch([['link', 'add', 'link', UPLINK, 'name', 'users', 'mtu', '1450', 'type', 'vlan', 'id', '101']]);
      await expect(attach(endpoint(1, TRUNK), 1500)).rejects.toThrow('that of users only 1450');
      await attach(endpoint(1, TRUNK));
      expect(await ip.link('hd_m1')).toMatchObject({ link: 'users' });
      expect(await ip.link('users')).toMatchObject({ operstate: 'UP' });
      await driver.detach(endpoint(1, TRUNK));
      await driver.tidy();
      expect(await links()).toEqual(['leaf0', UPLINK, 'users']);
    });

    it("does not remove one of ours that a user's interface stands on", async () => {
      const { driver, ip, attach, endpoint, links } = await setUp();
      await attach(endpoint(1, TRUNK));
      await ip.batch([['link', 'add', 'link', VLAN, 'name', 'users', 'mtu', '1400', 'type', 'macvlan']]);
      await driver.detach(endpoint(1, TRUNK));
      expect(await links()).toContain(VLAN);
      await ip.batch([['link', 'set', 'dev', 'users', 'up']]);
      await ip.batch([['link', 'set', 'dev', 'users', 'netns', '/run/netns/users']]);
      await driver.tidy();
      expect(await links()).toContain(VLAN);
      await ip.batch([['link', 'del', 'dev', 'users']], '/run/netns/users');
      await driver.tidy();
      expect(await links()).not.toContain(VLAN);
    });

    it('leaves nothing when the kernel has no 802.1Q, and says so', async () => {
      const { ip, attach, endpoint, added } = await setUp();
      const batch = ip.batch.bind(ip);
      ip.batch = async (commands, ...of) => {
        if (commands.some((words) => words.includes('vlan')))
          throw new HeddleError('internal', `ip ${commands[0]?.join(' ')}: Error: Unknown device type.`);
        await batch(commands, ...of);
      };
      await expect(attach(endpoint(1, TRUNK))).rejects.toThrow('modprobe 8021q');
      expect(await added()).toEqual([]);
    });
  });

  describe('in a container', () => {
    const SANDBOX = '/run/docker/netns/1';

    it('a child lives while it is up, and is found by a new instance', async () => {
      const { driver, restarted, attach, enter, endpoint } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      expect(await driver.isAlive(one)).toBe(true);
      expect(await restarted().gone([one])).toEqual([]);
    });

    it('a child lives that is down, or has another MAC, as long as it is found in its namespace', async () => {
      const { driver, ip, attach, enter, endpoint, sandboxes } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      await ip.batch([['link', 'set', 'dev', 'eth0', 'down', 'address', '02:00:00:00:00:77']], SANDBOX);
      expect(await driver.gone([one])).toEqual([]);
      await ip.batch([['link', 'del', 'dev', 'eth0']], SANDBOX);
      expect(await driver.gone([one])).toEqual([one]);
      sandboxes.clear();
      expect(await driver.isAlive(one)).toBe(false);
    });

    it('a child lives while its container has no namespace yet', async () => {
      const { driver, attach, endpoint, clock } = await setUp();
      const one = { ...endpoint(1, { sandbox: SANDBOX }), since: new Date(clock.now()).toISOString() };
      await attach(one);
      expect(await driver.isAlive(one)).toBe(true);
      await clock.advance(2 * 60_000);
      expect(await driver.gone([one])).toEqual([one]);
    });

    it('a child is removed inside it, before the engine would move it back', async () => {
      const { driver, ip, attach, enter, endpoint, added } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      await driver.detach(one);
      expect(await ip.links(SANDBOX)).toEqual([]);
      expect(await added()).toEqual([]);
    });

    it('a child is removed on the host, when the engine has moved it back', async () => {
      const { driver, attach, enter, leave, endpoint, added } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      await leave(one, SANDBOX);
      // The engine told nobody, because the daemon was away: its container is over all the same.
      expect(await driver.gone([one])).toEqual([one]);
      await driver.detach(one);
      expect(await added()).toEqual([]);
    });

    it('a child that the engine moves back just now is removed on the host', async () => {
      const { driver, ip, attach, enter, leave, endpoint, added } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      const links = ip.links.bind(ip);
      ip.links = async (netns) => {
        const found = await links(netns);
        if (netns === SANDBOX) await leave(one, SANDBOX);
        return found;
      };
      await driver.detach(one);
      expect(await added()).toEqual([]);
    });

    it('a child is not taken for gone when its namespace ended while it was looked into, but the namespace is', async () => {
      const { driver, ip, attach, endpoint, sandboxes } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await ip.batch([['link', 'del', 'dev', one.port]]);
      sandboxes.add(SANDBOX);
      const links = ip.links.bind(ip);
      ip.links = async (netns) => {
        if (netns !== SANDBOX) return links(netns);
        throw new HeddleError('internal', 'nsenter: reassociate to namespace failed');
      };
      await expect(driver.gone([one])).rejects.toThrow('reassociate');
      ip.links = async (netns) => {
        if (netns !== SANDBOX) return links(netns);
        sandboxes.clear();
        throw new HeddleError('internal', 'nsenter: reassociate to namespace failed');
      };
      expect(await driver.gone([one])).toEqual([one]);
    });

    it('a child in a namespace that just ends is waited for', async () => {
      const { driver, ip, attach, enter, endpoint, sandboxes, clock, added, letGo } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      // The engine has let go of it, and the kernel has not yet.
      sandboxes.clear();
      const detached = driver.detach(one);
      await waitFor(() => clock.pendingTimers === 1, { deadlineMs: 5_000, what: 'it to wait' });
      await ip.batch([['link', 'del', 'dev', 'eth0']], SANDBOX);
      await clock.advance(50);
      await detached;
      expect(await added()).toEqual([]);
      expect(letGo).toEqual([one.endpointId]);
    });

    it('a child in a namespace that just ends does not live, as soon as it has ended', async () => {
      const { driver, ip, attach, enter, endpoint, sandboxes, clock, letGo } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      sandboxes.clear();
      const alive = driver.isAlive(one);
      await waitFor(() => clock.pendingTimers === 1, { deadlineMs: 5_000, what: 'it to wait' });
      expect(letGo).toEqual([one.endpointId]);
      await ip.batch([['link', 'del', 'dev', 'eth0']], SANDBOX);
      await clock.advance(50);
      expect(await alive).toBe(false);
    });

    it('those are told whose container has its namespace, or is about to', async () => {
      const { driver, attach, enter, endpoint, sandboxes, clock } = await setUp();
      const young = { ...endpoint(1, { sandbox: `${SANDBOX}x` }), since: new Date(clock.now()).toISOString() };
      const inside = endpoint(2, { sandbox: SANDBOX });
      for (const each of [young, inside]) await attach(each);
      await enter(inside, SANDBOX);
      expect(await driver.inContainers()).toEqual([young, inside]);
      await clock.advance(2 * 60_000);
      expect(await driver.inContainers()).toEqual([inside]);
      sandboxes.clear();
      expect(await driver.inContainers()).toEqual([]);
    });

    it('a child that is up where it cannot be found is not forgotten', async () => {
      const { driver, ip, attach, enter, endpoint, sandboxes, clock } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      await enter(one, SANDBOX);
      sandboxes.clear();
      let alive: boolean | undefined;
      const asked = driver.isAlive(one).then((answer) => (alive = answer));
      for (let waited = 0; alive === undefined && waited < 4_000; waited += 50) await clock.advance(50);
      await asked;
      expect(alive).toBe(true);
      let refused: HeddleError | undefined;
      const detached = driver.detach(one).catch((error: HeddleError) => (refused = error));
      for (let waited = 0; !refused && waited < 4_000; waited += 50) await clock.advance(50);
      await detached;
      expect(refused).toMatchObject({ code: 'state', message: expect.stringContaining(`not found at ${SANDBOX}`) });
      expect(await driver.attached()).toHaveLength(1);
      await ip.batch([['link', 'del', 'dev', 'eth0']], SANDBOX);
      await driver.detach(one);
      expect(await driver.attached()).toEqual([]);
    });

    it('an earlier child is forgotten though a later one has its MAC', async () => {
      const { driver, attach, enter, endpoint, ip } = await setUp();
      const one = endpoint(1);
      await attach(one);
      await ip.batch([['link', 'del', 'dev', one.port]]);
      const two = { ...endpoint(2, { sandbox: SANDBOX }), mac: one.mac };
      await attach(two);
      await enter(two, SANDBOX);
      await driver.detach(one);
      expect(await driver.attached()).toMatchObject([{ endpointId: two.endpointId }]);
    });

    it('a child whose uplink is not seen lives as long as its namespace does', async () => {
      const { driver, attach, hideHost, endpoint, sandboxes } = await setUp();
      const one = endpoint(1, { sandbox: SANDBOX });
      await attach(one);
      sandboxes.add(SANDBOX);
      await hideHost();
      expect([await driver.isAlive(one), await driver.isAlive(endpoint(2))]).toEqual([true, true]);
      sandboxes.clear();
      expect(await driver.isAlive(one)).toBe(false);
      expect(await driver.gone([one])).toEqual([]);
    });
  });

  describe('modes', () => {
    const wanted = (modes: Readonly<Record<string, MacvlanMode>>) => (epg: string) => modes[epg];
    const SANDBOX = '/run/docker/netns/1';

    it('bridge has one EPG of a parent, whatever the others ask for', async () => {
      const { attach, endpoint, modes } = await setUp();
      expect(await attach(endpoint(1))).toMatchObject({ macvlan: { mode: 'bridge' } });
      expect(await attach(endpoint(2, {}, API))).toMatchObject({ macvlan: { mode: 'vepa' } });
      expect(await attach(endpoint(3))).toMatchObject({ macvlan: { mode: 'bridge' } });
      expect(await modes()).toEqual({ '10.32.0.1': 'bridge', '10.32.0.2': 'vepa', '10.32.0.3': 'bridge' });
      // On another parent it is free.
      expect(await attach(endpoint(4, { ...TRUNK, vlan: 7 }, API))).toMatchObject({ macvlan: { mode: 'bridge' } });
    });

    it('are given one after the other, also when endpoints are attached at a time', async () => {
      const { attach, endpoint, modes } = await setUp();
      await Promise.all([attach(endpoint(1)), attach(endpoint(2, {}, API))]);
      expect(Object.values(await modes()).sort()).toEqual(['bridge', 'vepa']);
    });

    it('change in the container while it runs, when its EPG becomes isolated, and back', async () => {
      const { driver, ip, attach, enter, endpoint, modes, said } = await setUp();
      const inside = endpoint(1, { sandbox: SANDBOX });
      await attach(inside);
      await enter(inside, SANDBOX);
      await attach(endpoint(2));
      const before = ip.commands.length;
      expect(await driver.applyModes(wanted({ [WEB]: 'vepa' }))).toEqual([]);
      expect(said(before).sort()).toEqual([
        `${SANDBOX} link set dev eth0 type macvlan mode vepa`,
        'link set dev hd_m2 type macvlan mode vepa',
      ]);
      expect(await modes()).toEqual({ '10.32.0.1': 'vepa', '10.32.0.2': 'vepa' });
      const settled = ip.commands.length;
      await driver.applyModes(wanted({ [WEB]: 'vepa' }));
      expect(said(settled)).toEqual([]);
      await driver.applyModes(wanted({ [WEB]: 'bridge' }));
      expect(await modes()).toEqual({ '10.32.0.1': 'bridge', '10.32.0.2': 'bridge' });
    });

    it('bridge goes to the next only when it was taken from the one before', async () => {
      const { driver, ip, attach, endpoint, modes } = await setUp();
      await attach(endpoint(1));
      await attach(endpoint(2, {}, API));
      const batch = ip.batch.bind(ip);
      ip.batch = async (commands, ...of) => {
        if (commands.some((words) => words.includes('hd_m1'))) throw new HeddleError('internal', 'not now');
        await batch(commands, ...of);
      };
      const swap = wanted({ [WEB]: 'vepa', [API]: 'bridge' });
      expect(await driver.applyModes(swap)).toMatchObject([
        {
          message: expect.stringMatching(
            /endpoint eeeeeeeeeeee \(acme\/shop\/web\) has mode bridge and could not get vepa/,
          ),
        },
      ]);
      expect(await modes()).toEqual({ '10.32.0.1': 'bridge', '10.32.0.2': 'vepa' });
      ip.batch = batch;
      expect(await driver.applyModes(swap)).toEqual([]);
      expect(await modes()).toEqual({ '10.32.0.1': 'vepa', '10.32.0.2': 'bridge' });
    });

    it('are not written down as less than the kernel may have', async () => {
      const { driver, ip, attach, endpoint, modes } = await setUp();
      await attach(endpoint(1, { mode: 'vepa' }));
      const batch = ip.batch.bind(ip);
      ip.batch = async () => Promise.reject(new HeddleError('internal', 'killed'));
      expect(await driver.applyModes(wanted({ [WEB]: 'bridge' }))).toHaveLength(1);
      ip.batch = batch;
      expect(await modes()).toEqual({ '10.32.0.1': 'bridge' });
      expect(await attach(endpoint(2, {}, API))).toMatchObject({ macvlan: { mode: 'vepa' } });
    });

    it('of what nothing is known stay, and one whose device went does not matter', async () => {
      const { driver, ip, attach, endpoint, modes } = await setUp();
      await attach(endpoint(1));
      expect(await driver.applyModes(wanted({}))).toEqual([]);
      await ip.batch([['link', 'del', 'dev', 'hd_m1']]);
      expect(await driver.applyModes(wanted({ [WEB]: 'vepa' }))).toEqual([]);
      expect(await modes()).toEqual({ '10.32.0.1': 'vepa' });
    });
  });
});
