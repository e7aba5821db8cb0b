import { systemClock, waitFor } from '@heddle/host';
import { Lease, MemoryStore, openLeases } from '@heddle/messaging';
import { HeddleError } from '@heddle/model';
import { silentLog } from '../logging/log';
import { Leadership, type Reign } from './leadership';

const WITHIN = { deadlineMs: 20_000, what: 'it', intervalMs: 5 };

describe('Leadership', () => {
  const store = new MemoryStore();
  const open: Leadership<Reign>[] = [];
  let begun: string[];

  beforeEach(() => (begun = []));
  afterEach(() => Promise.all(open.splice(0).map((leadership) => leadership.stop())));

  const start = async (name: string, begin?: () => Promise<void>): Promise<Leadership<Reign>> => {
    const lease = new Lease({ bucket: await openLeases(store), name: 'test', holder: name, ttlMs: 1_000 });
    const leadership = new Leadership<Reign>(lease, {
      clock: systemClock,
      log: silentLog(),
      begin: async () => {
        await begin?.();
        begun.push(`${name} begins`);
        return { stop: async () => void begun.push(`${name} ends`) };
      },
    });
    leadership.start();
    open.push(leadership);
    return leadership;
  };

  it('runs at one holder of the lease at a time, and passes to the next', async () => {
    const first = await start('first');
    await waitFor(() => first.current, WITHIN);
    const second = await start('second');
    expect(() => second.require('the policy service')).toThrow(expect.objectContaining({ code: 'unavailable' }));
    await first.stop();
    await waitFor(() => second.current, WITHIN);
    expect(begun).toEqual(['first begins', 'first ends', 'second begins']);
    expect(second.require('it')).toBe(second.current);
  });

  it('begins anew after a failure, and never before the end of what ran', async () => {
    const leadership = await start('one');
    await waitFor(() => leadership.current, WITHIN);
    leadership.restart(new HeddleError('state', 'the store was accepted anew'));
    await waitFor(() => begun.length === 3, WITHIN);
    expect(begun).toEqual(['one begins', 'one ends', 'one begins']);
  });

  it('tries again when it cannot begin', async () => {
    let failures = 1;
    const leadership = await start('one', async () => {
      if (failures-- > 0) throw new HeddleError('unavailable', 'not yet');
    });
    await waitFor(() => leadership.current, WITHIN);
    expect(begun).toEqual(['one begins']);
  });
});
