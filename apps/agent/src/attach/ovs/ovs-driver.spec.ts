import { FakeIpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { portIds } from '../../datapath/port-ids';
import { attachmentDriverContract } from '../../testing/attachment-driver-contract';
import { FakePortDatabase } from '../../testing/fake-port-database';
import { ovsDriverHarness } from '../../testing/ovs-driver-harness';
import { attachedEndpoint } from '../../testing/parts';
import { Stopwatch } from '../stopwatch';
import { OvsDriver } from './ovs-driver';
import { insideName, portName } from './port-names';

const ID = '0123456789abcdef'.repeat(4);
const ENDPOINT = attachedEndpoint(ID, '10.32.0.5', { port: portName(ID) });
const OPTIONS = { mtu: 1400 };

attachmentDriverContract('Open vSwitch in memory', () =>
  ovsDriverHarness(new FakeIpCommand(), new FakePortDatabase(), 'br'),
);

describe('OvsDriver', () => {
  function setUp(checksumsInSoftware = false) {
    const ip = new FakeIpCommand();
    const ovs = new FakePortDatabase();
    const onError = (error: HeddleError) => {
      throw error;
    };
    return { ip, ovs, driver: new OvsDriver(ip, ovs, { bridge: 'br', checksumsInSoftware, onError }) };
  }

  it('names both ends within what the kernel allows, the port as the port guard expects it', () => {
    expect(portName(ID)).toMatch(/^hd_.{12}$/);
    expect(insideName(ID)).toHaveLength(15);
    expect(portName(ID)).not.toBe(insideName(ID));
  });

  it('makes a pair, one end up on the bridge with the facts of the endpoint, the other with its MAC and MTU', async () => {
    const { driver, ip, ovs } = setUp();
    expect(await driver.attach(ENDPOINT, OPTIONS)).toEqual({ name: insideName(ID), ofport: 1 });
    expect(await ip.link(ENDPOINT.port)).toMatchObject({ mtu: 1400, operstate: 'UP' });
    expect(await ip.link(insideName(ID))).toMatchObject({ mtu: 1400, address: ENDPOINT.mac, operstate: 'DOWN' });
    expect(ovs.port(ENDPOINT.port)?.externalIds).toMatchObject({
      'heddle-endpoint': ID,
      'heddle-address': '10.32.0.5',
    });
    expect(ip.offloads).toEqual([]);
  });

  it('goes by the port that the endpoint has, whatever its name would be today', async () => {
    const { driver, ip, ovs } = setUp();
    const endpoint = { ...ENDPOINT, port: 'hd1' };
    await driver.attach(endpoint, OPTIONS);
    expect(ovs.port('hd1')).toBeDefined();
    expect([await driver.isAlive(endpoint), await driver.isAlive(ENDPOINT)]).toEqual([true, false]);
    await driver.detach(endpoint);
    expect(await ip.links()).toEqual([]);
  });

  it('has checksums filled in for a datapath that cannot, and measures every part', async () => {
    const { driver, ip } = setUp(true);
    const stopwatch = new Stopwatch();
    await driver.attach(ENDPOINT, { ...OPTIONS, stopwatch });
    expect(ip.offloads).toEqual([{ netns: '', link: insideName(ID), features: ['tx'] }]);
    expect(Object.keys(stopwatch.parts).sort()).toEqual(['checksums', 'port', 'veth']);
  });

  it('does not trust what an earlier attempt left', async () => {
    const { driver, ip } = setUp();
    await ip.batch([['link', 'add', 'name', ENDPOINT.port, 'type', 'veth', 'peer', 'name', 'other']]);
    await driver.attach(ENDPOINT, OPTIONS);
    expect(await ip.link('other')).toBeUndefined();
    expect(await ip.link(insideName(ID))).toBeDefined();
  });

  it('does not take a port over that the switch made for another device', async () => {
    const { driver, ovs } = setUp();
    await ovs.ensurePort({
      bridge: 'br',
      name: ENDPOINT.port,
      type: '',
      externalIds: { 'heddle-epg': 'acme/shop/old' },
    });
    expect(await driver.attach(ENDPOINT, OPTIONS)).toMatchObject({ ofport: 2 });
    expect(ovs.port(ENDPOINT.port)?.externalIds).toEqual(portIds(ENDPOINT));
  });

  it('leaves nothing behind when the switch takes the port and gives it no number', async () => {
    const { driver, ip, ovs } = setUp();
    const ensurePort = ovs.ensurePort.bind(ovs);
    ovs.ensurePort = async (spec) => ({ ...(await ensurePort(spec)), ofport: undefined });
    await expect(driver.attach(ENDPOINT, OPTIONS)).rejects.toThrow('no number');
    expect(await ip.links()).toEqual([]);
    expect(ovs.port(ENDPOINT.port)).toBeUndefined();
  });

  it('leaves nothing behind when one part fails while the switch is still taking the port', async () => {
    const { driver, ip, ovs } = setUp(true);
    ip.offloadsOff = async () => Promise.reject(new HeddleError('internal', 'no ethtool'));
    const ensurePort = ovs.ensurePort.bind(ovs);
    let taken: Promise<unknown> = Promise.resolve();
    ovs.ensurePort = (spec) => {
      const port = new Promise((resolve) => setImmediate(resolve)).then(() => ensurePort(spec));
      taken = port;
      return port;
    };
    await expect(driver.attach(ENDPOINT, OPTIONS)).rejects.toThrow('no ethtool');
    await taken;
    expect(ovs.port(ENDPOINT.port)).toBeUndefined();
    expect(await ip.links()).toEqual([]);
  });

  it('fails when the pair cannot be made for another reason than a left-over', async () => {
    const { driver, ip } = setUp();
    ip.batch = async () => Promise.reject(new HeddleError('internal', 'out of memory'));
    await expect(driver.attach(ENDPOINT, OPTIONS)).rejects.toThrow('out of memory');
  });

  it('does not take a link that cannot be removed for removed', async () => {
    const { driver, ip } = setUp();
    await driver.attach(ENDPOINT, OPTIONS);
    ip.batch = async () => Promise.reject(new HeddleError('internal', 'busy'));
    await expect(driver.detach(ENDPOINT)).rejects.toThrow('busy');
  });

  it('takes for attached the ports of its bridge that are an endpoint’s, and no others', async () => {
    const { driver, ovs } = setUp();
    await driver.attach(ENDPOINT, OPTIONS);
    await ovs.ensurePort({ bridge: 'br', name: 'br', type: 'internal' });
    await ovs.ensurePort({ bridge: 'other', name: 'hd2', type: '', externalIds: portIds(ENDPOINT) });
    expect(await driver.attached()).toEqual([ENDPOINT]);
  });

  it.each([
    ['link index', { 'heddle-link-index': '0' }],
    ['link index', { 'heddle-link-index': '99999' }],
    ['address', { 'heddle-address': 'nowhere' }],
    ['MAC address', { 'heddle-mac': '02:48' }],
    ['EPG', { 'heddle-epg': '' }],
  ])('does not take a port for attached whose %s is none', async (_what, ids) => {
    const { driver, ovs } = setUp();
    const externalIds = { ...portIds(ENDPOINT), ...ids };
    await ovs.ensurePort({ bridge: 'br', name: ENDPOINT.port, type: '', externalIds });
    expect(await driver.attached()).toEqual([]);
  });
});
