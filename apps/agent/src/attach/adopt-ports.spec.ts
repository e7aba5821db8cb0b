import { portIds } from '../datapath/port-ids';
import { addressesOf, openJournal } from '../testing/attach';
import { FakePortDatabase } from '../testing/fake-port-database';
import { attachedEndpoint } from '../testing/parts';
import { adoptPorts } from './adopt-ports';
import type { JournalState } from './journal';

const ID = 'e'.repeat(64);
const ENDPOINT = attachedEndpoint(ID, '10.32.0.5', { port: 'hd1', allocation: 'acme/shop/web-1' });

describe('adoptPorts', () => {
  async function adopt(state: Partial<JournalState>, endpoint = ENDPOINT, more: Record<string, string> = {}) {
    const { journal } = await openJournal(state);
    const ovs = new FakePortDatabase();
    await ovs.ensurePort({
      bridge: 'br',
      name: endpoint.port,
      type: '',
      externalIds: { ...portIds(endpoint), ...more },
    });
    await ovs.ensurePort({ bridge: 'br', name: 'br', type: 'internal' });
    await ovs.ensurePort({ bridge: 'other', name: 'hd2', type: '', externalIds: portIds(endpoint) });
    const problems = await adoptPorts(journal, ovs, 'br');
    return { journal, problems, addresses: addressesOf(journal) };
  }
  const known = { ...ENDPOINT, networkId: 'n1', prefix: 16 };

  it('says nothing of a port that the journal knows as it is', async () => {
    const { journal, problems } = await adopt({ endpoints: { [ID]: known } });
    expect(problems).toEqual([]);
    expect(journal.state.endpoints).toEqual({ [ID]: known });
  });

  it('takes a port over that the journal does not know, with its address', async () => {
    const { journal, problems, addresses } = await adopt({});
    expect(problems).toEqual([
      'endpoint eeeeeeeeeeee (acme/shop/web 10.32.0.5) is on the bridge and not in the journal; adopted',
    ]);
    expect(journal.state.endpoints[ID]).toEqual({ ...ENDPOINT, networkId: '', prefix: 16 });
    expect(addresses.owner('acme/default', '10.32.0.5')).toBe('allocation:acme/shop/web-1');
    expect((await addresses.reserve('acme/default', 'new'))?.address).toBe('10.32.0.2');
  });

  it('believes the bridge before the journal, and tells', async () => {
    const { journal, problems } = await adopt({
      endpoints: { [ID]: { ...known, address: '10.32.0.6', linkIndex: 9 } },
    });
    expect(problems).toEqual([
      'endpoint eeeeeeeeeeee: the bridge says acme/shop/web 10.32.0.5, the journal acme/shop/web 10.32.0.6; the bridge is believed',
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

  it.each([
    ['link index', { 'heddle-link-index': '0' }],
    ['link index', { 'heddle-link-index': '99999' }],
    ['address', { 'heddle-address': 'nowhere' }],
    ['MAC address', { 'heddle-mac': '02:48' }],
    ['EPG', { 'heddle-epg': '' }],
  ])('does not take a port over whose %s is none', async (_what, ids) => {
    const { journal, problems } = await adopt({}, ENDPOINT, ids);
    expect(problems).toEqual([]);
    expect(journal.state.endpoints).toEqual({});
  });
});
