import { HEDDLE_BRIDGE, LEAF_BRIDGE } from './bridges';
import { leafPortName, linkOf, type CableName } from './names';
import { UNDERLAY_MTU } from './underlay';

/** Bytes of a packet on a cable of the fabric: one as long as on the underlay fits with a VLAN tag. */
export const FABRIC_MTU = UNDERLAY_MTU + 4;

/** A cable between a node and the leaf. */
export interface Cable {
  readonly name: CableName;
  /** Its end at the node, in the node's namespace. */
  readonly link: string;
  /** Its end at the leaf, a port of `bridge`. */
  readonly port: string;
  readonly bridge: string;
  readonly mtu: number;
  /** Of the node's end; without it the kernel chooses one. */
  readonly mac?: string;
  /**
   * Whether the node's end sends and takes packets with checksum and segmentation left undone: a kernel does, and a switch in
   * user space with its segmentation on. A switch without would drop them.
   */
  readonly offloads: boolean;
}

export interface CableEnd {
  readonly offloads: boolean;
  readonly mac?: string;
}

/** The cable of that name of a node. */
export function cableOf(lab: string, node: string, name: CableName, end: CableEnd): Cable {
  const ofUnderlay = name === 'underlay';
  return {
    name,
    link: linkOf(lab, name),
    port: leafPortName(lab, node, name),
    bridge: ofUnderlay ? LEAF_BRIDGE : HEDDLE_BRIDGE,
    mtu: ofUnderlay ? UNDERLAY_MTU : FABRIC_MTU,
    ...end,
  };
}

/**
 * Which end of a cable has to finish its packets by itself, because the other could not take them otherwise.
 * @param leafOffloads of the leaf, as `offloads` of the node's end
 */
export function finishingEnd(cable: Cable, leafOffloads: boolean): 'node' | 'leaf' | undefined {
  if (cable.offloads === leafOffloads) return undefined;
  return cable.offloads ? 'node' : 'leaf';
}
