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

const WORD = 2 ** 32;

/**
 * FNV-1a (Fowler, Noll, Vo) with 64 bits, folded to 48 by XOR as its authors recommend, as 12 hex digits. The 64-bit
 * product is computed in two halves; the prime is 2^40 + 0x1b3.
 */
export function hash48(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let i = 0; i < text.length; i++) {
    low = (low ^ text.charCodeAt(i)) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / WORD)) >>> 0;
    low = product >>> 0;
  }
  const foldedLow = (low ^ (high >>> 16)) >>> 0;
  return (high & 0xffff).toString(16).padStart(4, '0') + foldedLow.toString(16).padStart(8, '0');
}
