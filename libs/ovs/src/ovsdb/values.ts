import { HeddleError } from '@heddle/model';

/** Values of RFC 7047, section 5.1: an atom, a set, a map, or a reference to a row. */
export type Atom = string | number | boolean | Uuid | NamedUuid;
export type Uuid = readonly ['uuid', string];
export type NamedUuid = readonly ['named-uuid', string];
export type SetValue = readonly ['set', readonly Atom[]];
export type MapValue = readonly ['map', readonly (readonly [Atom, Atom])[]];
export type Value = Atom | SetValue | MapValue;
export type Row = Readonly<Record<string, Value>>;

/** A reference to an existing row. */
export const uuid = (id: string): Uuid => ['uuid', id];
/** A reference to a row that the same transaction inserts under this name. */
export const namedUuid = (name: string): NamedUuid => ['named-uuid', name];
export const setOf = (atoms: readonly Atom[]): SetValue => ['set', atoms];
export const mapOf = (entries: Readonly<Record<string, string>>): MapValue => ['map', Object.entries(entries)];

function isTagged(value: Value, tag: 'set' | 'map' | 'uuid'): boolean {
  return Array.isArray(value) && value[0] === tag;
}

/** The members of a set; OVSDB writes a set of one member as the bare atom. A missing column is an empty set. */
export function members(value: Value | undefined): readonly Atom[] {
  if (value === undefined) return [];
  if (isTagged(value, 'set')) return (value as SetValue)[1];
  return [value as Atom];
}

/** The only member of a set with at most one. */
export function optional(value: Value | undefined): Atom | undefined {
  return members(value)[0];
}

export function optionalNumber(value: Value | undefined): number | undefined {
  const atom = optional(value);
  return typeof atom === 'number' ? atom : undefined;
}

export function optionalString(value: Value | undefined): string | undefined {
  const atom = optional(value);
  return typeof atom === 'string' ? atom : undefined;
}

/** The ids of the rows that a column refers to. */
export function references(value: Value | undefined): string[] {
  return members(value)
    .filter((atom): atom is Uuid => Array.isArray(atom) && atom[0] === 'uuid')
    .map((atom) => atom[1]);
}

/** A map of strings. A missing column is an empty map. */
export function stringMap(value: Value | undefined): Record<string, string> {
  if (value === undefined) return {};
  if (!isTagged(value, 'map')) {
    throw new HeddleError('internal', `expected an OVSDB map, found ${JSON.stringify(value)}`);
  }
  return Object.fromEntries((value as MapValue)[1].map(([key, item]) => [String(key), String(item)]));
}
