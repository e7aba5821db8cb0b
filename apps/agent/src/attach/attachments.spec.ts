import { attachmentsOf, CONFIGURATION, MACVLAN, openJournal } from '../testing/attach';
import { FakeAttachmentDriver } from '../testing/fake-attachment-driver';
import { attachedEndpoint } from '../testing/parts';
import { Stopwatch } from './stopwatch';

const WEB = 'acme/shop/web';
const CHILD = { uplink: 'up0', mode: 'bridge', tagging: 'access', vlan: 101 } as const;

describe('Attachments', () => {
  async function setUp() {
    const configuration = { ...CONFIGURATION, attachments: { [WEB]: MACVLAN, 'acme/shop/db': { driver: 'ovs' as const, mtu: 1500 } } }; // prettier-ignore
    const { journal } = await openJournal({ configuration });
    const ovs = new FakeAttachmentDriver('ovs');
    const macvlan = new FakeAttachmentDriver('macvlan');
    const attachments = attachmentsOf(journal, ovs, macvlan);
    const onSwitch = attachedEndpoint('s', '10.32.0.2', { port: 'hds', epg: 'acme/shop/api' });
    const child = attachedEndpoint('c', '10.32.0.3', { port: 'hdc', macvlan: CHILD });
    const attach = () => Promise.all([onSwitch, child].map((one) => attachments.attach(one, new Stopwatch())));
    return { attachments, ovs, macvlan, onSwitch, child, attach };
  }

  it('give a new endpoint the driver of its EPG, by default the switch', async () => {
    const { attachments, ovs, macvlan } = await setUp();
    expect(attachments.placeOf(WEB, 'e')).toEqual({ port: macvlan.portName('e'), macvlan: CHILD });
    expect(attachments.placeOf('acme/shop/api', 'e')).toEqual({ port: ovs.portName('e') });
    expect(attachments.placeOf('acme/shop/db', 'e')).toEqual({ port: ovs.portName('e') });
  });

  it('attach each by its facts, with the MTU of its EPG', async () => {
    const { attachments, attach, ovs, macvlan, onSwitch, child } = await setUp();
    const [first, second] = await attach();
    expect([first?.ofport, second?.ofport]).toEqual([1, undefined]);
    expect(second?.macvlan).toEqual(CHILD);
    expect([ovs, macvlan].map(({ host }) => [...host.attachments.values()].map(({ mtu }) => mtu))).toEqual([[1450], [1400]]); // prettier-ignore
    expect(await attachments.attached()).toEqual([onSwitch, child]);
    await attachments.attach({ ...onSwitch, epg: 'acme/shop/db' }, new Stopwatch());
    expect(ovs.host.attachments.get('hds')).toMatchObject({ mtu: 1500 });
  });

  it('ask each about its own', async () => {
    const { attachments, attach, ovs, macvlan, onSwitch, child } = await setUp();
    await attach();
    expect(await Promise.all([onSwitch, child].map((one) => attachments.isAlive(one)))).toEqual([true, true]);
    macvlan.loseDevice('hdc');
    const more = { ...child, endpointId: 'd', port: 'hdd' };
    expect(await attachments.gone([more, onSwitch, child])).toEqual([more, child]);
    // One that is not seen whole says nothing of its own, and the other does.
    ovs.loseDevice('hds');
    macvlan.host.visible = false;
    expect(await attachments.gone([onSwitch, child])).toEqual([onSwitch]);
    expect(await attachments.gone([])).toEqual([]);
    await attachments.undo(onSwitch);
    await attachments.detach(child);
    expect([ovs.detached, macvlan.detached]).toEqual([['s'], ['c']]);
    expect(await attachments.attached()).toEqual([]);
  });
});
