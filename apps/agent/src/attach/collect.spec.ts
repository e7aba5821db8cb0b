import { FakeClock } from '@heddle/host';
import { addressesOf, openJournal } from '../testing/attach';
import { attachedEndpoint } from '../testing/parts';
import { collect, keepCollecting } from './collect';
import { HOST_LINK_INTERFACE } from './host-link';

const MINUTE = 60_000;
const BORN = Date.UTC(2026, 0, 1);

describe('collect', () => {
  async function setUp(devices: readonly string[], now: number) {
    const { journal } = await openJournal();
    const addresses = addressesOf(journal, () => now);
    const ours = attachedEndpoint('ours', '10.32.0.2', { allocation: 'acme/shop/web-1', linkIndex: 1 });
    const users = attachedEndpoint('users', '10.32.0.3', { linkIndex: 2 });
    for (const endpoint of [ours, users])
      await journal.putEndpoint({ ...endpoint, since: new Date(BORN).toISOString(), networkId: 'n', prefix: 16 });
    await addresses.reserve('acme/default', 'allocation:acme/shop/web-1', '10.32.0.2');
    await addresses.reserve('acme/default', 'docker:run1-1', '10.32.0.3');
    const detached: string[] = [];
    const gone = await collect({
      journal,
      addresses,
      attacher: { devices: async () => new Set(devices), detach: async (port) => void detached.push(port) },
      now: () => now,
    });
    return { journal, addresses, detached, gone: gone.map((e) => e.endpointId) };
  }

  it('forgets endpoints without a device, and frees the addresses that nobody else will free', async () => {
    const { journal, addresses, detached, gone } = await setUp([HOST_LINK_INTERFACE], BORN + 11 * MINUTE);
    expect(gone).toEqual(['ours', 'users']);
    expect(detached).toEqual(['hdours', 'hdusers']);
    expect(journal.state.endpoints).toEqual({});
    expect(addresses.owner('acme/default', '10.32.0.2')).toBe('allocation:acme/shop/web-1');
    expect(addresses.owner('acme/default', '10.32.0.3')).toBeUndefined();
  });

  it('leaves alone what has its device', async () => {
    const { gone, detached } = await setUp([HOST_LINK_INTERFACE, 'hdours', 'hdusers'], BORN + 11 * MINUTE);
    expect([gone, detached]).toEqual([[], []]);
  });

  it('leaves alone what the engine may be about to join', async () => {
    const { gone } = await setUp([HOST_LINK_INTERFACE], BORN + 9 * MINUTE);
    expect(gone).toEqual([]);
  });

  it('deletes nothing by a list that does not even have its own interface', async () => {
    const { gone } = await setUp([], BORN + 11 * MINUTE);
    expect(gone).toEqual([]);
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
