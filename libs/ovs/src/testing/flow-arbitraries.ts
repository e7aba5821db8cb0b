import {
  FIELD_INFO,
  FIELDS,
  ones,
  referenceBits,
  type Action,
  type Field,
  type Flow,
  type Match,
  type SubField,
} from '@heddle/pipeline';
import fc from 'fast-check';

/** Random flows that OpenFlow can express; a real switch would refuse most of them for want of prerequisites. */

const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: ones(bits) });
const table = fc.integer({ min: 0, max: 254 });
const field = fc.constantFrom(...FIELDS);

/** Values that the canonical form would change, or that OpenFlow cannot express, are left out for `vlan_tci`. */
const vlanMatch = fc.constantFrom(
  { value: 0n, mask: 0x1fffn },
  { value: 0x1000n, mask: 0x1000n },
  { value: 0x1064n, mask: 0x1fffn },
  { value: 0x1004n, mask: 0x100fn },
  0xf064n,
  0x1001n,
);

function fieldMatch(name: Field): fc.Arbitrary<Match> {
  const { bits } = FIELD_INFO[name];
  if (name === 'vlan_tci') return vlanMatch.map((match) => ({ [name]: match }));
  const exact = uint(bits);
  const masked = fc
    .tuple(uint(bits), fc.bigInt({ min: 1n, max: ones(bits) }))
    .map(([value, mask]) => ({ value, mask }));
  return (name === 'in_port' ? exact : fc.oneof(exact, masked)).map((match) => ({ [name]: match }));
}

export const arbitraryMatch: fc.Arbitrary<Match> = fc
  .uniqueArray(field, { maxLength: 12 })
  .chain((fields) => fc.tuple(...fields.map(fieldMatch)))
  .map((parts) => Object.assign({}, ...parts) as Match);

const part = (name: Field, most: number): fc.Arbitrary<SubField> => {
  const width = referenceBits(name);
  return fc
    .integer({ min: 1, max: Math.min(most, width) })
    .chain((bits) => fc.integer({ min: 0, max: width - bits }).map((offset) => ({ field: name, offset, bits })));
};
const anyPart = field.chain((name) => part(name, 64));

const setField: fc.Arbitrary<Action> = field
  .filter((name) => name !== 'in_port')
  .chain((name) =>
    fc.record({
      type: fc.constant('set_field' as const),
      field: fc.constant(name),
      value: uint(FIELD_INFO[name].bits),
      mask: fc.option(fc.bigInt({ min: 1n, max: ones(FIELD_INFO[name].bits) }), { nil: undefined }),
    }),
  );

const move: fc.Arbitrary<Action> = fc.tuple(field, field).chain(([from, to]) => {
  const most = Math.min(referenceBits(from), referenceBits(to));
  return fc.tuple(part(from, most), part(to, most)).map(([source, target]) => {
    const bits = Math.min(source.bits, target.bits);
    return { type: 'move', source: { ...source, bits }, target: { ...target, bits } };
  });
});

const port = fc.oneof(
  fc.integer({ min: 0, max: 0xfeff }),
  fc.constantFrom(
    'in_port' as const,
    'local' as const,
    'controller' as const,
    'normal' as const,
    'flood' as const,
    'all' as const,
  ),
);

const plain: fc.Arbitrary<Action> = fc.oneof(
  setField,
  move,
  port.map((p): Action => ({ type: 'output', port: p })),
  anyPart.map((source): Action => ({ type: 'output_reg', source })),
  anyPart.map((source): Action => ({ type: 'push', source })),
  anyPart.map((target): Action => ({ type: 'pop', target })),
  table.map((t): Action => ({ type: 'resubmit', table: t })),
  fc.constantFrom<Action>({ type: 'push_vlan' }, { type: 'pop_vlan' }, { type: 'dec_ttl' }),
);

const ct: fc.Arbitrary<Action> = fc.record(
  {
    type: fc.constant('ct' as const),
    commit: fc.boolean(),
    zone: fc.oneof(fc.integer({ min: 0, max: 0xffff }), anyPart),
    table,
    exec: fc.array(fc.oneof(setField, move), { maxLength: 3 }),
  },
  { requiredKeys: ['type', 'zone'] },
);

export const arbitraryActions: fc.Arbitrary<readonly Action[]> = fc
  .tuple(
    fc.option(fc.integer({ min: 1, max: 0xffff }), { nil: undefined }),
    fc.array(fc.oneof(plain, ct), { maxLength: 6 }),
    fc.option(table, { nil: undefined }),
  )
  .map(([meter, actions, next]) => [
    ...(meter === undefined ? [] : [{ type: 'meter' as const, meter }]),
    ...actions,
    ...(next === undefined ? [] : [{ type: 'goto' as const, table: next }]),
  ]);

export const arbitraryFlow: fc.Arbitrary<Flow> = fc.record({
  table,
  priority: fc.integer({ min: 0, max: 0xffff }),
  cookie: uint(64),
  match: arbitraryMatch,
  actions: arbitraryActions,
  hardTimeout: fc.integer({ min: 0, max: 0xffff }),
  idleTimeout: fc.integer({ min: 0, max: 0xffff }),
});
