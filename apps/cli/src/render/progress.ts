import type { Terminal } from '../terminal';

const UP_AND_CLEAR = (lines: number): string => (lines > 0 ? `\x1b[${lines}A\x1b[0J` : '');

/**
 * Shows how something goes on, on standard error: on a terminal as one block that is written over, elsewhere as a line
 * for each that is new.
 */
export class Progress {
  private shown: readonly string[] = [];

  constructor(private readonly terminal: Terminal) {}

  update(lines: readonly string[]): void {
    if (this.terminal.errIsTty) {
      if (lines.join('\n') === this.shown.join('\n')) return;
      const fitting = lines.map((line) => cut(line, this.terminal.errColumns));
      this.terminal.writeError(UP_AND_CLEAR(this.shown.length) + fitting.map((line) => `${line}\n`).join(''));
    } else {
      const before = new Set(this.shown);
      this.terminal.writeError(
        lines
          .filter((line) => !before.has(line))
          .map((line) => `${line}\n`)
          .join(''),
      );
    }
    this.shown = [...lines];
  }

  /** What was shown last stays; what follows begins below it. */
  done(): void {
    this.shown = [];
  }
}

const ESCAPES = /\x1b\[[0-9;]*m/g;

/** A line that wraps would take two rows, and the block would no longer be written over exactly. */
function cut(line: string, columns: number | undefined): string {
  const plain = line.replace(ESCAPES, '');
  return columns === undefined || plain.length < columns ? line : `${plain.slice(0, columns - 2)}…`;
}
