import { mapOf, members, optional, optionalNumber, optionalString, references, setOf, stringMap, uuid } from './values';

describe('OVSDB values', () => {
  it('reads a set of one member that is written as the bare atom', () => {
    expect(members(['set', []])).toEqual([]);
    expect(members(['set', [1, 2]])).toEqual([1, 2]);
    expect(members(5)).toEqual([5]);
    expect(members(uuid('a'))).toEqual([['uuid', 'a']]);
    expect(members(undefined)).toEqual([]);
  });

  it('reads optional columns', () => {
    expect(optional(['set', []])).toBeUndefined();
    expect(optionalNumber(7)).toBe(7);
    expect(optionalNumber('7')).toBeUndefined();
    expect(optionalString('x')).toBe('x');
    expect(optionalString(['set', []])).toBeUndefined();
  });

  it('reads references', () => {
    expect(references(setOf([uuid('a'), uuid('b')]))).toEqual(['a', 'b']);
    expect(references(uuid('a'))).toEqual(['a']);
    expect(references(['set', []])).toEqual([]);
  });

  it('writes and reads maps of strings', () => {
    expect(stringMap(mapOf({ a: '1', b: '2' }))).toEqual({ a: '1', b: '2' });
    expect(stringMap(undefined)).toEqual({});
    expect(() => stringMap(5)).toThrow(/OVSDB map/);
  });
});
