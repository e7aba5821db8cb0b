import { HeddleError } from '@heddle/model';
import { attachmentDriverContract } from './attachment-driver-contract';
import { FakeAttachmentDriver } from './fake-attachment-driver';
import { attachedEndpoint } from './parts';

const CHILD = { uplink: 'eth0', mode: 'vepa', tagging: 'access', vlan: 101 } as const;

describe.each(['ovs', 'macvlan'] as const)('the fake of driver %s', (kind) => {
  attachmentDriverContract('the fake', async () => {
    const driver = new FakeAttachmentDriver(kind);
    const { host } = driver;
    return {
      driver,
      problems: driver.problems,
      ...(kind === 'macvlan' ? { facts: { macvlan: CHILD } } : {}),
      restarted: () => new FakeAttachmentDriver(kind, host),
      failNext: (method, message) => driver.fail(method, new HeddleError('unavailable', message)),
      link: async (name) => {
        const found = [...host.attachments.values()].find((a) => a.interface.name === name && a.hasDevice);
        return found && { mac: found.mac, mtu: found.mtu };
      },
      loseDevice: async ({ port }) => driver.loseDevice(port),
      hideHost: async () => {
        host.visible = false;
        return async () => void (host.visible = true);
      },
      added: async () => [...host.attachments.keys()],
    };
  });

  it('gives a port number only where the switch of the host enforces', async () => {
    const { ofport } = await new FakeAttachmentDriver(kind).attach(attachedEndpoint('e1', '10.32.0.5'), { mtu: 1400 });
    expect(ofport).toBe(kind === 'ovs' ? 1 : undefined);
  });
});
