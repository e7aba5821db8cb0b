import fc from 'fast-check';
import { canonicalActions, canonicalFlow, canonicalMatch, flowKey, sameFlow, wholeField } from './canonical';
import { exactMask, FIELD_INFO, ones } from './fields';
import { FIELDS, type Action, type Flow, type Match } from './flow';

const flow = (part: Partial<Flow> = {}): Flow => ({
  table: 0,
  priority: 1,
  cookie: 0n,
  match: {},
  actions: [],
  ...part,
});
const set = (field: 'reg0' | 'reg1', value: bigint, mask?: bigint): Action => ({
  type: 'set_field',
  field,
  value,
  mask,
});

describe('canonicalMatch', () => {
  it('drops masks that are exact or empty, and bits outside of a mask', () => {
    const match: Match = {
      reg0: { value: 0x12n, mask: 0xf0n },
      reg1: { value: 5n, mask: 0xffffffffn },
      reg2: { value: 5n, mask: 0n },
      ip_src: { value: 0x0a010203n, mask: 0xff000000n },
    };
    expect(canonicalMatch(match)).toEqual({
      reg0: { value: 0x10n, mask: 0xf0n },
      reg1: 5n,
      ip_src: { value: 0x0a000000n, mask: 0xff000000n },
    });
  });

  it('puts fields in an order that satisfies the prerequisites of OpenFlow', () => {
    const match: Match = { tcp_dst: 80n, ct_tp_dst: 1n, ct_state: 0x20n, ip_proto: 6n, eth_type: 0x800n };
    expect(Object.keys(canonicalMatch(match))).toEqual(['eth_type', 'ip_proto', 'tcp_dst', 'ct_state', 'ct_tp_dst']);
  });

  it('keeps only the bits of ct_state that the switch knows', () => {
    expect(canonicalMatch({ ct_state: { value: 0x21n, mask: 0xffffffffn } })).toEqual({ ct_state: 0x21n });
  });

  it('knows that a frame without a tag has no priority', () => {
    const untagged = { vlan_tci: { value: 0n, mask: 0x1fffn } };
    expect(canonicalMatch({ vlan_tci: 0n })).toEqual(untagged);
    expect(canonicalMatch({ vlan_tci: { value: 0x2000n, mask: 0xffffn } })).toEqual(untagged);
    expect(canonicalMatch(untagged)).toEqual(untagged);
    expect(canonicalMatch({ vlan_tci: 0x3064n })).toEqual({ vlan_tci: 0x3064n });
  });

  it('numbers the reserved ports in one way', () => {
    expect(canonicalMatch({ in_port: 65534n })).toEqual({ in_port: 0xfffffffen });
    expect(canonicalMatch({ in_port: 7n })).toEqual({ in_port: 7n });
  });
});

describe('canonicalActions', () => {
  it('makes one set of several that follow each other', () => {
    expect(canonicalActions([set('reg0', 1n, 0xfn), set('reg0', 0x20n, 0xf0n), set('reg1', 1n)])).toEqual([
      set('reg0', 0x21n, 0xffn),
      { type: 'set_field', field: 'reg1', value: 1n },
    ]);
    expect(canonicalActions([set('reg0', 5n), set('reg0', 0n, 1n)])).toEqual([
      { type: 'set_field', field: 'reg0', value: 4n },
    ]);
  });

  it('does not join sets that something stands between', () => {
    const actions: Action[] = [set('reg0', 1n), { type: 'resubmit', table: 1 }, set('reg0', 2n)];
    expect(canonicalActions(actions)).toHaveLength(3);
  });

  it('drops a set of no bits and an empty exec', () => {
    expect(canonicalActions([set('reg0', 1n, 0n), { type: 'ct', zone: 1, exec: [], commit: false }])).toEqual([
      { type: 'ct', zone: 1 },
    ]);
  });

  it('names reserved ports', () => {
    const outputs = [65534, 0xfffffffe, 0xfffffff8, 5].map((port): Action => ({ type: 'output', port }));
    expect(canonicalActions(outputs).map((action) => action.type === 'output' && action.port)).toEqual([
      'local',
      'local',
      'in_port',
      5,
    ]);
  });
});

const field = fc.constantFrom(...FIELDS);
const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: ones(bits) });
const arbitraryMatch: fc.Arbitrary<Match> = fc.uniqueArray(field, { maxLength: 8 }).chain((fields) =>
  fc
    .tuple(
      ...fields.map((name) => {
        const { bits } = FIELD_INFO[name];
        return fc
          .oneof(uint(bits), fc.record({ value: uint(bits), mask: uint(bits) }))
          .map((m): Match => ({ [name]: m }));
      }),
    )
    .map((parts) => Object.assign({}, ...parts) as Match),
);
const setAction: fc.Arbitrary<Action> = fc
  .tuple(fc.constantFrom('reg0' as const, 'reg1' as const), uint(8), fc.option(uint(8), { nil: undefined }))
  .map(([name, value, mask]) => set(name, value, mask));

