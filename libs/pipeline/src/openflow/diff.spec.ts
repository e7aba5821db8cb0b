import fc from 'fast-check';
import { canonicalFlow, flowKey, sameFlow } from './canonical';
import { applyChange, diffFlows, isEmptyChange } from './diff';
import type { Flow } from './flow';

const OURS = 1n;
const owned = (flow: Flow): boolean => flow.cookie >> 48n === OURS;
const flow = (part: Partial<Flow> = {}): Flow => ({
  table: 0,
  priority: 1,
  cookie: OURS << 48n,
  match: {},
  actions: [],
  ...part,
});

/** Flows over few places, so that two tables often meet in the same one. */
const flowOf = (owner: fc.Arbitrary<bigint>): fc.Arbitrary<Flow> =>
  fc.record({
    table: fc.integer({ min: 0, max: 1 }),
    priority: fc.integer({ min: 0, max: 2 }),
    cookie: owner.map((o) => (o << 48n) | 5n),
    match: fc.constantFrom({ reg0: 1n }, { reg0: { value: 0x11n, mask: 0xfn } }, { reg0: { value: 1n, mask: 0xfn } }),
    actions: fc.constantFrom<Flow['actions']>([], [{ type: 'dec_ttl' }], [{ type: 'output', port: 1 }]),
  });
const tableOf = (owner: fc.Arbitrary<bigint>): fc.Arbitrary<Flow[]> =>
  fc.uniqueArray(flowOf(owner), { selector: flowKey });
const ourTable = tableOf(fc.constant(OURS));
const anyTable = tableOf(fc.constantFrom(OURS, 2n));

const sorted = (flows: readonly Flow[]): Flow[] =>
  flows.map(canonicalFlow).sort((a, b) => (flowKey(a) < flowKey(b) ? -1 : 1));

describe('diffFlows', () => {
  it('is empty between a table and itself, however it is spelled', () => {
    fc.assert(
      fc.property(anyTable, (flows) => {
        expect(isEmptyChange(diffFlows(flows, flows.map(canonicalFlow), owned))).toBe(true);
      }),
    );
  });

  it('leads to the desired table when it is applied', () => {
    fc.assert(
      fc.property(ourTable, ourTable, (actual, desired) => {
        expect(sorted(applyChange(actual, diffFlows(actual, desired, owned)))).toEqual(sorted(desired));
      }),
    );
  });

  it('never touches a flow of another owner, and reports where one is in the way', () => {
    fc.assert(
      fc.property(anyTable, ourTable, (actual, desired) => {
        const diff = diffFlows(actual, desired, owned);
        const foreign = actual.filter((f) => !owned(f));
        const after = applyChange(actual, diff);
        expect(diff.remove.every(owned)).toBe(true);
        for (const f of foreign) expect(after.some((a) => sameFlow(a, f))).toBe(true);
        const taken = desired.filter((d) => foreign.some((f) => flowKey(f) === flowKey(d)));
        expect(diff.conflicts.map((conflict) => conflict.desired)).toEqual(taken);
        const free = desired.filter((d) => !taken.includes(d));
        expect(sorted(after)).toEqual(sorted([...foreign, ...free]));
      }),
    );
  });

  it('is empty once it was applied', () => {
    fc.assert(
      fc.property(anyTable, ourTable, (actual, desired) => {
        const after = applyChange(actual, diffFlows(actual, desired, owned));
        expect(isEmptyChange(diffFlows(after, desired, owned))).toBe(true);
      }),
    );
  });

  it('tells what is new, what is different and what is gone', () => {
    const same = flow({ priority: 1 });
    const before = flow({ priority: 2 });
    const after = flow({ priority: 2, actions: [{ type: 'dec_ttl' }] });
    const gone = flow({ priority: 3 });
    const fresh = flow({ priority: 4 });
    expect(diffFlows([same, before, gone], [same, after, fresh], owned)).toEqual({
      add: [fresh],
      modify: [after],
      remove: [gone],
      conflicts: [],
    });
  });

  it('refuses two different flows for one entry, and takes the same one twice', () => {
    const other = flow({ actions: [{ type: 'dec_ttl' }] });
    expect(() => diffFlows([], [flow(), other], owned)).toThrow(/two different flows for one entry: "cookie=.*dec_ttl/);
    expect(diffFlows([], [flow(), flow()], owned).add).toHaveLength(1);
  });
});
