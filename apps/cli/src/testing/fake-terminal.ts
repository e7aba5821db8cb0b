import type { Terminal } from '../terminal';

/** A terminal that keeps what was written. */
export class FakeTerminal implements Terminal {
  out = '';
  err = '';
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly outColumns: number | undefined;
  readonly errColumns: number | undefined;

  constructor(options: { readonly tty?: boolean; readonly columns?: number } = {}) {
    this.outIsTty = this.errIsTty = options.tty ?? false;
    this.outColumns = this.errColumns = options.columns;
  }

  write(text: string): void {
    this.out += text;
  }

  writeError(text: string): void {
    this.err += text;
  }
}
