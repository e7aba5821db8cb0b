import { HeddleError, type Problem } from '@heddle/model';
import type { Style } from './render/style';

/** The command line asks for something that does not exist or makes no sense; nothing was sent. */
export class UsageError extends HeddleError {
  constructor(message: string) {
    super('invalid', message);
    this.name = 'UsageError';
  }
}

/** No answer came from the server. */
export class UnreachableError extends HeddleError {
  constructor(
    message: string,
    /** The connection was made and broke: the same request may succeed at once on a new one. */
    readonly broken: boolean,
    cause?: unknown,
  ) {
    super('unavailable', message, { cause });
    this.name = 'UnreachableError';
  }
}

/**
 * Any thrown value as a HeddleError. Judged by shape: what the lab throws comes from another bundle, with a class of its
 * own.
 */
export function toHeddleError(error: unknown): HeddleError {
  if (error instanceof HeddleError) return error;
  if (error instanceof Error && 'toJSON' in error && typeof error.toJSON === 'function') {
    const body: unknown = error.toJSON();
    if (typeof body === 'object' && body !== null && 'retryable' in body) return HeddleError.fromJSON(body);
  }
  return HeddleError.from(error);
}

/**
 * What is printed for a failed command: `error: ...`, and where the input had problems, these one on a line, as
 * `FILE:LINE:COLUMN: PATH: what is wrong` so that terminals and editors can jump to them.
 */
export function errorText(error: unknown, style: Style, inputName?: string): string {
  const { message, problems } = toHeddleError(error);
  const head = style.red('error:');
  if (problems.length === 0) return `${head} ${message}\n`;
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${problemLine(problem, inputName)}\n`);
  return `${head} refused, ${count}${inputName ? ` in ${inputName}` : ''}; nothing was changed\n${lines.join('')}`;
}

function problemLine(problem: Problem, inputName?: string): string {
  const position = problem.line === undefined ? '' : `${problem.line}:${problem.column ?? 1}`;
  const place = [position && inputName ? `${inputName}:${position}` : position, problem.path].filter(Boolean);
  return [...place, problem.message].join(': ');
}
