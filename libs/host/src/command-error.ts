import { HeddleError, type ErrorCode } from '@heddle/model';

export interface CommandFailure {
  readonly argv: readonly string[];
  /** What happened, as the words after the command: `ended with code 2`. */
  readonly what: string;
  readonly code: ErrorCode;
  readonly exitCode?: number;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly cause?: unknown;
}

/** How many of the last lines of a command's output an error repeats. */
const LINES = 8;

/** A command that failed: which one, how, and the last it said. */
export class CommandError extends HeddleError {
  readonly argv: readonly string[];
  readonly exitCode?: number;
  readonly stderr: string;

  constructor(failure: CommandFailure) {
    const said = lastLines(failure.stderr?.trim() ? failure.stderr : (failure.stdout ?? ''), LINES);
    super(failure.code, `${formatArgv(failure.argv)}: ${failure.what}${said && `: ${said}`}`, { cause: failure.cause });
    this.name = 'CommandError';
    this.argv = failure.argv;
    this.exitCode = failure.exitCode;
    this.stderr = failure.stderr ?? '';
  }
}

/** An argument vector as a person would type it, shortened to one readable line. */
export function formatArgv(argv: readonly string[]): string {
  const line = argv.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)).join(' ');
  return line.length > 300 ? `${line.slice(0, 297)}...` : line;
}

/** The last `count` lines of a text that are not empty, joined by line breaks. */
export function lastLines(text: string, count: number): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count)
    .join('\n');
}
