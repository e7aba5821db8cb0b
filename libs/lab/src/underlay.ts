import type { IpWords } from '@heddle/host';
import { HeddleError } from '@heddle/model';

/** The network between a lab's hosts: TEST-NET-1 of RFC 5737, which no lab shares with anything outside its namespaces. */
const NETWORK = [192, 0, 2] as const;
const LEAF_HOST_PART = 1;
const CONTROL_HOST_PART = 10;
const FIRST_HOST_PART = 11;
const LAST_HOST_PART = 254;

export const UNDERLAY_PREFIX_LENGTH = 24;
/** Bytes of an IP packet on the underlay. What an overlay takes from it is the agent's business. */
export const UNDERLAY_MTU = 1500;
export const MAX_HOSTS = LAST_HOST_PART - FIRST_HOST_PART + 1;

export const LEAF_ADDRESS = [...NETWORK, LEAF_HOST_PART].join('.');
export const CONTROL_ADDRESS = [...NETWORK, CONTROL_HOST_PART].join('.');
export const NATS_URL = `nats://${CONTROL_ADDRESS}:4222`;

/** The underlay address of the host with this index, counted from 0. @throws HeddleError `limit` when there is none left */
export function hostAddress(index: number): string {
  if (index >= MAX_HOSTS) throw new HeddleError('limit', `a lab has at most ${MAX_HOSTS} hosts`);
  return [...NETWORK, FIRST_HOST_PART + index].join('.');
}

/** A locally administered MAC address that follows from an IPv4 address. */
export function macOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return ['02', '68', ...bytes].join(':');
}

/** Commands of `ip` that bring a link up. First without, and so never with, an IPv6 address of its own. */
export function linkUp(link: string, mtu = UNDERLAY_MTU): IpWords[] {
  return [
    ['link', 'set', 'dev', link, 'mtu', String(mtu), 'addrgenmode', 'none'],
    ['link', 'set', 'dev', link, 'up'],
  ];
}

/** The smallest index from 0 that is not taken. */
export function freeIndex(taken: Iterable<number>): number {
  const used = new Set(taken);
  let index = 0;
  while (used.has(index)) index++;
  return index;
}
