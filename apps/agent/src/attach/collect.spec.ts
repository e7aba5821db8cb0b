import { FakeClock } from '@heddle/host';
import { HeddleError } from '@heddle/model';
import { addressesOf, openJournal } from '../testing/attach';
import { FakeAttachmentDriver } from '../testing/fake-attachment-driver';
import { attachedEndpoint } from '../testing/parts';
import { collect, keepCollecting } from './collect';

const MINUTE = 60_000;
const BORN = Date.UTC(2026, 0, 1);

describe('collect', () => {
  async function setUp(change: (attachments: FakeAttachmentDriver) => void, now = BORN + 11 * MINUTE) {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal, () => now);
    const attachments = new FakeAttachmentDriver();
    const ours = attachedEndpoint('ours', '10.32.0.2', { allocation: 'acme/shop/web-1', linkIndex: 1 });
    const users = attachedEndpoint('users', '10.32.0.3', { linkIndex: 2 });
    for (const endpoint of [ours, users]) {
      await journal.putEndpoint({ ...endpoint, since: new Date(BORN).toISOString(), networkId: 'n', prefix: 16 });
      await attachments.attach(endpoint, { mtu: 1450 });
    }
    await addresses.reserve('acme/default', 'allocation:acme/shop/web-1', '10.32.0.2');
    await addresses.reserve('acme/default', 'docker:run1-1', '10.32.0.3');
    change(attachments);
    const run = async () => {
      const forgotten = await collect({ journal, addresses, attachments, now: () => now });
      return forgotten.map((e) => e.endpointId);
    };
    return { journal, addresses, attachments, run };
  }
  const loseBoth = (attachments: FakeAttachmentDriver): void =>
    ['hdours', 'hdusers'].forEach((port) => attachments.loseDevice(port));

  it('forgets endpoints without a device, and frees the addresses that nobody else will free', async () => {
    const { journal, addresses, attachments, run } = await setUp(loseBoth);
    expect(await run()).toEqual(['ours', 'users']);
    expect(await attachments.attached()).toEqual([]);
    expect(journal.state.endpoints).toEqual({});
    expect(addresses.owner('acme/default', '10.32.0.2')).toBe('allocation:acme/shop/web-1');
    expect(addresses.owner('acme/default', '10.32.0.3')).toBeUndefined();
  });

  it('leaves alone what has its device', async () => {
    const { attachments, run } = await setUp((attachments) => attachments.loseDevice('hdours'));
    expect(await run()).toEqual(['ours']);
    expect(attachments.detached).toEqual(['ours']);
  });

  it('leaves alone what the engine may be about to join', async () => {
    const { attachments, run } = await setUp(loseBoth, BORN + 9 * MINUTE);
    expect(await run()).toEqual([]);
    expect(attachments.detached).toEqual([]);
  });

  it('deletes nothing while the host is not seen whole', async () => {
    const { attachments, run } = await setUp((attachments) => {
      loseBoth(attachments);
      attachments.host.visible = false;
    });
    expect(await run()).toEqual([]);
    expect(attachments.detached).toEqual([]);
  });

  it('leaves alone what the engine ended while it looked, and the address that another has by then', async () => {
    const { journal, addresses, attachments, run } = await setUp(loseBoth);
    const running = run();
    await journal.removeEndpoint('users');
    expect(await running).toEqual(['ours']);
    expect(attachments.detached).toEqual(['ours']);
    expect(addresses.owner('acme/default', '10.32.0.3')).toBe('docker:run1-1');
  });

  it('forgets the rest the next time when one cannot be detached', async () => {
    const { journal, attachments, run } = await setUp(loseBoth);
    attachments.fail('detach', new HeddleError('deadline', 'vswitchd hangs'));
    await expect(run()).rejects.toThrow('vswitchd hangs');
    expect(Object.keys(journal.state.endpoints)).toEqual(['ours', 'users']);
    expect(await run()).toEqual(['ours', 'users']);
  });
});

describe('keepCollecting', () => {
  it('collects at once and every minute, one at a time, and goes on after a failure', async () => {
    const clock = new FakeClock();
    const errors: string[] = [];
    let runs = 0;
    let release: () => void = () => undefined;
    const end = keepCollecting(
      () => {
        runs += 1;
        if (runs === 1) return Promise.reject(new Error('ip failed'));
        return new Promise((resolve) => (release = resolve));
      },
      (error) => errors.push(error.message),
      clock,
    );
    await clock.advance(0);
    expect([runs, errors]).toEqual([1, ['ip failed']]);
    await clock.advance(3 * MINUTE);
    expect(runs).toBe(2);
    release();
    await clock.advance(MINUTE);
    expect(runs).toBe(3);
    end();
    expect(clock.pendingTimers).toBe(0);
  });
});
