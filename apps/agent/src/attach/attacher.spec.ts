import { FakeIpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { FakePortDatabase } from '../testing/fake-port-database';
import { attachedEndpoint } from '../testing/parts';
import { Attacher, insideName, portName } from './attacher';

const ID = '0123456789abcdef'.repeat(4);
const ENDPOINT = attachedEndpoint(ID, '10.32.0.5', { port: portName(ID) });

describe('Attacher', () => {
  function setUp(checksumsInSoftware = false) {
    const ip = new FakeIpCommand();
    const ovs = new FakePortDatabase();
    const errors: HeddleError[] = [];
    const options = { bridge: 'br', checksumsInSoftware, onError: (error: HeddleError) => errors.push(error) };
    return { ip, ovs, errors, attacher: new Attacher(ip, ovs, options) };
  }

  it('names both ends within what the kernel allows', () => {
    expect(portName(ID)).toHaveLength(15);
    expect(insideName(ID)).toHaveLength(15);
    expect(portName(ID)).not.toBe(insideName(ID));
  });

  it('makes a pair, one end up on the bridge with the facts of the endpoint, the other with its MAC and MTU', async () => {
    const { attacher, ip, ovs } = setUp();
    expect(await attacher.attach(ENDPOINT, 1400)).toEqual({ name: insideName(ID), ofport: 1 });
    expect(await ip.link(ENDPOINT.port)).toMatchObject({ mtu: 1400, operstate: 'UP' });
    expect(await ip.link(insideName(ID))).toMatchObject({ mtu: 1400, address: ENDPOINT.mac, operstate: 'DOWN' });
    expect(ovs.port(ENDPOINT.port)?.externalIds).toMatchObject({
      'heddle-endpoint': ID,
      'heddle-address': '10.32.0.5',
    });
    expect(ip.offloads).toEqual([]);
  });

  it('has checksums filled in for a datapath that cannot', async () => {
    const { attacher, ip } = setUp(true);
    await attacher.attach(ENDPOINT, 1400);
    expect(ip.offloads).toEqual([{ netns: '', link: insideName(ID), features: ['tx'] }]);
  });

  it('does not trust what an earlier attempt left', async () => {
    const { attacher, ip } = setUp();
    await ip.batch([['link', 'add', 'name', ENDPOINT.port, 'type', 'veth', 'peer', 'name', 'other']]);
    await attacher.attach(ENDPOINT, 1400);
    expect(await ip.link('other')).toBeUndefined();
    expect(await ip.link(insideName(ID))).toBeDefined();
  });

  it('leaves nothing behind when the switch does not take the port', async () => {
    const { attacher, ip, ovs } = setUp();
    ovs.failures.set('ensurePort', [new HeddleError('refused', 'no such device')]);
    await expect(attacher.attach(ENDPOINT, 1400)).rejects.toThrow('no such device');
    expect(await ip.links()).toEqual([]);
  });

  it('tells the first failure, and reports the one of undoing it', async () => {
    const { attacher, ovs, errors } = setUp();
    ovs.failures.set('ensurePort', [new HeddleError('deadline', 'first')]);
    ovs.failures.set('deletePort', [new HeddleError('deadline', 'second')]);
    await expect(attacher.attach(ENDPOINT, 1400)).rejects.toThrow('first');
    expect(errors.map((error) => error.message)).toEqual(['second']);
  });

  it('fails when the pair cannot be made for another reason than a left-over', async () => {
    const { attacher, ip } = setUp();
    ip.batch = async () => Promise.reject(new HeddleError('internal', 'out of memory'));
    await expect(attacher.attach(ENDPOINT, 1400)).rejects.toThrow('out of memory');
  });

  it('detaches what is there, and accepts what is not', async () => {
    const { attacher, ip, ovs } = setUp();
    await attacher.attach(ENDPOINT, 1400);
    expect(await attacher.isAlive(ENDPOINT.port)).toBe(true);
    for (let i = 0; i < 2; i++) await attacher.detach(ENDPOINT.port);
    expect(await attacher.isAlive(ENDPOINT.port)).toBe(false);
    expect(await ip.links()).toEqual([]);
    expect(ovs.port(ENDPOINT.port)).toBeUndefined();
  });

  it('does not take a link that cannot be removed for removed', async () => {
    const { attacher, ip } = setUp();
    await attacher.attach(ENDPOINT, 1400);
    ip.batch = async () => Promise.reject(new HeddleError('internal', 'busy'));
    await expect(attacher.detach(ENDPOINT.port)).rejects.toThrow('busy');
  });
});
