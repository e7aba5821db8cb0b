import type { JsonMeasure, JsonReport } from '../report';

/** Pixels. */
const WIDTH = 1_180;
const MARGIN = 24;
const LABELS = 296;
const PANEL = 212;
const PANEL_GAP = 6;
/** For the value at the end of the longest bar. */
const VALUE = 60;
const ROW = 30;
const BAR = 16;
const TOP = 124;
const LINE = 20;

/** What is drawn, with its unit and what is better. */
const PANELS = [
  { column: 'throughput', title: 'Throughput, Gb/s', better: 'more is better' },
  { column: 'round trip', title: 'Round trip of a byte, µs', better: 'less is better' },
  { column: 'connections', title: 'New connections a second', better: 'more is better' },
  { column: 'processor', title: 'Processor, s for a gigabit', better: 'less is better' },
] as const;

/** Kinds of ways, told by the name; the first that fits. */
const KINDS = [
  { test: /rules/, colour: '#1d4ed8', label: 'Open vSwitch, 10,000 rules, every packet meets the contracts' },
  { test: /^OVS/, colour: '#93b4f5', label: 'Open vSwitch without policy' },
  { test: /^macvlan/, colour: '#0f8a7e', label: 'macvlan' },
  { test: /./, colour: '#9aa3b2', label: 'other ways of the kernel' },
] as const;

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
const INK = '#1f2937';
const FAINT = '#6b7280';
const RULE = '#e5e7eb';

/** The result of the ladder as a picture: a row for each way, a column of bars for each thing that was measured. */
export function ladderPicture(report: JsonReport): string {
  const rows = [...new Set(report.measures.flatMap(({ cell }) => cell?.row ?? []))];
  const bottom = TOP + rows.length * ROW;
  const notes = [...report.measures.filter(({ goal }) => goal !== null).map(goalNote), conditionsNote(report)];
  const height = bottom + 64 + notes.length * LINE;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family='${FONT}'>`,
    `<title>${escaped(heading)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN, 36, heading, { size: 20, weight: 600 }),
    text(MARGIN, 58, subheading, { size: 13, fill: FAINT }),
    ...rows.map((row, i) => rowLabel(row, i)),
    ...PANELS.flatMap((panel, i) => drawPanel(report, rows, panel, MARGIN + LABELS + i * (PANEL + PANEL_GAP))),
    ...legend(bottom + 26),
    ...notes.map((note, i) => text(MARGIN, bottom + 64 + i * LINE, note, { size: 12, fill: FAINT })),
    '</svg>',
    '',
  ].join('\n');
}

const heading = 'From one endpoint to another: what each way costs';
const subheading = 'Medians of rounds in which every way was measured once; the thin line is the 95 % interval.';

const rowY = (index: number): number => TOP + index * ROW;

function rowLabel(row: string, index: number): string {
  const y = rowY(index);
  const line = `<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y}" y2="${y}" stroke="${RULE}"/>`;
  return line + text(MARGIN, y + ROW / 2 + 5, row, { size: 14 });
}

function drawPanel(
  { measures }: JsonReport,
  rows: readonly string[],
  { column, title, better }: (typeof PANELS)[number],
  x: number,
): string[] {
  const found = new Map(measures.flatMap((m) => (m.cell?.column === column ? [[m.cell.row, m] as const] : [])));
  const longest = Math.max(...[...found.values()].map(({ value }) => value));
  const width = (value: number): number => round((Math.min(value, longest) / longest) * (PANEL - VALUE));
  return [
    text(x, TOP - 30, title, { size: 13, weight: 600 }),
    text(x, TOP - 13, better, { size: 11, fill: FAINT }),
    ...rows.flatMap((row, i) => {
      const measure = found.get(row);
      return measure ? [bar(measure, x, rowY(i) + (ROW - BAR) / 2, width)] : [];
    }),
  ];
}

function bar({ value, interval, cell }: JsonMeasure, x: number, y: number, width: (value: number) => number): string {
  const middle = y + BAR / 2;
  const { low, high } = interval ?? { low: value, high: value };
  const colour = kindOf(cell?.row ?? '').colour;
  return [
    `<rect x="${x}" y="${y}" width="${Math.max(width(value), 1)}" height="${BAR}" rx="2" fill="${colour}"/>`,
    `<line x1="${x + width(low)}" x2="${x + width(high)}" y1="${middle}" y2="${middle}" stroke="${INK}" stroke-width="1.5"/>`,
    text(x + Math.max(width(value), width(high)) + 6, middle + 4, number(value), { size: 12 }),
  ].join('');
}

function legend(y: number): string[] {
  let x = MARGIN;
  return [...KINDS].reverse().map(({ colour, label }) => {
    const entry = `<rect x="${x}" y="${y - 10}" width="12" height="12" rx="2" fill="${colour}"/>${text(x + 18, y, label, { size: 12 })}`;
    // Glyphs of such fonts are half as wide as they are high, and a little more.
    x += 18 + label.length * 6.4 + 26;
    return entry;
  });
}

const kindOf = (row: string): (typeof KINDS)[number] => KINDS.find(({ test }) => test.test(row)) ?? KINDS[3];

function goalNote({ name, value, goal, met, bound, interval }: JsonMeasure): string {
  const range = interval ? ` (95 %: ${number(interval.low)} to ${number(interval.high)})` : '';
  return `${name}: ${number(value)}${range}; goal: ${bound ?? 'at most'} ${goal}, ${met ? 'met' : 'not met'}`;
}

function conditionsNote({ conditions }: JsonReport): string {
  const { date, cpu, cores, kernel, openVSwitch, loadBefore, loadAfter, rounds } = conditions;
  return [
    date.slice(0, 10),
    `${cpu}, ${cores} cores`,
    `Linux ${kernel}`,
    `Open vSwitch ${openVSwitch}, user-space datapath`,
    `${String(rounds)} rounds`,
    `load ${loadBefore} before, ${loadAfter} after`,
  ].join(' · ');
}

function text(
  x: number,
  y: number,
  content: string,
  { size, fill = INK, weight }: { size: number; fill?: string; weight?: number },
): string {
  const bold = weight === undefined ? '' : ` font-weight="${weight}"`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"${bold}>${escaped(content)}</text>`;
}

/** Three significant digits, thousands apart. */
const number = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 10 });

const round = (value: number): number => Math.round(value * 10) / 10;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (content: string): string => content.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
