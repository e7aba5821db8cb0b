/** Where a command writes, and what it may know of the place. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Columns of the terminal, when stdout is one. */
  readonly columns: number | undefined;
}

/** This process's standard streams. */
export function processTerminal(): Terminal {
  return {
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    columns: process.stdout.columns,
  };
}
