import { FakePortDatabase } from '../testing/fake-port-database';
import { UplinkPorts } from './uplink-ports';
import { HeddleError } from '@heddle/model';

const UPLINKS = { fabric: { interface: 'eth1' }, wan: { interface: 'eth0' } };

function setUp(addresses: Record<string, string[]> = {}) {
  const ovs = new FakePortDatabase();
  let changes = 0;
  const ports = new UplinkPorts({
    ovs,
    bridge: 'br',
    uplinks: UPLINKS,
    onChange: () => void (changes += 1),
    addressesOf: (name) => addresses[name] ?? [],
  });
  const names = async () => (await ovs.listPorts('br')).map((port) => port.name);
  return { ovs, ports, names, changes: () => changes };
}

describe('UplinkPorts', () => {
  it('adds what is wanted to the bridge, and takes it away when it is not any more', async () => {
    const { ports, names } = setUp();
    ports.want(new Set(['fabric', 'another']));
    await ports.idle();
    expect(await names()).toEqual(['eth1']);
    ports.want(new Set());
    await ports.idle();
    expect(await names()).toEqual([]);
    expect([ports.problems, ports.trouble]).toEqual([{}, undefined]);
  });

  it('takes away what an earlier run added, and no port of anybody else', async () => {
    const { ovs, ports, names } = setUp();
    await ovs.ensurePort({ bridge: 'br', name: 'eth7', type: '', externalIds: { 'heddle-uplink': 'old' } });
    await ovs.ensurePort({ bridge: 'br', name: 'theirs', type: '' });
    ports.refresh();
    await ports.idle();
    expect(await names()).toEqual(['theirs']);
  });

  it('never takes an interface that has an address', async () => {
    const { ports, names, changes } = setUp({ eth0: ['198.51.100.7'] });
    ports.want(new Set(['wan']));
    await ports.idle();
    expect(await names()).toEqual([]);
    expect(ports.problems).toEqual({ wan: expect.stringMatching(/^its interface eth0 has the address 198.51.100.7/) });
    expect(changes()).toBe(1);
  });

  it('says what the switch cannot use, and takes the others all the same', async () => {
    const { ovs, ports, names, changes } = setUp();
    const reason = 'the switch cannot use port eth1: could not open network device eth1 (No such device)';
    ovs.failures.set('ensurePort', [new HeddleError('not-found', reason)]);
    ports.want(new Set(['fabric', 'wan']));
    await ports.idle();
    expect([ports.problems, ports.trouble]).toEqual([{ fabric: reason }, undefined]);
    expect(await names()).toEqual(['eth0']);
    // It still holds while nobody answers.
    ovs.failures.set('ensurePort', [new HeddleError('unavailable', 'the database is away')]);
    ports.refresh();
    await ports.idle();
    expect([ports.problems, ports.trouble]).toEqual([{ fabric: reason }, 'uplinks: the database is away']);
    ports.refresh();
    await ports.idle();
    expect([ports.problems, ports.trouble, changes()]).toEqual([{}, undefined, 3]);
    expect(await names()).toEqual(['eth0', 'eth1']);
  });

  it('says that the database is away, and comes back to it', async () => {
    const { ovs, ports, names } = setUp();
    ovs.failures.set('ensurePort', [new HeddleError('unavailable', 'the database is away')]);
    ports.want(new Set(['fabric']));
    await ports.idle();
    expect([ports.problems, ports.trouble]).toEqual([{}, 'uplinks: the database is away']);
    ports.refresh();
    await ports.idle();
    expect([ports.trouble, await names()]).toEqual([undefined, ['eth1']]);
  });
});
