import { FakeIpCommand } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { UplinkDevices } from './uplink-devices';

describe('UplinkDevices', () => {
  it('says which interfaces are not there, while they are not', async () => {
    const ip = new FakeIpCommand();
    await ip.batch([['link', 'add', 'name', 'eth1', 'type', 'veth', 'peer', 'name', 'far']]);
    let changes = 0;
    const errors: string[] = [];
    const uplinks = { fabric: { interface: 'eth1' }, macvlan: { interface: 'eth77' } };
    const devices = new UplinkDevices({
      ip,
      uplinks,
      onChange: () => void (changes += 1),
      onError: ({ message }) => errors.push(message),
    });
    const look = async (): Promise<unknown> => {
      devices.refresh();
      await devices.idle();
      return devices.problems;
    };
    const missing = {
      macvlan: 'its interface eth77 is not on this host; put it there, or correct the uplinks of the host',
    };
    expect(await look()).toEqual(missing);
    expect(await look()).toEqual(missing);
    expect(changes).toBe(1);
    // That it cannot be looked says nothing of the interfaces.
    const fails = jest.spyOn(ip, 'link').mockRejectedValue(new HeddleError('unavailable', 'there is no ip'));
    expect([await look(), await look(), errors]).toEqual([missing, missing, ['there is no ip']]);
    fails.mockRestore();
    await ip.batch([['link', 'add', 'name', 'eth77', 'type', 'veth', 'peer', 'name', 'far7']]);
    expect(await look()).toEqual({});
    expect(changes).toBe(2);
  });
});
