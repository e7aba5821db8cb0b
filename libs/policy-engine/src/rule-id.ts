import type { ResolvedRule, RuleFilter } from '@heddle/model';
import { compareText } from './objects';

/** A rule before it has its id. */
export type RuleContent = Omit<ResolvedRule, 'id'>;

/**
 * Gives every rule its id: a hash of its content, so that the same rule has the same id on every compilation and in every
 * process. Identical rules become one. Of two different rules whose hashes are equal, the one whose content sorts later
 * is hashed again with a counter.
 */
export function withIds(rules: Iterable<RuleContent>, hash: (text: string) => string = hash48): ResolvedRule[] {
  const byContent = new Map<string, RuleContent>();
  for (const rule of rules) byContent.set(contentText(rule), rule);
  const byId = new Map<string, ResolvedRule>();
  for (const [text, rule] of [...byContent].sort(([a], [b]) => compareText(a, b))) {
    let id = hash(text);
    for (let again = 1; byId.has(id); again++) id = hash(`${text}#${again}`);
    byId.set(id, { ...rule, id });
  }
  return [...byId.values()];
}

function contentText(rule: RuleContent): string {
  const { vrf, source, destination, action, priority, origin, filter } = rule;
  return [vrf, source, destination, action, priority, origin, filterText(filter)].join('|');
}

function filterText(filter: RuleFilter | undefined): string {
  if (!filter) return '';
  const { protocol, sourcePorts, destinationPorts, icmpType, entry } = filter;
  const range = (ports: RuleFilter['sourcePorts']): string => (ports ? `${ports.from}-${ports.to}` : '');
  return [protocol ?? '', range(sourcePorts), range(destinationPorts), icmpType ?? '', entry].join('|');
}

/**
 * FNV-1a (Fowler, Noll, Vo) with 64 bits, folded to 48 by XOR as its authors recommend, as 12 hex digits. The number is
 * kept in four parts of 16 bits, so that every product is a small integer; the prime is 2^40 + 0x1b3.
 */
export function hash48(text: string): string {
  let [h3, h2, h1, h0] = [0xcbf2, 0x9ce4, 0x8422, 0x2325];
  for (let i = 0; i < text.length; i++) {
    h0 ^= text.charCodeAt(i);
    const p0 = h0 * 0x1b3;
    const p1 = h1 * 0x1b3 + (p0 >>> 16);
    const p2 = h2 * 0x1b3 + (h0 << 8) + (p1 >>> 16);
    const p3 = h3 * 0x1b3 + (h1 << 8) + (p2 >>> 16);
    h0 = p0 & 0xffff;
    h1 = p1 & 0xffff;
    h2 = p2 & 0xffff;
    h3 = p3 & 0xffff;
  }
  return [h2, h1, h0 ^ h3].map((part) => part.toString(16).padStart(4, '0')).join('');
}
