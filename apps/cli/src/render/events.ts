import type { EventFact } from '@heddle/model';
import { age } from './age';
import type { Style } from './style';
import type { Cell } from './table';

const ALARMING = new Set(['lost', 'failed', 'refused', 'exited']);

/** Columns of a list of events: age, kind and path, what happened, message. */
export const EVENT_HEADER = ['AGE', 'OBJECT', 'WHAT', 'MESSAGE'];

export function eventRows(events: readonly EventFact[], style: Style, now: number): Cell[][] {
  return events.map((fact) => [age(fact.at, now), objectOf(fact), whatCell(fact, style), messageOf(fact)]);
}

/** One event as it happens: the time of day instead of an age. */
export function eventLine(fact: EventFact, style: Style): string {
  const time = style.dim(new Date(fact.at).toISOString().slice(11, 23));
  const cell = whatCell(fact, style);
  return `${time}  ${objectOf(fact)}  ${cell.paint(cell.text)}  ${messageOf(fact)}`;
}

function objectOf({ kind, tenant, name }: EventFact): string {
  return `${kind}/${tenant && tenant !== '-' ? `${tenant}/` : ''}${name}`;
}

function whatCell({ what }: EventFact, style: Style): Exclude<Cell, string> {
  return { text: what, paint: ALARMING.has(what) ? style.red : style.cyan };
}

/** Who did it, unless the message says so itself. */
const messageOf = ({ message, by }: EventFact): string =>
  by && !message.includes(by) ? `${message} (by ${by})` : message;
