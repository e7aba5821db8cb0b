/** A cell: its text, and how it is painted once it is padded. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };
export type Row = readonly Cell[];

export interface TableOptions {
  /** Columns of the terminal: a longer line loses the end of its last cell. */
  readonly width?: number | undefined;
  /** Painter of the header. */
  readonly paintHeader?: (text: string) => string;
}

const GAP = '  ';
/** Less room than this for the last cell is no use: the line may wrap then. */
const LEAST_ROOM = 8;

/** Lines of an aligned table, header first. */
export function tableLines(header: readonly string[], rows: readonly Row[], options: TableOptions = {}): string[] {
  const { width, paintHeader: paint = (text) => text } = options;
  return rowLines([header.map((text) => ({ text, paint })), ...rows], width);
}

/** Aligned lines, one for each row; no line ends in blanks. */
export function rowLines(rows: readonly Row[], width?: number): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(0, ...rows.map((row) => textOf(row[i]).length)));
  return rows.map((row) => {
    let used = 0;
    const cells = row.map((cell, i) => {
      const text = i === row.length - 1 ? fit(textOf(cell), width, used) : textOf(cell).padEnd(widths[i] ?? 0);
      used += text.length + GAP.length;
      return typeof cell === 'string' ? text : cell.paint(text);
    });
    return cells.join(GAP).trimEnd();
  });
}

const textOf = (cell: Cell | undefined): string => (typeof cell === 'object' ? cell.text : (cell ?? ''));

function fit(text: string, width: number | undefined, used: number): string {
  const room = width === undefined ? Infinity : width - used;
  return text.length <= room || room < LEAST_ROOM ? text : `${text.slice(0, room - 1)}…`;
}
