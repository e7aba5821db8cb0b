import * as z from 'zod';

/**
 * IPv4 and IPv6 addresses as numbers. Only what the object model needs: parse, print, prefix arithmetic. Addresses are
 * big integers together with their family, so that one code path serves both.
 */
export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** An address with a prefix length; `address` may have host bits (a gateway inside its subnet). */
export interface Cidr {
  readonly family: Family;
  readonly value: bigint;
  readonly prefix: number;
}

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** Parses a dotted or colon address; undefined if it is neither. Leading zeros are refused as ambiguous. */
export function parseAddress(text: string): Address | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = (value << 8n) | BigInt(octet);
  }
  return { family: 4, value };
}

function parseIpv6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const head = groups(halves[0] ?? '');
  const tail = groups(halves[1] ?? '');
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array<string>(missing).fill('0'), ...tail];
  let value = 0n;
  for (const group of all) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(parseInt(group, 16));
  }
  return { family: 6, value };
}

/** Parses `address/prefix`; undefined if it is not one. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (!address || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  const prefix = Number(digits);
  return prefix <= bitsOf(address.family) ? { ...address, prefix } : undefined;
}

/** Prints an address: dotted for IPv4, RFC 5952 for IPv6. */
export function formatAddress({ family, value }: Address): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let j = i;
    while (j < 8 && groups[j] === '0') j++;
    if (j - i > best.length) best = { start: i, length: j - i };
    if (j > i) i = j;
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

export const formatCidr = (cidr: Cidr): string => `${formatAddress(cidr)}/${cidr.prefix}`;

/** The network mask of a prefix as a number. */
export function maskOf(family: Family, prefix: number): bigint {
  const bits = BigInt(bitsOf(family));
  return ((1n << BigInt(prefix)) - 1n) << (bits - BigInt(prefix));
}

/** First address of the network that contains the CIDR's address. */
export function networkOf(cidr: Cidr): Cidr {
  return { ...cidr, value: cidr.value & maskOf(cidr.family, cidr.prefix) };
}

/** Number of addresses in the network, network and broadcast address included. */
export const sizeOf = (cidr: Cidr): bigint => 1n << BigInt(bitsOf(cidr.family) - cidr.prefix);

export function contains(cidr: Cidr, address: Address): boolean {
  return cidr.family === address.family && networkOf(cidr).value === (address.value & maskOf(cidr.family, cidr.prefix));
}

/** Whether two networks share an address. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.prefix <= b.prefix ? contains(a, b) : contains(b, a);
}

export const addressSchema = z.string().refine((text) => parseAddress(text) !== undefined, {
  error: (issue) => `found "${String(issue.input)}"; allowed is an IPv4 or IPv6 address such as 10.32.0.7`,
});

export const isIpv4 = (text: string): boolean => parseAddress(text)?.family === 4;

/** What is allowed where an address has to be one that flows can be made from, for messages. */
export const IPV4_ONLY = 'an IPv4 address such as 192.0.2.11: this version enforces nothing over IPv6';

/** What the object model can say and this version enforces; objects keep the wider {@link addressSchema}. */
export const ipv4Schema = z.string().refine(isIpv4, {
  error: (issue) => `found "${String(issue.input)}"; allowed is ${IPV4_ONLY}`,
});

/** A gateway address with the prefix of its subnet. */
export const gatewaySchema = z
  .string()
  .superRefine((text, ctx) => {
    const problem = gatewayProblem(text);
    if (problem) ctx.addIssue({ code: 'custom', message: problem });
  })
  .meta({ description: 'Gateway address with the prefix length of its subnet, for example 10.32.0.1/16.' });

function gatewayProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (!cidr) return `found "${text}"; allowed is an address with a prefix length such as 10.32.0.1/16`;
  if (cidr.family === 6) return `found the IPv6 subnet "${text}"; only IPv4 subnets are enforced by this version`;
  if (cidr.prefix < 8 || cidr.prefix > 30)
    return `found prefix length ${cidr.prefix} in "${text}"; allowed are 8 to 30`;
  const offset = cidr.value - networkOf(cidr).value;
  if (offset === 0n || offset === sizeOf(cidr) - 1n) {
    return `found "${text}", the ${offset === 0n ? 'network' : 'broadcast'} address of its subnet; name a host address, such as the first one`;
  }
  const first = cidr.value >> 24n;
  if (first === 0n || first === 127n || first >= 224n || cidr.value >> 16n === 0xa9fen) {
    return `found "${text}"; loopback, link-local (169.254.0.0/16, which Heddle uses between host and container), multicast and reserved ranges cannot be a subnet`;
  }
  return undefined;
}

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;
export const macSchema = z.string().regex(MAC, {
  error: (issue) => `found "${String(issue.input)}"; allowed is a MAC address in lower case such as 52:54:00:0a:00:07`,
});
