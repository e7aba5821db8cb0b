import type { ErrorCode } from '@heddle/model';
import { toHeddleError, UsageError } from './errors';
import { InterruptedError } from './interrupt';

/** What the command's exit status means to a script. */
export const EXIT = {
  ok: 0,
  /** The request failed, or what was observed does not match what is expected, or is not all. */
  failed: 1,
  /** The command line itself is wrong; nothing was sent. */
  usage: 2,
  /** The change was accepted, but is not settled at the end of the time. */
  unsettled: 3,
  notFound: 4,
  /** The object changed meanwhile, exists already, or is still referred to. */
  conflict: 5,
  /** The server cannot be reached, or cannot serve now. */
  unreachable: 6,
  /** 128 + SIGINT, as shells do. */
  interrupted: 130,
} as const;

export const EXIT_CODE_HELP = `
Exit status:
  0  done; a change is in force
  1  failed, or a mismatch was found, or not all could be probed
  2  wrong command line
  3  accepted, but not settled in time
  4  not found
  5  conflict: changed meanwhile, exists already, or still referred to
  6  the server cannot be reached or cannot serve now`;

const BY_CODE: Partial<Record<ErrorCode, number>> = {
  'not-found': EXIT.notFound,
  conflict: EXIT.conflict,
  refused: EXIT.conflict,
  unavailable: EXIT.unreachable,
  deadline: EXIT.unreachable,
};

/** The exit status for a thrown value. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return EXIT.interrupted;
  if (error instanceof UsageError) return EXIT.usage;
  return BY_CODE[toHeddleError(error).code] ?? EXIT.failed;
}
