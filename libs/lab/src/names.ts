import { HeddleError } from '@heddle/model';
import { linkName } from '@heddle/host';

/** The switch that joins a lab's hosts, and the node that the control plane runs on. Hosts have names of their own. */
export const LEAF = 'leaf';
export const CONTROL = 'ctl';

const LAB_NAME = /^[a-z][a-z0-9]{0,6}$/;
const HOST_NAME = /^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/;
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

/** @throws HeddleError `invalid` */
export function checkHostName(name: string): string {
  if (!HOST_NAME.test(name) || RESERVED.has(name)) {
    const reserved = [...RESERVED].join(' and ');
    throw new HeddleError(
      'invalid',
      `a lab host is named with 1 to 20 of a-z 0-9 -, beginning with a letter and ending without -, not "${name}"; ${reserved} are taken`,
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

/** The link by which a host or the control plane's node reaches the leaf, in the node's namespace. */
export function uplinkName(lab: string): string {
  return `${lab}-up`;
}

/** The other end of a node's uplink, a port of the leaf. */
export function leafPortName(lab: string, node: string): string {
  return linkName(`${lab}-`, node);
}
