import type { Measure } from './bench';
import type { Conditions } from './conditions';
import { isMet } from './measures';

export interface Report {
  readonly name: string;
  readonly conditions: Conditions;
  readonly measures: readonly Measure[];
}

/** One line of JSON. Where nothing was promised, `goal` and `met` are null. */
export function jsonLine({ name, conditions, measures }: Report): string {
  return JSON.stringify({
    name,
    conditions,
    measures: measures.map((measure) => ({
      name: measure.name,
      value: rounded(measure.value),
      unit: measure.unit,
      goal: measure.goal ?? null,
      met: isMet(measure) ?? null,
      ...(measure.peer ? { peer: { name: measure.peer.name, value: rounded(measure.peer.value) } } : {}),
    })),
  });
}

/** The report for people: conditions, one line a measure, and what falls short. */
export function textLines({ name, conditions, measures }: Report): string[] {
  const rows = measures.map((measure) => [
    measure.name,
    quantity(measure.value, measure.unit),
    measure.spread ? `${shown(measure.spread.low)} to ${shown(measure.spread.high)} (${measure.spread.samples})` : '',
    measure.goal === undefined ? '' : `<= ${quantity(measure.goal, measure.unit)}`,
    { true: 'met', false: 'NOT MET', undefined: '' }[String(isMet(measure))] as string,
    measure.peer ? `${measure.peer.name}: ${quantity(measure.peer.value, measure.unit)}` : '',
  ]);
  const missed = measures.filter((measure) => isMet(measure) === false);
  const promised = measures.filter((measure) => measure.goal !== undefined);
  return [
    '',
    ...Object.entries(conditions).map(
      ([key, value]) => `${key}: ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
    ),
    '',
    ...table([['MEASURE', 'MEDIAN', 'SPREAD (samples)', 'GOAL', '', 'BESIDE'], ...rows]),
    '',
    missed.length === 0
      ? `${name}: ${promised.length === 0 ? 'no goals' : `all ${promised.length} goals are met`}`
      : `${name}: ${missed.length} of ${promised.length} goals are not met: ${missed.map((m) => m.name).join('; ')}`,
  ];
}

function table(rows: ReadonlyArray<readonly string[]>): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] as number))
      .join('  ')
      .trimEnd(),
  );
}

const quantity = (value: number, unit: string): string => `${shown(value)} ${unit}`.trimEnd();

/** Three significant digits say all that such a measurement knows. */
const shown = (value: number): string =>
  Math.abs(value) >= 100 || Number.isInteger(value) ? value.toFixed(0) : String(Number(value.toPrecision(3)));

const rounded = (value: number): number => Number(value.toPrecision(6));
