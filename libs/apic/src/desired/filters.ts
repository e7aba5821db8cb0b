import { fnv1a, PROTOCOLS, type FilterEntry, type FilterSpec, type PortRange } from '@heddle/model';
import type { Attributes } from '../tree/classes';
import { mo, type Mo } from '../tree/mo';
import { ICMP_NAMES, NAME_LIMIT, PROTOCOL_NAMES } from '../tree/values';

const UNSPECIFIED = 'unspecified';

/** Something of an entry that an APIC cannot express. */
export interface Inexpressible {
  readonly entry: string;
  readonly message: string;
  /** Whether a subject that denies it would deny too little. */
  readonly deniesLess: boolean;
}

/** A filter as an APIC can have it: the `vzFilter` objects that a subject names for it, by the action of the subject. */
export interface ApicFilter {
  readonly permit: readonly Mo[];
  readonly deny: readonly Mo[];
  readonly inexpressible: readonly Inexpressible[];
}

/**
 * A filter of Heddle describes the first packet of a connection, and replies follow. An APIC compares every packet, and takes
 * for replies what has the ports reversed; of TCP only if it also has the flag ACK. Three things follow:
 *
 * - The reply to an ICMP echo is of another type, so subjects that permit name a second filter with the replies.
 * - What permits any protocol would let the provider open connections, too. It becomes TCP, UDP and ICMP.
 * - What denies any protocol still does, so subjects that deny name a filter of their own then.
 */
export function apicFilter(name: string, { entries }: FilterSpec): ApicFilter {
  const inexpressible: Inexpressible[] = [];
  const permit: Mo[] = [];
  const deny: Mo[] = [];
  const replies: Mo[] = [];
  for (const entry of entries) {
    const problem = problemOf(entry);
    if (problem !== undefined) {
      inexpressible.push({ entry: entry.name, message: problem, deniesLess: true });
      continue;
    }
    const whole = mo('vzEntry', attributesOf(entry));
    deny.push(whole);
    if (entry.protocol === UNSPECIFIED) {
      const message =
        'found any protocol; permitted are tcp, udp and icmp: of others an APIC cannot tell who opens a connection';
      inexpressible.push({ entry: entry.name, message, deniesLess: false });
      for (const protocol of ['tcp', 'udp', 'icmp'] as const) {
        permit.push(mo('vzEntry', attributesOf({ ...entry, name: withSuffix(entry.name, `:${protocol}`), protocol })));
      }
    } else permit.push(whole);
    if (isEcho(entry)) replies.push(mo('vzEntry', { ...attributesOf(entry), icmpv4T: ICMP_NAMES[0] as string }));
  }
  const split = permit.length > deny.length;
  return {
    permit: [...filter(name, permit), ...filter(withSuffix(name, ':reply'), replies)],
    deny: filter(split ? withSuffix(name, ':deny') : name, deny),
    inexpressible,
  };
}

const filter = (name: string, entries: readonly Mo[]): Mo[] =>
  entries.length === 0 ? [] : [mo('vzFilter', { name }, entries)];

/** A name of our making: a colon is in none that people write. */
function withSuffix(name: string, suffix: string): string {
  if (name.length + suffix.length <= NAME_LIMIT) return name + suffix;
  const hash = `-${fnv1a(name).toString(16).padStart(8, '0')}`;
  return name.slice(0, NAME_LIMIT - suffix.length - hash.length) + hash + suffix;
}

const isEcho = ({ protocol, icmpType }: FilterEntry): boolean =>
  (protocol === 'icmp' || protocol === PROTOCOLS.icmp) && icmpType === 8;

function problemOf({ protocol, icmpType }: FilterEntry): string | undefined {
  if (protocol === 0) return 'found protocol 0, which an APIC takes for any; allowed are 1 to 255';
  if (icmpType === undefined || ICMP_NAMES[icmpType] !== undefined) return undefined;
  return `found ICMP type ${icmpType}; an APIC knows ${Object.keys(ICMP_NAMES).join(', ')}`;
}

/** All attributes that the meaning of an entry depends on, so that none is left from before. */
function attributesOf(entry: FilterEntry): Attributes {
  const prot =
    typeof entry.protocol === 'string' ? entry.protocol : (PROTOCOL_NAMES[entry.protocol] ?? String(entry.protocol));
  return {
    name: entry.name,
    etherT: 'ip',
    prot,
    icmpv4T: ICMP_NAMES[entry.icmpType ?? -1] ?? UNSPECIFIED,
    stateful: prot === 'tcp' ? 'yes' : 'no',
    ...ports('s', entry.sourcePorts),
    ...ports('d', entry.destinationPorts),
  };
}

const ports = (end: 's' | 'd', range: PortRange | undefined): Attributes => ({
  [`${end}FromPort`]: range === undefined ? UNSPECIFIED : String(range.from),
  [`${end}ToPort`]: range === undefined ? UNSPECIFIED : String(range.to),
});
