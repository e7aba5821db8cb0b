import { FakeClock } from '@heddle/host';
import { ManualTerm } from '@heddle/messaging';
import { parseObject, type AnyObject, type Change } from '@heddle/model';
import { silentLog, type RpcClient } from '@heddle/service';
import { DesiredState } from '../state/desired-state';
import { Reign } from './reign';

const CALLER = { principal: 'admin', requestId: 'r1' };
const put = (name: string) => ({
  verb: 'apply',
  puts: [parseObject({ kind: 'Tenant', metadata: { name } }) as AnyObject],
  deletes: [],
});

describe('Reign', () => {
  it('answers with the position of a change that it does not get to see, and builds nothing more on what it sees', async () => {
    const clock = new FakeClock();
    const desired = new DesiredState();
    const written: Change[] = [];
    const reign = new Reign({
      term: new ManualTerm(1, 'test'),
      changes: { find: async () => undefined },
      writer: {
        get nextPosition() {
          return written.length + 1;
        },
        append: async (change) => {
          written.push(change);
          // The log cannot be followed any more from the moment in which the change is in it.
          desired.freeze();
          return { position: written.length };
        },
        close: () => undefined,
      },
      desired,
      rpc: { call: async () => ({ problems: [] }) } as unknown as RpcClient,
      clock,
      log: silentLog(),
      onCommitted: async () => undefined,
    });
    const [first, second] = await Promise.allSettled([
      reign.admit(put('acme'), CALLER, { deadlineMs: 5_000 }),
      reign.admit(put('umbrella'), CALLER, { deadlineMs: 5_000 }),
    ]);
    expect(first).toMatchObject({ status: 'fulfilled', value: { position: 1, change: { position: 1 } } });
    expect(second).toMatchObject({
      status: 'rejected',
      reason: { code: 'unavailable', message: expect.stringContaining('nothing was changed') },
    });
    expect(written).toHaveLength(1);
    await expect(reign.over).resolves.toMatchObject({ code: 'unavailable' });
  });
});
