import type { HistoryEntry } from '../api/types';
import { age } from './age';
import type { Cell } from './table';

export const HISTORY_HEADER = ['POSITION', 'AGE', 'BY', 'VERB', 'OBJECTS', 'SUMMARY'];

export function historyRows(entries: readonly HistoryEntry[], now: number): Cell[][] {
  return entries.map(({ position, at, by, verb, changed, summary }) => [
    String(position),
    age(at, now),
    typeof by === 'string' ? by : by.principal,
    verb,
    String(changed.length),
    summary,
  ]);
}