describe('a canonical flow', () => {
  const arbitraryFlow = fc.record({ match: arbitraryMatch, actions: fc.array(setAction) }).map(flow);

  it('is its own canonical form', () => {
    fc.assert(
      fc.property(arbitraryFlow, (one) => {
        const canonical = canonicalFlow(one);
        expect(canonicalFlow(canonical)).toEqual(canonical);
      }),
    );
  });

  it('is the same flow', () => {
    fc.assert(fc.property(arbitraryFlow, (one) => expect(sameFlow(one, canonicalFlow(one))).toBe(true)));
  });

  it('is equal exactly where the key is equal', () => {
    fc.assert(
      fc.property(arbitraryMatch, arbitraryMatch, (a, b) => {
        const equal = JSON.stringify(canonicalMatch(a), text) === JSON.stringify(canonicalMatch(b), text);
        expect(flowKey(flow({ match: a })) === flowKey(flow({ match: b }))).toBe(equal);
      }),
    );
  });

  it('leaves the registers with the same bits', () => {
    const run = (actions: readonly Action[]): Record<string, bigint> => {
      const registers: Record<string, bigint> = { reg0: 0xa5a5a5a5n, reg1: 0x5a5a5a5an };
      for (const action of actions) {
        if (action.type !== 'set_field') continue;
        const mask = action.mask ?? exactMask(action.field);
        registers[action.field] = ((registers[action.field] ?? 0n) & ~mask) | (action.value & mask);
      }
      return registers;
    };
    fc.assert(
      fc.property(fc.array(setAction), (actions) => expect(run(canonicalActions(actions))).toEqual(run(actions))),
    );
  });
});

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);

describe('the identity of a flow', () => {
  it('is table, priority and match', () => {
    const base = flow({ match: { reg0: 1n } });
    expect(flowKey(base)).toBe(flowKey({ ...base, cookie: 9n, actions: [{ type: 'dec_ttl' }], hardTimeout: 3 }));
    const others = [
      { ...base, table: 1 },
      { ...base, priority: 2 },
      { ...base, match: { reg0: 2n } },
      { ...base, match: { reg0: { value: 1n, mask: 1n } } },
      { ...base, match: { reg1: 1n } },
      { ...base, unknownMatch: ['8000120101'] },
    ];
    expect(new Set([base, ...others].map(flowKey)).size).toBe(others.length + 1);
  });

  it('is not enough to be the same flow: cookie, time-outs and actions count as well', () => {
    const base = flow({ cookie: 1n, actions: [{ type: 'ct', zone: 1, commit: true }] });
    const changes: Partial<Flow>[] = [
      { cookie: 2n },
      { hardTimeout: 5 },
      { idleTimeout: 5 },
      { actions: [] },
      { actions: [{ type: 'ct', zone: 2, commit: true }] },
      { actions: [{ type: 'ct', zone: wholeField('reg4'), commit: true }] },
      { actions: [{ type: 'ct', zone: 1 }] },
      { actions: [{ type: 'ct', zone: 1, commit: true, table: 3 }] },
      { actions: [{ type: 'ct', zone: 1, commit: true, exec: [set('reg0', 1n)] }] },
    ];
    for (const change of changes) expect(sameFlow(base, { ...base, ...change })).toBe(false);
    expect(sameFlow(base, { ...base, hardTimeout: 0 })).toBe(true);
  });

  it('is different for every kind of action', () => {
    const part = wholeField('reg0');
    const actions: Action[] = [
      { type: 'output', port: 1 },
      { type: 'output_reg', source: part },
      { type: 'move', source: part, target: wholeField('reg1') },
      { type: 'push', source: part },
      { type: 'pop', target: part },
      { type: 'push_vlan' },
      { type: 'pop_vlan' },
      { type: 'dec_ttl' },
      { type: 'resubmit', table: 1 },
      { type: 'goto', table: 1 },
      { type: 'unknown', kind: 'action', hex: '00' },
      { type: 'unknown', kind: 'instruction', hex: '00' },
    ];
    for (const a of actions) {
      for (const b of actions) {
        expect(sameFlow(flow({ actions: [a] }), flow({ actions: [b] }))).toBe(a === b);
      }
    }
  });
});
