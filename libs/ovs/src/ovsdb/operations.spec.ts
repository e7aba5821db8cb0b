import { mapMutations, sameMap } from './operations';

describe('mutations of a map column', () => {
  it('touch only the keys that differ', () => {
    expect(mapMutations('external_ids', { a: '1', b: '2', c: null }, { a: '1', b: 'x', c: 'y', d: 'z' })).toEqual([
      ['external_ids', 'delete', ['set', ['b', 'c']]],
      ['external_ids', 'insert', ['map', [['b', '2']]]],
    ]);
  });

  it('are none when everything is as wanted', () => {
    expect(mapMutations('external_ids', { a: '1', b: null }, { a: '1', c: '3' })).toEqual([]);
    expect(mapMutations('external_ids', undefined, { a: '1' })).toEqual([]);
  });

  it('go with a comparison that ignores the order', () => {
    expect(sameMap({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true);
    expect(sameMap({ a: '1' }, { a: '1', b: '2' })).toBe(false);
    expect(sameMap({ a: '1' }, { b: '1' })).toBe(false);
  });
});
