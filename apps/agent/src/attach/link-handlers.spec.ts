import { addressesOf, CONFIGURATION, openJournal } from '../testing/attach';
import { attachedEndpoint } from '../testing/parts';
import { NameTable } from './dns/name-table';
import { linkHandlers, tenantFinder } from './link-handlers';

describe('what the agent asks of the attach daemon', () => {
  it('replaces the configuration and the names, reserves and releases', async () => {
    const { journal } = await openJournal();
    const names = new NameTable();
    const addresses = addressesOf(journal);
    const handlers = linkHandlers(journal, addresses, names);
    await handlers.configure({ ...CONFIGURATION, mtu: 1300 });
    expect(journal.state.configuration.mtu).toBe(1300);

    expect(names.current).toBeUndefined();
    await handlers.names({ 'acme/shop/api': ['10.32.0.5'] });
    await handlers.names({ 'acme/shop/web': [] });
    expect([...(names.current ?? [])]).toEqual([['acme/shop/web', []]]);

    const reserved = await handlers.reserve({ bridgeDomain: 'acme/default', owner: 'a' });
    expect(reserved).toMatchObject({ address: '10.32.0.2' });
    await handlers.release({ owner: 'a' });
    expect(addresses.owner('acme/default', '10.32.0.2')).toBeUndefined();
    for (let i = 0; i < 6; i++) await handlers.reserve({ bridgeDomain: 'acme/default', owner: `o${i}` });
    expect(await handlers.reserve({ bridgeDomain: 'acme/default', owner: 'late' })).toEqual({ exhausted: true });
  });

  it('answers when what is attached is as the configuration wants it', async () => {
    const { journal } = await openJournal();
    let release: () => void = () => undefined;
    const onConfigured = (): Promise<void> => new Promise((resolve) => (release = resolve));
    const handlers = linkHandlers(journal, addressesOf(journal), new NameTable(), onConfigured);
    let answered = false;
    const configured = handlers.configure({ ...CONFIGURATION, mtu: 1300 }).then(() => (answered = true));
    while (journal.state.configuration.mtu !== 1300) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    release();
    await configured;
  });

  it('finds the tenant behind a link address, as endpoints come and go', async () => {
    const { journal } = await openJournal();
    const tenantOf = tenantFinder(journal);
    expect(tenantOf('169.254.64.1')).toBeUndefined();
    await journal.putEndpoint({ ...attachedEndpoint('e', '10.32.0.2', { linkIndex: 1 }), networkId: 'n', prefix: 16 });
    expect(tenantOf('169.254.64.1')).toBe('acme');
    expect(tenantOf('169.254.64.2')).toBeUndefined();
    await journal.removeEndpoint('e');
    expect(tenantOf('169.254.64.1')).toBeUndefined();
  });
});
