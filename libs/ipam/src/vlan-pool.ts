/** VLAN ids from `first` to `last`, both included. */
export interface VlanRange {
  readonly first: number;
  readonly last: number;
}

/** Reads a pool as a Domain writes it, `100-199,300`: ranges in ascending order that neither touch nor overlap. */
export function vlanRanges(pool: string): VlanRange[] {
  const written = pool
    .split(',')
    .map((part): VlanRange => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return { first, last };
    })
    .sort((a, b) => a.first - b.first);
  const ranges: VlanRange[] = [];
  for (const range of written) {
    const before = ranges.at(-1);
    if (before && range.first <= before.last + 1) {
      ranges[ranges.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
    } else ranges.push(range);
  }
  return ranges;
}

/** How many VLANs a pool has. */
export const vlanCount = (pool: string): number =>
  vlanRanges(pool).reduce((sum, { first, last }) => sum + last - first + 1, 0);

export const hasVlan = (pool: string, vlan: number): boolean =>
  vlanRanges(pool).some(({ first, last }) => first <= vlan && vlan <= last);

/** The VLANs of a pool, the lowest first. */
export function* vlansOf(pool: string): Generator<number> {
  for (const { first, last } of vlanRanges(pool)) for (let vlan = first; vlan <= last; vlan++) yield vlan;
}

/** The lowest VLAN that two pools have in common; undefined when they have none. */
export function commonVlan(a: string, b: string): number | undefined {
  const others = vlanRanges(b);
  for (const { first, last } of vlanRanges(a)) {
    const other = others.find((range) => range.first <= last && range.last >= first);
    if (other) return Math.max(first, other.first);
  }
  return undefined;
}
