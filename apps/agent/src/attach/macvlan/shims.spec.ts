import { macIn } from '@heddle/ipam';
import { FakeFiles, FakeIpCommand, FakeNftCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import type { LinkConfiguration } from '../../link/protocol';
import { addressesOf, CONFIGURATION, FakeAgent, MACVLAN, openJournal } from '../../testing/attach';
import { ACCESS, macvlanDriverHarness, UPLINK } from '../../testing/macvlan-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import type { MacvlanEndpoint } from './facts';
import { childName, shimName } from './link-names';
import { SHIM_GUARD } from './shim-guard';
import { planShims } from './shim-plan';
import { Shims, shimOwner } from './shims';

const WEB = 'acme/shop/web';
const BLUE = 'blue/shop/web';
const SHIM = { ...MACVLAN, shim: true };
const PORT = shimName(WEB);

const child = (n: number, change: Partial<MacvlanEndpoint> = {}): MacvlanEndpoint => ({
  ...attachedEndpoint(`${n}`, `10.32.0.${n}`, { port: childName(`${n}`), mac: `02:48:0a:20:01:0${n}` }),
  macvlan: ACCESS,
  ...change,
});
const configured = (attachments: LinkConfiguration['attachments']): LinkConfiguration => ({
  ...CONFIGURATION,
  attachments,
});

describe('planShims', () => {
  it('gives one to each EPG that asks for it and has containers on that parent', () => {
    const elsewhere = child(4, { macvlan: { ...ACCESS, uplink: 'up1' } });
    const { shims, problems } = planShims([child(3), child(2), elsewhere], configured({ [WEB]: SHIM, [BLUE]: SHIM }));
    expect(problems).toEqual([]);
    expect(shims).toEqual([
      { epg: WEB, bridgeDomain: 'acme/default', attachment: SHIM, containers: ['10.32.0.2', '10.32.0.3'] },
    ]);
  });

  it('gives none where none is asked for: by default, on the switch, in another VLAN', () => {
    const trunk = { ...SHIM, tagging: 'trunk' as const, vlan: 7 };
    const ovs = { driver: 'ovs' as const, mtu: 1450 };
    const each: LinkConfiguration['attachments'][] = [
      undefined,
      {},
      { [WEB]: MACVLAN },
      { [WEB]: ovs },
      { [WEB]: trunk },
    ];
    for (const attachments of each)
      expect(planShims([child(2)], configured(attachments))).toEqual({ shims: [], problems: [] });
  });

  it('has the host reach one of two containers with one address, and tells', () => {
    const blue = child(2, { epg: BLUE, bridgeDomain: 'blue/default', port: 'hd_mb' });
    const { shims, problems } = planShims([blue, child(2), child(3)], configured({ [WEB]: SHIM, [BLUE]: SHIM }));
    expect(shims.map(({ epg, containers }) => [epg, containers])).toEqual([
      [WEB, ['10.32.0.2', '10.32.0.3']],
      [BLUE, []],
    ]);
    expect(problems).toMatchObject([
      { code: 'conflict', message: expect.stringContaining('10.32.0.2 of blue/shop/web') },
    ]);
  });
});

describe('Shims', () => {
  async function setUp() {
    const ip = new FakeIpCommand();
    await ip.batch([
      ['link', 'add', 'name', UPLINK, 'type', 'veth', 'peer', 'name', 'leaf0'],
      ['link', 'set', 'dev', UPLINK, 'up'],
    ]);
    const harness = await macvlanDriverHarness(ip, new FakeFiles(), '/run/heddle');
    const { journal } = await openJournal();
    const addresses = addressesOf(journal);
    const nft = new FakeNftCommand();
    const agent = new FakeAgent();
    const onGuardMissing = jest.fn();
    const onError = jest.fn();
    const make = () => new Shims({ driver: harness.driver, ip, nft, addresses, agent, now: () => new Date(0), onGuardMissing, onError }); // prettier-ignore
    const shims = make();
    const attach = (one: MacvlanEndpoint) => harness.driver.attach(one, { mtu: 1400 });
    const ensure = async (attachments: LinkConfiguration['attachments'], by = shims): Promise<string[]> => {
      const errors = await by.ensure(await harness.driver.attached(), configured(attachments));
      return errors.map(({ message }) => message);
    };
    const said = (from: number): string[] => ip.commands.slice(from).map(({ words }) => words.join(' '));
    return { ...harness, ip, nft, addresses, agent, journal, shims, make, attach, ensure, said };
  }

  it('come with the first container of an EPG, with an address of its bridge domain and routes, and go with the last', async () => {
    const { driver, ip, nft, addresses, attach, ensure, said, shims } = await setUp();
    const before = await ip.links();
    await attach(child(5));
    let from = ip.commands.length;
    expect(await ensure({ [WEB]: SHIM })).toEqual([]);
    expect(said(from)).toEqual([
      `link add link up0 name ${PORT} mtu 1400 address ${macIn('acme/default', '10.32.0.2')} type macvlan mode bridge`,
      `address replace 10.32.0.2/32 dev ${PORT}`,
      `link set dev ${PORT} up`,
      `route replace 10.32.0.5/32 dev ${PORT} src 10.32.0.2`,
    ]);
    expect(await driver.shims()).toEqual([
      {
        endpointId: `shim-${PORT}`,
        bridgeDomain: 'acme/default',
        epg: WEB,
        mac: macIn('acme/default', '10.32.0.2'),
        address: '10.32.0.2',
        port: PORT,
        linkIndex: 0,
        since: '1970-01-01T00:00:00.000Z',
        macvlan: { ...ACCESS, shim: true },
      },
    ]);
    // It is no container, and is not told as one.
    expect((await driver.attached()).map(({ address }) => address)).toEqual(['10.32.0.5']);
    expect(addresses.owner('acme/default', '10.32.0.2')).toBe(shimOwner(WEB));
    expect(await nft.rules('inet heddle-shims')).toEqual(SHIM_GUARD.families['inet']?.flatMap(({ rules }) => rules));

    ip.answer(['route', 'show', 'dev', PORT], [{ dst: '10.32.0.5' }]);
    await attach(child(6));
    from = ip.commands.length;
    await ensure({ [WEB]: SHIM });
    expect(said(from)).toEqual([`route replace 10.32.0.6/32 dev ${PORT} src 10.32.0.2`]);
    ip.answer(['route', 'show', 'dev', PORT], [{ dst: '10.32.0.5' }, { dst: '10.32.0.6' }]);
    await driver.detach(child(5));
    from = ip.commands.length;
    await ensure({ [WEB]: SHIM });
    expect(said(from)).toEqual([`route del 10.32.0.5 dev ${PORT}`]);

    await driver.detach(child(6));
    expect(await ensure({ [WEB]: SHIM })).toEqual([]);
    expect(await driver.shims()).toEqual([]);
    expect(await ip.links()).toEqual(before);
    expect(addresses.owner('acme/default', '10.32.0.2')).toBeUndefined();
    expect(nft.scripts.at(-1)).toBe('add table inet heddle-shims\ndelete table inet heddle-shims\n');
    shims.close();
  });

  it('touch nothing where none is asked for', async () => {
    const { ip, nft, attach, ensure } = await setUp();
    await attach(child(5));
    const from = ip.commands.length;
    expect(await ensure({ [WEB]: MACVLAN })).toEqual([]);
    expect([ip.commands.length, nft.scripts]).toEqual([from, []]);
  });

  it('pass the leaf where the containers do', async () => {
    const { driver, attach, ensure, shims } = await setUp();
    const isolated = { ...SHIM, mode: 'private' as const };
    await attach(child(5, { macvlan: { ...ACCESS, mode: 'private' } }));
    await ensure({ [WEB]: isolated });
    expect((await driver.shims()).map(({ macvlan }) => macvlan.mode)).toEqual(['vepa']);
    await driver.applyModes(() => 'bridge');
    expect((await driver.shims()).map(({ macvlan }) => macvlan.mode)).toEqual(['bridge']);
    await driver.applyModes(() => 'private');
    expect((await driver.shims()).map(({ macvlan }) => macvlan.mode)).toEqual(['vepa']);
    shims.close();
  });

  it('are guarded before there is one, and none is made without', async () => {
    const { driver, nft, attach, ensure, shims } = await setUp();
    await attach(child(5));
    jest.spyOn(nft, 'apply').mockRejectedValueOnce(new HeddleError('internal', 'no fib'));
    expect(await ensure({ [WEB]: SHIM })).toEqual(['no fib']);
    expect(await driver.shims()).toEqual([]);
    expect(await ensure({ [WEB]: SHIM })).toEqual([]);
    expect(await driver.shims()).toHaveLength(1);
    shims.close();
  });

  it('stay guarded when one cannot be removed', async () => {
    const { driver, nft, attach, ensure, failNext, shims } = await setUp();
    await attach(child(5));
    await ensure({ [WEB]: SHIM });
    const guarded = nft.scripts.length;
    failNext('detach', 'busy');
    expect(await ensure({ [WEB]: MACVLAN })).toEqual(['busy']);
    expect(nft.scripts).toHaveLength(guarded);
    expect(await ensure({ [WEB]: MACVLAN })).toEqual([]);
    expect([await driver.shims(), nft.scripts.length]).toEqual([[], guarded + 1]);
    shims.close();
  });

  it('are found again after a restart, made again when they are lost, and keep their address', async () => {
    const { driver, ip, addresses, attach, ensure, make, shims } = await setUp();
    await attach(child(5));
    await ensure({ [WEB]: SHIM });
    shims.close();
    const next = make();
    const from = ip.commands.length;
    ip.answer(['route', 'show', 'dev', PORT], [{ dst: '10.32.0.5' }]);
    expect(await ensure({ [WEB]: SHIM }, next)).toEqual([]);
    expect(ip.commands).toHaveLength(from);
    await ip.batch([['link', 'del', 'dev', PORT]]);
    expect(await ensure({ [WEB]: SHIM }, next)).toEqual([]);
    expect(await ip.link(PORT)).toMatchObject({ operstate: 'UP', addr_info: [{ local: '10.32.0.2' }] });
    // The journal was lost: the address is taken over, as long as nobody else has it.
    await addresses.release(shimOwner(WEB));
    await ensure({ [WEB]: SHIM }, next);
    expect(addresses.owner('acme/default', '10.32.0.2')).toBe(shimOwner(WEB));
    await addresses.release(shimOwner(WEB));
    await addresses.reserve('acme/default', 'other', '10.32.0.2');
    await ensure({ [WEB]: SHIM }, next);
    expect((await driver.shims()).map(({ address }) => address)).toEqual(['10.32.0.3']);
    next.close();
  });

  it('ask for another block when the addresses of this host are used up', async () => {
    const { addresses, agent, journal, attach, ensure, shims, driver } = await setUp();
    for (let i = 0; i < 6; i++) await addresses.reserve('acme/default', `o${i}`);
    await attach(child(5));
    expect(await ensure({ [WEB]: SHIM })).toEqual([
      'no address is free on this host for shim:acme/shop/web in acme/default',
    ]);
    expect(agent.asked).toEqual([{ method: 'leaseBlock', params: { bridgeDomain: 'acme/default' } }]);
    agent.answer = () =>
      journal.update((state) => ({
        ...state,
        configuration: {
          ...CONFIGURATION,
          bridgeDomains: CONFIGURATION.bridgeDomains.map((each) => ({
            ...each,
            blocks: [...each.blocks, '10.32.0.8/29'],
          })),
        },
      }));
    expect(await ensure({ [WEB]: SHIM })).toEqual([]);
    expect((await driver.shims()).map(({ address }) => address)).toEqual(['10.32.0.8']);
    shims.close();
  });
});
