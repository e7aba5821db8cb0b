import type { Attributes } from './classes';

/** Ports that an APIC shows by name, whichever way they were given. */
const PORT_NAMES: Readonly<Record<string, string>> = {
  ftpData: '20',
  ssh: '22',
  smtp: '25',
  dns: '53',
  http: '80',
  pop3: '110',
  https: '443',
  rtsp: '554',
};

/** Protocols that an APIC shows by name. */
export const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  6: 'tcp',
  8: 'egp',
  9: 'igp',
  17: 'udp',
  58: 'icmpv6',
  88: 'eigrp',
  89: 'ospfigp',
  103: 'pim',
  115: 'l2tp',
};

/** The ICMP types that a filter entry of an APIC can name. */
export const ICMP_NAMES: Readonly<Record<number, string>> = {
  0: 'echo-rep',
  3: 'dst-unreach',
  4: 'src-quench',
  8: 'echo',
  11: 'time-exceeded',
};

const PORT_ATTRIBUTES = new Set(['dFromPort', 'dToPort', 'sFromPort', 'sToPort']);

/** Whether two spellings of an attribute mean the same to an APIC: it may show another one than it was sent. */
export function sameValue(name: string, a: string | undefined, b: string): boolean {
  if (a === b) return true;
  return a !== undefined && PORT_ATTRIBUTES.has(name) && (PORT_NAMES[a] ?? a) === (PORT_NAMES[b] ?? b);
}

/** The attributes that are wanted and that an object has not, or not with this value. */
export const differences = (wanted: Attributes, present: Attributes): [string, string][] =>
  Object.entries(wanted).filter(([name, value]) => !sameValue(name, present[name], value));

/** What an APIC takes as the name of an object: at most 64 characters. */
export const NAME_LIMIT = 64;
