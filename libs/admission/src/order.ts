import { KINDS } from '@heddle/model';

const RANKS = new Map<string, number>(KINDS.map(({ kind }, i) => [kind, i]));

/** Orders keys by kind, what is referred to before what refers to it, and within a kind by path. */
export function compareKeys(a: string, b: string): number {
  const rank = (key: string): number => RANKS.get(key.slice(0, key.indexOf('/'))) ?? RANKS.size;
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}
