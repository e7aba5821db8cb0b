/** A run of VLAN ids, both ends included. */
export interface VlanRange {
  readonly from: number;
  readonly to: number;
}

/** Reads the VLAN pool of a Domain, such as `100-199,300`, which its schema has checked. */
export const vlanRanges = (text: string): VlanRange[] =>
  text.split(',').map((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return { from, to };
  });

export const hasVlan = (ranges: readonly VlanRange[], vlan: number): boolean =>
  ranges.some(({ from, to }) => from <= vlan && vlan <= to);

/** The spelling of an encapsulation: `vlan-100`. */
export const encapOf = (vlan: number): string => `vlan-${vlan}`;
