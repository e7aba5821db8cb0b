import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SystemFiles, vlanAdd, waitFor } from '@heddle/host';
import type { AttachedMacvlan } from '../../link/protocol';
import { attachmentDriverContract } from '../../testing/attachment-driver-contract';
import { ACCESS, macvlanDriverHarness, UPLINK, type MacvlanDriverHarness } from '../../testing/macvlan-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import { TestCable } from '../../testing/test-cable';
import type { MacvlanEndpoint } from './facts';
import { childName } from './link-names';

const describeRoot = process.getuid?.() === 0 ? describe : describe.skip;
const WEB = 'acme/shop/web';
const API = 'acme/shop/api';

describeRoot('children of a real uplink', () => {
  let cable: TestCable;
  let folder: string;
  const harness = (): Promise<MacvlanDriverHarness> => macvlanDriverHarness(cable.ip, new SystemFiles(), folder);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'hdmv-'));
    cable = await TestCable.make('10.77.1');
  });
  afterAll(async () => {
    await cable?.end();
    await rm(folder, { recursive: true, force: true });
  });

  attachmentDriverContract('macvlan', harness);

  const endpoint = (n: number, epg: string, macvlan: Partial<AttachedMacvlan>): MacvlanEndpoint => ({
    ...attachedEndpoint(`${n}`.padStart(64, 'e'), `10.77.1.${n}`, { epg, mac: `02:48:0a:4d:01:${n}` }),
    port: childName(`${n}`.padStart(64, 'e')),
    macvlan: { ...ACCESS, ...macvlan },
  });

  it('live in containers, change their mode there, and leave nothing when they go in whatever way', async () => {
    const { driver, added } = await harness();
    const [web1, web2, api] = await Promise.all(
      [11, 12, 13].map(async (n) => {
        const one = endpoint(n, n === 13 ? API : WEB, { sandbox: await cable.container(`s${n}`) });
        const { macvlan } = await driver.attach(one, { mtu: 1400 });
        await cable.enter(one.port, one.macvlan.sandbox as string, one.address);
        return { ...one, macvlan };
      }),
    ) as [MacvlanEndpoint, MacvlanEndpoint, MacvlanEndpoint]; // prettier-ignore
    const all = [web1, web2, api];
    const answers = (to: MacvlanEndpoint, from: MacvlanEndpoint) => cable.answers(to.address, from.macvlan.sandbox);
    expect((await driver.attached()).filter(({ macvlan }) => macvlan.mode === 'bridge').length).toBeGreaterThan(0);

    // Of two EPGs that may, one has mode bridge, and the other is not reached from it without the leaf.
    await cable.hairpin(false);
    expect(await driver.applyModes(() => 'bridge')).toEqual([]);
    expect(await driver.applyModes((epg) => (epg === WEB ? 'bridge' : 'vepa'))).toEqual([]);
    expect(await Promise.all([answers(web2, web1), answers(api, web1), answers(web1, api)])).toEqual([
      true,
      false,
      false,
    ]);
    // The EPG becomes isolated while its containers run.
    await driver.applyModes(() => 'vepa');
    expect(await answers(web2, web1)).toBe(false);
    await driver.applyModes((epg) => (epg === WEB ? 'bridge' : 'private'));
    expect(await answers(web2, web1)).toBe(true);
    expect(await driver.gone(all)).toEqual([]);

    // The engine removed its namespace, moved it back to the host, or asks while it is inside.
    await cable.removeContainer(web1.macvlan.sandbox as string);
    await waitFor(async () => (await driver.gone(all)).length === 1, { deadlineMs: 5_000, what: 'one to be gone' });
    expect(await driver.gone(all)).toEqual([web1]);
    await cable.leave(web2.port, web2.macvlan.sandbox as string);
    for (const one of all) await driver.detach(one);
    expect(await added()).toEqual([]);
    expect(await cable.ip.filteredMacs(UPLINK)).toEqual([]);
    expect((await cable.ip.links(api.macvlan.sandbox)).map(({ ifname }) => ifname)).toEqual(['lo']);
  });

  it('have a VLAN interface for a parent, which comes with the first and goes with the last', async () => {
    const trial = vlanAdd({ name: 'trial', parent: UPLINK, mtu: 1500, id: 9 });
    const refused = await cable.ip.batch([trial]).then(
      () => undefined,
      (error: Error) => error,
    );
    const { driver, added } = await harness();
    const trunk = (n: number) => endpoint(n, WEB, { tagging: 'trunk' });
    if (refused) {
      // Not this kernel: what is tested is that it is told so, and that nothing stays.
      expect(refused.message).toMatch(/Unknown device type|Operation not supported/);
      await expect(driver.attach(trunk(21), { mtu: 1400 })).rejects.toThrow('this kernel has no 802.1Q');
      return expect(await added()).toEqual([]);
    }
    await cable.ip.batch([['link', 'del', 'dev', 'trial']]);
    await driver.attach(trunk(21), { mtu: 1400 });
    await driver.attach(trunk(22), { mtu: 1400 });
    expect(await cable.ip.link('hd_v-up0.101')).toMatchObject({ ifalias: 'heddle', mtu: 1500, flags: expect.arrayContaining(['UP']) }); // prettier-ignore
    await driver.detach(trunk(21));
    expect(await added()).toContain('link hd_v-up0.101');
    await driver.detach(trunk(22));
    expect(await added()).toEqual([]);
  });

  it('are refused on an uplink that belongs to a bridge', async () => {
    const { driver, added } = await harness();
    await cable.ip.batch([
      ['link', 'add', 'name', 'users', 'type', 'bridge'],
      ['link', 'set', 'dev', UPLINK, 'master', 'users'],
    ]);
    await expect(driver.attach(endpoint(31, WEB, {}), { mtu: 1400 })).rejects.toThrow('is a port of the bridge users');
    await cable.ip.batch([['link', 'del', 'dev', 'users']]);
    expect(await added()).toEqual([]);
    await driver.attach(endpoint(31, WEB, {}), { mtu: 1400 });
    await driver.detach(endpoint(31, WEB, {}));
  });
});
