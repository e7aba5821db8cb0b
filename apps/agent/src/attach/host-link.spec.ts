import { FakeClock, FakeIpCommand } from '@heddle/host';
import { FakePortDatabase } from '../testing/fake-port-database';
import { ensureBridge, ensureHostLink, HOST_LINK_ID, HOST_LINK_INTERFACE, keepHostLink } from './host-link';

describe('the host link', () => {
  it('is a port of a bridge that lets nothing through by itself', async () => {
    const ovs = new FakePortDatabase();
    await ensureBridge(ovs, { bridge: 'br', datapathType: 'netdev' });
    expect(ovs.bridges.get('br')).toMatchObject({ failMode: 'secure', datapathType: 'netdev' });
  });

  it('has its address and the route to the endpoints, however often it is made', async () => {
    const ovs = new FakePortDatabase();
    const ip = new FakeIpCommand();
    await ip.batch([['link', 'add', 'name', HOST_LINK_INTERFACE, 'type', 'dummy']]);
    for (let i = 0; i < 2; i++) await ensureHostLink(ovs, ip, 'br');
    expect(ovs.port(HOST_LINK_INTERFACE)).toMatchObject({ type: 'internal', externalIds: HOST_LINK_ID });
    expect(ip.commands.slice(1, 4).map(({ words }) => words.join(' '))).toEqual([
      'address replace 169.254.1.1/32 dev heddle0',
      'link set dev heddle0 up',
      'route replace 169.254.64.0/18 dev heddle0 src 169.254.1.1',
    ]);
  });

  it('is made anew when it is not in order, one attempt at a time, also after a failure', async () => {
    const clock = new FakeClock();
    const errors: string[] = [];
    let inOrder = true;
    let made = 0;
    const end = keepHostLink({
      clock,
      inOrder: () => inOrder,
      ensure: async () => {
        made += 1;
        if (made === 1) throw new Error('vswitchd is away');
        inOrder = true;
      },
      onError: (error) => errors.push(error.message),
    });
    await clock.advance(10_000);
    expect(made).toBe(0);
    inOrder = false;
    await clock.advance(10_000);
    expect([made, errors]).toEqual([2, ['vswitchd is away']]);
    end();
    expect(clock.pendingTimers).toBe(0);
  });
});
