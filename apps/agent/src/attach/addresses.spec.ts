import { addressesOf, openJournal } from '../testing/attach';
import { allocationOwner } from './options';

describe('HostAddresses', () => {
  it('gives addresses of the blocks of the host, each with its MAC and gateway, and one owner the same again', async () => {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal);
    const first = await addresses.reserve('acme/default', 'a');
    expect(first).toEqual({
      address: '10.32.0.2',
      cidr: '10.32.0.2/16',
      mac: '02:48:0a:20:00:02',
      gateway: '10.32.0.1/16',
    });
    expect(await addresses.reserve('acme/default', 'a')).toEqual(first);
    expect((await addresses.reserve('acme/default', 'b'))?.address).toBe('10.32.0.3');
    expect(addresses.owner('acme/default', '10.32.0.3')).toBe('b');
  });

  it('keeps bridge domains with equal subnets apart', async () => {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal);
    expect((await addresses.reserve('acme/default', 'a'))?.address).toBe('10.32.0.2');
    expect((await addresses.reserve('blue/default', 'b'))?.address).toBe('10.32.0.2');
    expect(addresses.owner('blue/default', '10.32.0.2')).toBe('b');
  });

  it('never gives one address to two owners, also when they ask at once', async () => {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal);
    const got = await Promise.all(Array.from({ length: 9 }, (_, i) => addresses.reserve('acme/default', `o${i}`)));
    const given = got.flatMap((r) => r?.address ?? []);
    expect(new Set(given).size).toBe(given.length);
    expect(given).toHaveLength(6);
  });

  it('says when the blocks are used up, and lets a released address rest', async () => {
    let now = 1_000_000;
    const { journal } = await openJournal({});
    const addresses = addressesOf(journal, () => now);
    for (let i = 0; i < 6; i++) await addresses.reserve('acme/default', `o${i}`);
    expect(await addresses.reserve('acme/default', 'late')).toBeUndefined();
    await addresses.release('o3');
    expect(await addresses.reserve('acme/default', 'late')).toBeUndefined();
    now += 30_000;
    expect((await addresses.reserve('acme/default', 'late'))?.address).toBe('10.32.0.5');
  });

  it('releases every hold of an owner, wherever it is', async () => {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal);
    const owner = allocationOwner('acme/shop/web-1');
    await addresses.reserve('acme/default', owner);
    await addresses.reserve('acme/two', owner);
    await addresses.release(owner);
    expect(Object.values(journal.state.addresses).flatMap((table) => Object.values(table.held))).toEqual([]);
    await addresses.release('never seen');
  });

  it('names the bridge domains that it knows when it is asked for another', async () => {
    const { journal } = await openJournal();
    await expect(addressesOf(journal).reserve('acme/none', 'a')).rejects.toMatchObject({
      code: 'unavailable',
      message: 'the bridge domain acme/none is not known on this host; known are acme/default, blue/default, acme/two',
    });
  });
});
