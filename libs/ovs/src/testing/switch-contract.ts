import { canonicalFlow, flowKey, sameFlow, type Flow, type FlowChange } from '@heddle/pipeline';
import type { Switch } from '../openflow/switch';
import { flowCatalogue } from './flow-catalogue';

const OURS = 0xabcd_0000_0000_0000n;
const FOREIGN = 0x1111_0000_0000_0000n;

const change = (part: Partial<FlowChange>): FlowChange => ({ add: [], modify: [], remove: [], ...part });
const flow = (part: Partial<Flow>): Flow => ({
  table: 0,
  priority: 10,
  cookie: OURS,
  match: { reg0: 1n },
  actions: [{ type: 'output', port: 5 }],
  ...part,
});
const canonical = (flows: readonly Flow[]): Flow[] =>
  flows.map(canonicalFlow).sort((a, b) => (flowKey(a) < flowKey(b) ? -1 : 1));

/** What every switch must do, whether it is real or in memory. `make` gives one without flows. */
export function describeSwitch(make: () => Promise<Switch>): void {
  let sw: Switch;

  beforeEach(async () => {
    sw = await make();
  });

  it('gives back every kind of flow that it was given', async () => {
    const flows = flowCatalogue();
    await sw.apply(change({ add: flows }));
    expect(canonical(await sw.dump())).toEqual(canonical(flows));
  });

  it('puts a flow in the place of the one with the same table, priority and match', async () => {
    await sw.apply(change({ add: [flow({ cookie: OURS + 1n, hardTimeout: 600 })] }));
    const changed = flow({ cookie: OURS + 2n, actions: [{ type: 'output', port: 6 }], idleTimeout: 300 });
    await sw.apply(change({ modify: [changed] }));
    const flows = await sw.dump();
    expect(flows).toHaveLength(1);
    expect(sameFlow(flows[0] as Flow, changed)).toBe(true);
  });

  it('adds a modified flow that has gone', async () => {
    await sw.apply(change({ modify: [flow({})] }));
    expect(await sw.dump()).toHaveLength(1);
  });

  it('removes the very flow and none beside it', async () => {
    const stays = [flow({ priority: 11 }), flow({ table: 1 }), flow({ match: { reg0: { value: 1n, mask: 1n } } })];
    await sw.apply(change({ add: [flow({}), ...stays] }));
    await sw.apply(change({ remove: [flow({ actions: [] })] }));
    expect(canonical(await sw.dump())).toEqual(canonical(stays));
  });

  it('does not remove what another owner has put in the place', async () => {
    const foreign = flow({ cookie: FOREIGN });
    await sw.apply(change({ add: [foreign] }));
    await sw.apply(change({ remove: [flow({})] }));
    expect(canonical(await sw.dump())).toEqual(canonical([foreign]));
  });

  it('removes a flow of its owner whatever it stood for', async () => {
    await sw.apply(change({ add: [flow({ cookie: OURS + 7n })] }));
    await sw.apply(change({ remove: [flow({ cookie: OURS + 8n })] }));
    expect(await sw.dump()).toEqual([]);
  });

  it('changes nothing when one flow cannot be expressed', async () => {
    await sw.apply(change({ add: [flow({})] }));
    const tooLarge = flow({ priority: 20, match: { tcp_dst: 70_000n } });
    await expect(sw.apply(change({ add: [tooLarge], remove: [flow({})] }))).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('tcp_dst'),
    });
    expect(await sw.dump()).toHaveLength(1);
  });

  it('takes an empty change', async () => {
    await sw.apply(change({}));
    expect(await sw.dump()).toEqual([]);
  });

  it('dumps a table, and flows by parts of their cookies', async () => {
    const first = flow({ cookie: OURS + 1n });
    const second = flow({ cookie: OURS + 2n, table: 3 });
    const foreign = flow({ cookie: FOREIGN, priority: 1 });
    await sw.apply(change({ add: [first, second, foreign] }));
    expect(canonical(await sw.dump({ table: 3 }))).toEqual(canonical([second]));
    expect(canonical(await sw.dump({ cookie: OURS, cookieMask: 0xffffn << 48n }))).toEqual(canonical([first, second]));
    expect(canonical(await sw.dump({ cookie: OURS + 1n }))).toEqual(canonical([first]));
  });

  it('calls back at once when it is connected already', async () => {
    await sw.dump();
    let calls = 0;
    const stop = sw.onConnected(() => (calls += 1));
    expect(calls).toBe(1);
    stop();
  });
}
