import { HeddleError } from '@heddle/model';
import { addressesOf, CONFIGURATION, FakeAgent, openJournal } from '../testing/attach';
import { HeddleIpamDriver } from './ipam-driver';
import { OPTION } from './options';

const POOL = 'acme/default:10.32.0.0/16';
const pool = (change: object = {}) => ({
  addressSpace: 'heddle',
  pool: '10.32.0.0/16',
  options: { [OPTION.bridgeDomain]: 'acme/default' },
  v6: false,
  ...change,
});
const address = (change: object = {}) => ({ poolId: POOL, gateway: false, options: {}, ...change });

describe('HeddleIpamDriver', () => {
  async function setUp() {
    const { journal, files } = await openJournal();
    const addresses = addressesOf(journal);
    const agent = new FakeAgent();
    const driver = new HeddleIpamDriver(journal, addresses, agent, 'run1');
    return { journal, files, addresses, agent, driver };
  }

  describe('pools', () => {
    it('stand for a subnet of a bridge domain, the same for the same request', async () => {
      const { driver, journal } = await setUp();
      for (let i = 0; i < 2; i++)
        expect(await driver.requestPool(pool())).toEqual({ poolId: POOL, pool: '10.32.0.0/16' });
      expect(journal.state.pools).toEqual({ [POOL]: { bridgeDomain: 'acme/default', subnet: '10.32.0.0/16' } });
    });

    it('are the first subnet when none is named, and one of several when one is', async () => {
      const { driver } = await setUp();
      const two = { options: { [OPTION.bridgeDomain]: 'acme/two' } };
      expect((await driver.requestPool(pool({ ...two, pool: undefined }))).pool).toBe('10.40.0.0/24');
      expect((await driver.requestPool(pool({ ...two, pool: '10.41.0.0/24' }))).poolId).toBe('acme/two:10.41.0.0/24');
    });

    it.each([
      ['IPv6', { v6: true }, 'invalid', /IPv6/],
      ['a range', { subPool: '10.32.1.0/24' }, 'invalid', /--ip-range/],
      ['no bridge domain', { options: {} }, 'invalid', /heddle\.bridge-domain/],
      ['another subnet', { pool: '10.99.0.0/16' }, 'invalid', /10\.99\.0\.0\/16.*has 10\.32\.0\.0\/16/],
      ['an unknown bridge domain', { options: { [OPTION.bridgeDomain]: 'acme/no' } }, 'unavailable', /known are/],
    ])('are refused with %s', async (_what, change, code, message) => {
      const { driver } = await setUp();
      await expect(driver.requestPool(pool(change))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    });

    it('may be released, also unknown ones', async () => {
      const { driver } = await setUp();
      await driver.requestPool(pool());
      await driver.releasePool();
      expect(await driver.requestAddress(address())).toEqual({ address: '10.32.0.2/16' });
    });
  });

  describe('addresses', () => {
    it('of the gateway are the one of the bridge domain, and no other', async () => {
      const { driver } = await setUp();
      await driver.requestPool(pool());
      for (const asked of [undefined, '10.32.0.1'])
        expect(await driver.requestAddress(address({ gateway: true, address: asked }))).toEqual({
          address: '10.32.0.1/16',
        });
      await expect(driver.requestAddress(address({ gateway: true, address: '10.32.0.9' }))).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('that of 10.32.0.0/16 in acme/default is 10.32.0.1/16'),
      });
    });

    it('of an unknown pool are refused, and released without a word', async () => {
      const { driver } = await setUp();
      await expect(driver.requestAddress(address({ poolId: 'x' }))).rejects.toMatchObject({ code: 'not-found' });
      await driver.releaseAddress({ poolId: 'x', address: '10.0.0.1' });
    });

    it('reserved by the agent are given as asked, and stay reserved when the container stops', async () => {
      const { driver, addresses } = await setUp();
      await driver.requestPool(pool());
      const reserved = await addresses.reserve('acme/default', 'allocation:acme/shop/web-1');
      const asked = { address: reserved?.address as string };
      expect(await driver.requestAddress(address(asked))).toEqual({ address: '10.32.0.2/16' });
      await driver.releaseAddress({ poolId: POOL, ...asked });
      expect(addresses.owner('acme/default', '10.32.0.2')).toBe('allocation:acme/shop/web-1');
    });

    it("of a user's own containers are free again when these stop", async () => {
      const { driver, addresses } = await setUp();
      await driver.requestPool(pool());
      expect((await driver.requestAddress(address())).address).toBe('10.32.0.2/16');
      expect(addresses.owner('acme/default', '10.32.0.2')).toBe('docker:run1-1');
      expect((await driver.requestAddress(address({ address: '10.32.0.6' }))).address).toBe('10.32.0.6/16');
      for (const given of ['10.32.0.2', '10.32.0.6']) await driver.releaseAddress({ poolId: POOL, address: given });
      expect(addresses.owner('acme/default', '10.32.0.2')).toBeUndefined();
      expect(addresses.owner('acme/default', '10.32.0.6')).toBeUndefined();
    });

    it('are never given to two containers that ask for the same one', async () => {
      const { driver, addresses } = await setUp();
      await driver.requestPool(pool());
      await driver.requestAddress(address({ address: '10.32.0.6' }));
      await expect(driver.requestAddress(address({ address: '10.32.0.6' }))).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('in use by another container'),
      });
      expect(addresses.owner('acme/default', '10.32.0.6')).toBe('docker:run1-1');
    });

    it.each(['10.32.5.5', '10.99.0.1'])('outside of the blocks, as %s, are refused and hold nothing', async (asked) => {
      const { driver, journal, agent } = await setUp();
      await driver.requestPool(pool());
      await expect(driver.requestAddress(address({ address: asked }))).rejects.toMatchObject({
        code: 'limit',
        message: expect.stringContaining('10.32.0.0/29'),
      });
      expect(Object.keys(journal.state.addresses['acme/default']?.held ?? {})).toEqual([]);
      expect(agent.asked).toEqual([]);
    });

    it('come from another block when those of the host are used up', async () => {
      const { driver, journal, agent } = await setUp();
      await driver.requestPool(pool());
      for (let i = 0; i < 6; i++) await driver.requestAddress(address());
      agent.answer = () =>
        journal.update((state) => ({
          ...state,
          configuration: {
            ...CONFIGURATION,
            bridgeDomains: CONFIGURATION.bridgeDomains.map((d) =>
              d.path === 'acme/default' ? { ...d, blocks: [...d.blocks, '10.32.0.8/29'] } : d,
            ),
          },
        }));
      expect((await driver.requestAddress(address())).address).toBe('10.32.0.8/16');
      expect(agent.asked).toEqual([{ method: 'leaseBlock', params: { bridgeDomain: 'acme/default' } }]);
    });

    it('say why there are none', async () => {
      const { driver, agent } = await setUp();
      await driver.requestPool(pool());
      for (let i = 0; i < 6; i++) await driver.requestAddress(address());
      await expect(driver.requestAddress(address())).rejects.toMatchObject({ code: 'limit' });
      agent.answer = async () => Promise.reject(new HeddleError('unavailable', 'NATS is away'));
      await expect(driver.requestAddress(address())).rejects.toMatchObject({ code: 'unavailable' });
    });

    it('are not given by a journal that cannot be written', async () => {
      const { driver, files } = await setUp();
      await driver.requestPool(pool());
      files.writeError = new Error('disk full');
      await expect(driver.requestAddress(address())).rejects.toThrow('disk full');
    });
  });

  it('has one address space', async () => {
    const { driver } = await setUp();
    expect(await driver.defaultAddressSpaces()).toEqual({ local: 'heddle', global: 'heddle' });
  });
});
