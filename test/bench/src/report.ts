import type { Measure } from './bench';
import type { Conditions } from './conditions';
import { isMet } from './measures';
import type { Interval } from './statistics';

export interface Report {
  readonly name: string;
  readonly conditions: Conditions;
  readonly measures: readonly Measure[];
}

/** A measure in JSON. Where nothing was promised, `goal` and `met` are null. */
export interface JsonMeasure extends Pick<Measure, 'name' | 'value' | 'unit' | 'bound' | 'interval' | 'cell' | 'peer'> {
  readonly goal: number | null;
  readonly met: boolean | null;
}

/** The report as it is saved. */
export interface JsonReport {
  readonly name: string;
  readonly conditions: Conditions;
  readonly measures: readonly JsonMeasure[];
}

export function jsonReport({ name, conditions, measures }: Report): JsonReport {
  return {
    name,
    conditions,
    measures: measures.map((measure) => ({
      name: measure.name,
      value: rounded(measure.value),
      unit: measure.unit,
      goal: measure.goal ?? null,
      met: isMet(measure) ?? null,
      ...(measure.bound && measure.goal !== undefined ? { bound: measure.bound } : {}),
      ...(measure.interval
        ? { interval: { low: rounded(measure.interval.low), high: rounded(measure.interval.high) } }
        : {}),
      ...(measure.cell ? { cell: measure.cell } : {}),
      ...(measure.peer ? { peer: { name: measure.peer.name, value: rounded(measure.peer.value) } } : {}),
    })),
  };
}

/** The report in one line. */
export const jsonLine = (report: Report): string => JSON.stringify(jsonReport(report));

/** The report for people: conditions, one line a measure, and what falls short. */
export function textLines({ name, conditions, measures }: Report): string[] {
  const cells = measures.filter((measure) => measure.cell !== undefined);
  const rows = measures
    .filter((measure) => measure.cell === undefined)
    .map((measure) => [
      measure.name,
      quantity(measure.value, measure.unit),
      spreadOf(measure),
      measure.goal === undefined
        ? ''
        : `${measure.bound === 'at least' ? '>=' : '<='} ${quantity(measure.goal, measure.unit)}`,
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
    ...(cells.length > 0 ? [...table(crossTable(cells)), ''] : []),
    ...table([['MEASURE', 'MEDIAN', 'SPREAD (samples)', 'GOAL', '', 'BESIDE'], ...rows]),
    '',
    missed.length === 0
      ? `${name}: ${promised.length === 0 ? 'no goals' : `all ${promised.length} goals are met`}`
      : `${name}: ${missed.length} of ${promised.length} goals are not met: ${missed.map((m) => m.name).join('; ')}`,
  ];
}

/** An interval says more of a median than the extremes do. */
function spreadOf({ interval, spread }: Measure): string {
  const samples = spread ? ` (${spread.samples})` : '';
  if (interval) return `95 %: ${range(interval)}${samples}`;
  return spread ? `${range(spread)}${samples}` : '';
}

/** What is measured of several things alike: a row for each of them, medians with their intervals. */
function crossTable(measures: readonly Measure[]): string[][] {
  const names = (of: 'row' | 'column'): string[] => [...new Set(measures.flatMap(({ cell }) => cell?.[of] ?? []))];
  const columns = names('column');
  const found = new Map(measures.map((measure) => [`${measure.cell?.row}\n${measure.cell?.column}`, measure]));
  const cell = (row: string, column: string): string => {
    const measure = found.get(`${row}\n${column}`);
    if (!measure) return '-';
    return measure.interval ? `${shown(measure.value)} (${range(measure.interval)})` : shown(measure.value);
  };
  const unit = (column: string): string => measures.find((measure) => measure.cell?.column === column)?.unit ?? '';
  return [
    ['', ...columns.map((column) => `${column}, ${unit(column)}`)],
    ...names('row').map((row) => [row, ...columns.map((column) => cell(row, column))]),
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

const range = ({ low, high }: Interval): string => `${shown(low)} to ${shown(high)}`;

const rounded = (value: number): number => Number(value.toPrecision(6));
