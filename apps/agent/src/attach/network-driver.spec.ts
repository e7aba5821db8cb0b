import { HeddleError } from '@heddle/model';
import { MAX_LINK_INDEX } from '@heddle/pipeline';
import type { AttachedEndpoint } from '../link/protocol';
import { addressesOf, attachmentsOf, CONFIGURATION, FakeAgent, MACVLAN, openJournal } from '../testing/attach';
import { FakeAttachmentDriver } from '../testing/fake-attachment-driver';
import { HeddleNetworkDriver } from './network-driver';
import { OPTION } from './options';

const NETWORK = 'n'.repeat(64);
const ENDPOINT = 'e'.repeat(64);
const PORT = new FakeAttachmentDriver().portName(ENDPOINT);
const never = new AbortController().signal;
const join = (endpointId = ENDPOINT) => ({ networkId: NETWORK, endpointId, sandboxKey: '/run/netns/x' });

describe('HeddleNetworkDriver', () => {
  async function setUp(defaultEpg: string | null = 'acme/shop/web', ...others: readonly FakeAttachmentDriver[]) {
    const attachments = new FakeAttachmentDriver();
    const { journal, files } = await openJournal();
    const addresses = addressesOf(journal);
    const agent = new FakeAgent();
    const told: string[] = [];
    const tell = (what: string) => (endpoint: AttachedEndpoint) =>
      void told.push(`${what} ${endpoint.endpointId.slice(0, 1)}`);
    const driver = new HeddleNetworkDriver({
      journal,
      addresses,
      attachments: attachmentsOf(journal, attachments, ...others),
      agent,
      now: () => new Date(0),
      onAttaching: tell('attaching'),
      onAttached: tell('attached'),
      onDetached: tell('detached'),
    });
    await driver.createNetwork({
      networkId: NETWORK,
      internal: false,
      ipv4: [],
      ipv6: [],
      driverOpts: {
        [OPTION.bridgeDomain]: 'acme/default',
        ...(defaultEpg === null ? {} : { [OPTION.epg]: defaultEpg }),
      },
    });
    const create = (change: object = {}, endpointId = ENDPOINT) =>
      driver.createEndpoint({
        networkId: NETWORK,
        endpointId,
        ipv4Address: '10.32.0.2/16',
        driverOpts: {},
        ...change,
      });
    return { journal, files, addresses, attachments, agent, driver, create, told };
  }

  describe('networks', () => {
    it('are remembered, and forgotten again, also unknown ones', async () => {
      const { driver, journal } = await setUp();
      expect(journal.state.networks).toEqual({
        [NETWORK]: { bridgeDomain: 'acme/default', defaultEpg: 'acme/shop/web' },
      });
      await driver.deleteNetwork({ networkId: NETWORK });
      await driver.deleteNetwork({ networkId: NETWORK });
      expect(journal.state.networks).toEqual({});
    });

    it.each([
      ['without a bridge domain', {}, 'invalid'],
      ['of an unknown bridge domain', { [OPTION.bridgeDomain]: 'acme/no' }, 'unavailable'],
    ])('%s are refused', async (_what, driverOpts, code) => {
      const { driver } = await setUp();
      const request = { networkId: 'x', internal: false, ipv4: [], ipv6: [], driverOpts };
      await expect(driver.createNetwork(request)).rejects.toMatchObject({ code });
    });
  });

  describe('an endpoint', () => {
    it('is remembered with all its facts before the engine is answered', async () => {
      const { create, journal } = await setUp();
      const opts = { [OPTION.epg]: 'acme/shop/web', [OPTION.allocation]: 'acme/shop/web-1' };
      expect(await create({ driverOpts: opts })).toEqual({ macAddress: '02:48:0a:20:00:02' });
      expect(journal.state.endpoints[ENDPOINT]).toEqual({
        endpointId: ENDPOINT,
        networkId: NETWORK,
        bridgeDomain: 'acme/default',
        epg: 'acme/shop/web',
        allocation: 'acme/shop/web-1',
        mac: '02:48:0a:20:00:02',
        address: '10.32.0.2',
        prefix: 16,
        port: PORT,
        linkIndex: 1,
        since: '1970-01-01T00:00:00.000Z',
      });
    });

    it('keeps its link index when it is created again, and others get theirs', async () => {
      const { create, journal } = await setUp();
      await create();
      await create();
      await create({ ipv4Address: '10.32.0.3/16' }, 'f');
      expect(journal.state.endpoints[ENDPOINT]?.linkIndex).toBe(1);
      expect(journal.state.endpoints['f']?.linkIndex).toBe(2);
    });

    it('does not get the link index that was just given up, and finds free ones at the end of the range', async () => {
      const { create, journal, driver } = await setUp();
      await create();
      await driver.deleteEndpoint({ networkId: NETWORK, endpointId: ENDPOINT });
      await create();
      expect(journal.state.endpoints[ENDPOINT]?.linkIndex).toBe(2);
      await journal.update((state) => ({
        ...state,
        endpoints: { ...state.endpoints, [ENDPOINT]: { ...state.endpoints[ENDPOINT]!, linkIndex: MAX_LINK_INDEX } },
      }));
      const fresh = new HeddleNetworkDriver({
        journal,
        addresses: addressesOf(journal),
        attachments: attachmentsOf(journal, new FakeAttachmentDriver()),
        agent: new FakeAgent(),
        now: () => new Date(0),
      });
      await fresh.createEndpoint({
        networkId: NETWORK,
        endpointId: 'f',
        ipv4Address: '10.32.0.3/16',
        driverOpts: {},
      });
      expect(journal.state.endpoints['f']?.linkIndex).toBe(1);
    });

    it('has the MAC address that a user chose', async () => {
      const { create, journal } = await setUp();
      expect(await create({ macAddress: '02:11:22:33:44:55' })).toEqual({});
      expect(journal.state.endpoints[ENDPOINT]?.mac).toBe('02:11:22:33:44:55');
    });

    it.each([
      ['of an unknown network', { networkId: 'x' }, 'not-found', /create it again/],
      ['without an address', { ipv4Address: undefined }, 'invalid', /--ipam-driver heddle/],
      [
        'of an EPG that is not resolved here',
        { driverOpts: { [OPTION.epg]: 'acme/shop/no' } },
        'unavailable',
        /not resolved/,
      ],
      ['of an EPG of another bridge domain', { driverOpts: { [OPTION.epg]: 'acme/shop/far' } }, 'invalid', /acme\/two/],
      ["with the gateway's MAC address", { macAddress: '02:48:00:00:00:01' }, 'invalid', /unicast/],
      ['with a multicast MAC address', { macAddress: '03:00:00:00:00:01' }, 'invalid', /unicast/],
    ])('%s is refused, with the reason', async (_what, change, code, message) => {
      const { create, journal } = await setUp();
      await expect(create(change)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
      expect(journal.state.endpoints).toEqual({});
    });

    it('that names no EPG is refused on a network that has none either', async () => {
      const { create } = await setUp(null);
      await expect(create()).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('--opt') });
    });

    it("is refused an address that is held for an allocation, unless it is that one's", async () => {
      const { create, addresses } = await setUp();
      await addresses.reserve('acme/default', 'allocation:acme/shop/web-1');
      await expect(create()).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('held by allocation:acme/shop/web-1'),
      });
      await expect(create({ driverOpts: { [OPTION.allocation]: 'acme/shop/web-2' } })).rejects.toMatchObject({
        code: 'conflict',
      });
      await create({ driverOpts: { [OPTION.allocation]: 'acme/shop/web-1' } });
    });

    it('is refused the address of one that lives, and takes the place of one that does not', async () => {
      const { create, driver, journal, attachments } = await setUp();
      await create();
      await driver.join(join(), never);
      await expect(create({}, 'f')).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('in use by the endpoint eeeeeeeeeeee'),
      });
      // The container is gone with its interface, and nobody told of it.
      attachments.loseDevice(PORT);
      await create({}, 'f');
      expect(Object.keys(journal.state.endpoints)).toEqual(['f']);
      expect(await attachments.attached()).toEqual([]);
    });
  });

  describe('a join', () => {
    it('gets its interface when the agent has the policy on the switch, not before', async () => {
      const { create, driver, agent, attachments } = await setUp();
      await create();
      let inForce: () => void = () => undefined;
      agent.answer = () => new Promise((resolve) => (inForce = resolve));
      let answered = false;
      const joined = driver.join(join(), never).then((reply) => {
        answered = true;
        return reply;
      });
      while (agent.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(await attachments.attached()).toMatchObject([{ endpointId: ENDPOINT, epg: 'acme/shop/web', port: PORT }]);
      expect(agent.asked).toEqual([
        {
          method: 'attached',
          params: expect.objectContaining({ endpointId: ENDPOINT, address: '10.32.0.2', ofport: 1 }),
        },
      ]);
      expect(answered).toBe(false);
      inForce();
      const attachment = attachments.host.attachments.get(PORT);
      expect(attachment).toMatchObject({ mac: '02:48:0a:20:00:02', mtu: 1450 });
      expect(await joined).toEqual({
        srcName: attachment?.interface.name,
        dstPrefix: 'eth',
        gateway: '10.32.0.1',
      });
    });

    it('that cannot be attached is refused with the reason, and the agent is not asked', async () => {
      const { create, driver, agent, attachments } = await setUp();
      await create();
      attachments.fail('attach', new HeddleError('refused', 'no room'));
      await expect(driver.join(join(), never)).rejects.toThrow('no room');
      expect(agent.asked).toEqual([]);
    });

    it('that the agent refuses leaves nothing on the bridge, and tells why', async () => {
      const { create, driver, agent, attachments } = await setUp();
      await create();
      agent.answer = async () => Promise.reject(new HeddleError('unavailable', 'the EPG is not resolved'));
      await expect(driver.join(join(), never)).rejects.toThrow('the EPG is not resolved');
      expect(await attachments.attached()).toEqual([]);
    });

    it('that came too late for the engine is undone', async () => {
      const { create, driver, attachments } = await setUp();
      await create();
      await expect(driver.join(join(), AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
      expect(await attachments.attached()).toEqual([]);
    });

    it('tells what went wrong first when undoing fails too', async () => {
      const { create, driver, agent, attachments } = await setUp();
      await create();
      agent.answer = async () => Promise.reject(new HeddleError('unavailable', 'first'));
      attachments.fail('detach', new HeddleError('deadline', 'second'));
      await expect(driver.join(join(), never)).rejects.toThrow('first');
      expect(attachments.problems).toEqual(['second']);
    });

    it('of an unknown endpoint is refused', async () => {
      const { driver } = await setUp();
      await expect(driver.join(join('x'), never)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('is refused when the subnet of its address is gone from the bridge domain', async () => {
      const { create, driver, journal } = await setUp();
      await create();
      await journal.update((state) => ({
        ...state,
        configuration: {
          ...state.configuration,
          bridgeDomains: [{ path: 'acme/default', gateways: ['10.50.0.1/24'], blocks: [] }],
        },
      }));
      await expect(driver.join(join(), never)).rejects.toMatchObject({ code: 'conflict' });
    });
  });

  describe('on the way down', () => {
    const ref = { networkId: NETWORK, endpointId: ENDPOINT };

    it('takes an endpoint off once, and again what was joined again', async () => {
      const { driver, create, attachments } = await setUp();
      await create();
      await driver.join(join(), never);
      await driver.leave(ref);
      await driver.deleteEndpoint(ref);
      expect(attachments.detached).toHaveLength(1);
      await create();
      await driver.join(join(), never);
      await driver.leave(ref);
      await driver.join(join(), never);
      await driver.deleteEndpoint(ref);
      expect(attachments.detached).toHaveLength(3);
      expect(await attachments.attached()).toEqual([]);
    });

    it('leaves nothing of an endpoint', async () => {
      const { create, driver, journal, attachments } = await setUp();
      await create();
      await driver.join(join(), never);
      await driver.leave(ref);
      expect(await attachments.attached()).toEqual([]);
      await driver.deleteEndpoint(ref);
      expect(journal.state.endpoints).toEqual({});
    });

    it('accepts endpoints that it does not know, or knows no more', async () => {
      const { create, driver } = await setUp();
      await driver.leave(ref);
      await driver.deleteEndpoint(ref);
      await create();
      for (let i = 0; i < 2; i++) {
        await driver.leave(ref);
        await driver.deleteEndpoint(ref);
      }
      expect(await driver.endpointInfo(ref)).toEqual({});
    });

    it('keeps an endpoint in the journal when its port cannot be removed', async () => {
      const { create, driver, journal, attachments } = await setUp();
      await create();
      await driver.join(join(), never);
      attachments.fail('detach', new HeddleError('deadline', 'vswitchd hangs'));
      await expect(driver.deleteEndpoint(ref)).rejects.toThrow('vswitchd hangs');
      expect(journal.state.endpoints[ENDPOINT]).toBeDefined();
    });
  });

  describe('an endpoint of an EPG that attaches by macvlan', () => {
    const SANDBOX = '/run/docker/netns/1';
    const CHILD = { uplink: 'up0', mode: 'bridge', tagging: 'access', vlan: 101 };
    async function setUpMacvlan() {
      const macvlan = new FakeAttachmentDriver('macvlan');
      const all = await setUp('acme/shop/web', macvlan);
      await all.journal.update((state) => ({
        ...state,
        configuration: { ...CONFIGURATION, attachments: { 'acme/shop/web': MACVLAN } },
      }));
      return { ...all, macvlan };
    }
    const joinAt = (sandboxKey: string) => ({ ...join(), sandboxKey });

    it('gets that driver, the MTU of the Domain, and the gateway of its bridge domain', async () => {
      const { create, driver, journal, macvlan, attachments } = await setUpMacvlan();
      await create();
      expect(journal.state.endpoints[ENDPOINT]).toMatchObject({ port: macvlan.portName(ENDPOINT), macvlan: CHILD });
      const reply = await driver.join(joinAt(SANDBOX), never);
      const [attached] = macvlan.host.attachments.values();
      expect(attached).toMatchObject({ mtu: 1400, macvlan: { ...CHILD, sandbox: SANDBOX } });
      expect(reply).toEqual({ srcName: attached?.interface.name, dstPrefix: 'eth', gateway: '10.32.0.1' });
      expect(attachments.host.attachments.size).toBe(0);
    });

    it('is told to the agent without a port number, and remembered, as it was made', async () => {
      const { create, driver, agent, journal, macvlan, told } = await setUpMacvlan();
      const attach = macvlan.attach.bind(macvlan);
      macvlan.attach = async (endpoint, options) => {
        const made = await attach(endpoint, options);
        return { ...made, macvlan: { ...(made.macvlan as NonNullable<typeof made.macvlan>), mode: 'vepa' } };
      };
      await create();
      await driver.join(joinAt(SANDBOX), never);
      const made = { ...CHILD, mode: 'vepa', sandbox: SANDBOX };
      expect(agent.asked).toEqual([
        { method: 'attached', params: expect.objectContaining({ endpointId: ENDPOINT, macvlan: made }) },
      ]);
      expect(agent.asked[0]?.params).toMatchObject({ ofport: undefined });
      expect(journal.state.endpoints[ENDPOINT]).toMatchObject({ macvlan: made, networkId: NETWORK });
      expect(told).toEqual(['attaching e', 'attached e']);
    });

    it('keeps its driver when the EPG gets another one', async () => {
      const { create, driver, journal, macvlan } = await setUpMacvlan();
      await create();
      await driver.join(joinAt(SANDBOX), never);
      await journal.update((state) => ({ ...state, configuration: CONFIGURATION }));
      await driver.leave({ networkId: NETWORK, endpointId: ENDPOINT });
      expect(await macvlan.attached()).toEqual([]);
    });

    it('that the agent refuses leaves nothing, and that is told', async () => {
      const { create, driver, agent, macvlan, told } = await setUpMacvlan();
      await create();
      agent.answer = async () => Promise.reject(new HeddleError('unavailable', 'no policy'));
      await expect(driver.join(joinAt(SANDBOX), never)).rejects.toThrow('no policy');
      expect(await macvlan.attached()).toEqual([]);
      expect(told).toEqual(['attaching e', 'detached e']);
    });

    it('is not written down again when the engine deleted it meanwhile', async () => {
      const { create, driver, agent, journal } = await setUpMacvlan();
      await create();
      agent.answer = () => journal.removeEndpoint(ENDPOINT);
      await driver.join(joinAt(SANDBOX), never);
      expect(journal.state.endpoints).toEqual({});
    });

    it('is refused where the engine does not say in which namespace it goes', async () => {
      const { create, driver, macvlan } = await setUpMacvlan();
      await create();
      await expect(driver.join(joinAt('netns/1'), never)).rejects.toMatchObject({ code: 'invalid' });
      expect(await macvlan.attached()).toEqual([]);
    });

    it('is refused on a host that has no such driver', async () => {
      const { create, journal } = await setUp();
      const attachments = { 'acme/shop/web': MACVLAN };
      await journal.update((state) => ({ ...state, configuration: { ...CONFIGURATION, attachments } }));
      await expect(create()).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('cannot attach endpoints by macvlan: it has ovs'),
      });
    });
  });

  it('tells what `docker network inspect` shows', async () => {
    const { create, driver } = await setUp();
    await create();
    expect(await driver.endpointInfo({ networkId: NETWORK, endpointId: ENDPOINT })).toEqual({
      [OPTION.epg]: 'acme/shop/web',
      [OPTION.bridgeDomain]: 'acme/default',
      port: PORT,
    });
  });
});
