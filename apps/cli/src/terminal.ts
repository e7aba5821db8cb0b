/** Where a command writes, and what it may know of the place. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Columns of the terminal that standard output is, if it is one. */
  readonly outColumns: number | undefined;
  /** The same of standard error. */
  readonly errColumns: number | undefined;
}

/** This process's standard streams. */
export function processTerminal(): Terminal {
  return {
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    // A terminal that does not know its size says 0.
    outColumns: process.stdout.columns || undefined,
    errColumns: process.stderr.columns || undefined,
  };
}
