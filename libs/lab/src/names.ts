import { HeddleError } from '@heddle/model';
import { linkName } from '@heddle/host';

/** The switch that joins a lab's hosts, and the node that the control plane runs on. Hosts and servers have names of their own. */
export const LEAF = 'leaf';
export const CONTROL = 'ctl';

const LAB_NAME = /^[a-z][a-z0-9]{0,6}$/;
const NODE_NAME = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/;
const RESERVED = new Set([LEAF, CONTROL]);

/** @throws HeddleError `invalid`. Short, and without `-`, so that `LAB-` begins the names of one lab only. */
export function checkLabName(name: string): string {
  if (!LAB_NAME.test(name)) {
    throw new HeddleError(
      'invalid',
      `a lab is named with 1 to 7 of a-z 0-9, the first a letter, not "${name}": its namespaces and links carry the name`,
    );
  }
  return name;
}

/** @throws HeddleError `invalid`. Hosts and servers of a lab share their names. */
export function checkNodeName(kind: 'host' | 'server', name: string): string {
  if (!NODE_NAME.test(name) || RESERVED.has(name)) {
    const reserved = [...RESERVED].join(' and ');
    throw new HeddleError(
      'invalid',
      `a lab ${kind} is named with 1 to 20 of a-z 0-9 -, beginning with a letter and ending without -, not "${name}"; ${reserved} are taken`,
    );
  }
  return name;
}

/** Names for so many hosts: `h1`, `h2`, ... */
export function hostNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `h${i + 1}`);
}

/** The network namespace of a node of a lab. */
export function netnsName(lab: string, node: string): string {
  return `${lab}-${node}`;
}

/** The cables of the fabric that every host has, by the names under which Heddle knows them as its uplinks. */
export const UPLINKS = ['fabric', 'macvlan'] as const;
export type UplinkName = (typeof UPLINKS)[number];

/** The cables that a node may have to the leaf. A server has that of the fabric only, the control plane's node none of it. */
export const CABLES = ['underlay', ...UPLINKS] as const;
export type CableName = (typeof CABLES)[number];

/** The end of a cable at the node, in the node's namespace. */
export function linkOf(lab: string, cable: CableName): string {
  return cable === 'underlay' ? `${lab}-up` : `${lab}-${cable}`;
}

/** The end of a node's cable at the leaf, which is the name of the port there. `_` is in no name of a node. */
export function leafPortName(lab: string, node: string, cable: CableName): string {
  return linkName(`${lab}-`, cable === 'underlay' ? node : `${node}_${cable.charAt(0)}`);
}
