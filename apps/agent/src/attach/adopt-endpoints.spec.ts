import type { AttachedEndpoint } from '../link/protocol';
import { addressesOf, openJournal } from '../testing/attach';
import { FakeAttachmentDriver } from '../testing/fake-attachment-driver';
import { attachedEndpoint } from '../testing/parts';
import { adoptEndpoints } from './adopt-endpoints';
import type { JournalState } from './journal';

const ID = 'e'.repeat(64);
const ENDPOINT = attachedEndpoint(ID, '10.32.0.5', { port: 'hd1', allocation: 'acme/shop/web-1' });

describe('adoptEndpoints', () => {
  async function adopt(
    state: Partial<JournalState>,
    endpoint: AttachedEndpoint = ENDPOINT,
    driver: 'ovs' | 'macvlan' = 'ovs',
  ) {
    const { journal } = await openJournal(state);
    const attachments = new FakeAttachmentDriver(driver);
    await attachments.attach(endpoint, { mtu: 1450 });
    const problems = await adoptEndpoints(journal, attachments);
    return { journal, problems, addresses: addressesOf(journal) };
  }
  const known = { ...ENDPOINT, networkId: 'n1', prefix: 16 };

  it('says nothing of an endpoint that the journal knows as it is', async () => {
    const { journal, problems } = await adopt({ endpoints: { [ID]: known } });
    expect(problems).toEqual([]);
    expect(journal.state.endpoints).toEqual({ [ID]: known });
  });

  it('takes an endpoint over that the journal does not know, with its address', async () => {
    const { journal, problems, addresses } = await adopt({});
    expect(problems).toEqual([
      'endpoint eeeeeeeeeeee (acme/shop/web 10.32.0.5) is attached and not in the journal; adopted',
    ]);
    expect(journal.state.endpoints[ID]).toEqual({ ...ENDPOINT, networkId: '', prefix: 16 });
    expect(addresses.owner('acme/default', '10.32.0.5')).toBe('allocation:acme/shop/web-1');
    expect((await addresses.reserve('acme/default', 'new'))?.address).toBe('10.32.0.2');
  });

  it('believes what is attached before the journal, and tells', async () => {
    const { journal, problems } = await adopt({
      endpoints: { [ID]: { ...known, address: '10.32.0.6', linkIndex: 9 } },
    });
    expect(problems).toEqual([
      'endpoint eeeeeeeeeeee: attached is acme/shop/web 10.32.0.5, the journal says acme/shop/web 10.32.0.6; what is attached is believed',
    ]);
    expect(journal.state.endpoints[ID]).toEqual(known);
  });

  it('leaves an address to the one who holds it by the journal, and tells of both', async () => {
    const addresses = { 'acme/default': { held: { '10.32.0.5': 'allocation:acme/shop/web-2' }, released: {} } };
    const { problems, addresses: after } = await adopt({ addresses });
    expect(problems).toHaveLength(2);
    expect(problems[1]).toMatch(/allocation:acme\/shop\/web-1 was found with 10\.32\.0\.5.*web-2/);
    expect(after.owner('acme/default', '10.32.0.5')).toBe('allocation:acme/shop/web-2');
  });

  it("leaves the address of a user's container to the run that gave it", async () => {
    const { allocation: _none, ...anonymous } = ENDPOINT;
    const addresses = { 'acme/default': { held: { '10.32.0.5': 'docker:run1-1' }, released: {} } };
    const { problems, addresses: after } = await adopt({ addresses }, anonymous);
    expect(problems).toHaveLength(1);
    expect(after.owner('acme/default', '10.32.0.5')).toBe('docker:run1-1');
  });

  it('takes over of which uplink an endpoint is a child, and says nothing of a mode that changed meanwhile', async () => {
    const macvlan = { uplink: 'up0', mode: 'bridge', tagging: 'access', vlan: 101, sandbox: '/run/netns/1' } as const;
    const child = { ...ENDPOINT, macvlan };
    const first = await adopt({}, child, 'macvlan');
    expect(first.journal.state.endpoints[ID]).toEqual({ ...child, networkId: '', prefix: 16 });
    const second = await adopt({ endpoints: { [ID]: { ...known, macvlan: { ...macvlan, mode: 'vepa' } } } }, child, 'macvlan'); // prettier-ignore
    expect(second.problems).toEqual([]);
    expect(second.journal.state.endpoints[ID]).toEqual({ ...known, macvlan });
  });
});
