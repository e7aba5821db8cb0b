/**
 * The one error shape of the system: a stable `code` that programs match on, a message that tells a person what was found
 * and what to do, and whether the same request may succeed later without being changed.
 */
export type ErrorCode =
  /** The request itself is wrong: unknown field, value out of range, reference to nothing. */
  | 'invalid'
  /** No such object, host, container. */
  | 'not-found'
  /** The object changed since the caller read it, or it exists already. */
  | 'conflict'
  /** The object is referred to by others, or a guard refuses the change. */
  | 'refused'
  /** No or wrong credentials. */
  | 'unauthenticated'
  /** Known caller, not allowed. */
  | 'forbidden'
  /** Too large, too many. */
  | 'limit'
  /** A needed part cannot be reached now. */
  | 'unavailable'
  /** The deadline passed; whether the request took effect is unknown. */
  | 'deadline'
  /** A newer holder of the lease exists: this process must stop writing. */
  | 'fenced'
  /** The stored state contradicts what is known (older, foreign, missing): refused rather than believed. */
  | 'state'
  /** A fault of ours. */
  | 'internal';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['unavailable', 'deadline', 'fenced']);

/** One thing that is wrong in an input, with the place where it was found. */
export interface Problem {
  /** Where in the document: `spec.services.web.replicas`. */
  readonly path: string;
  /** What is wrong, what was found and what is allowed, in one sentence. */
  readonly message: string;
  /** 1-based position in the source text, when the input was YAML or JSON text. */
  readonly line?: number;
  readonly column?: number;
}

export interface HeddleErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
  readonly problems?: readonly Problem[];
}

/** Thrown by every layer for a failure that a caller can act on. */
export class HeddleError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly problems: readonly Problem[];

  constructor(code: ErrorCode, message: string, options: HeddleErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HeddleError';
    this.code = code;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.problems = options.problems ?? [];
  }

  /** The form that travels in replies and in HTTP bodies. */
  toJSON(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.problems.length > 0 ? { problems: this.problems } : {}),
    };
  }

  /** Rebuilds an error from its travelling form; anything else becomes an `internal` error that keeps the text. */
  static fromJSON(body: unknown): HeddleError {
    if (isErrorBody(body)) {
      return new HeddleError(body.code, body.message, { retryable: body.retryable, problems: body.problems });
    }
    return new HeddleError('internal', `unexpected error reply: ${JSON.stringify(body)}`);
  }

  /** Any thrown value as a HeddleError; errors of other kinds become `internal` with the original as cause. */
  static from(error: unknown): HeddleError {
    if (error instanceof HeddleError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new HeddleError('internal', message, { cause: error });
  }
}

/** The travelling form of a {@link HeddleError}. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly problems?: readonly Problem[];
}

function isErrorBody(body: unknown): body is ErrorBody {
  if (typeof body !== 'object' || body === null) return false;
  const b = body as Record<string, unknown>;
  return typeof b['code'] === 'string' && typeof b['message'] === 'string' && typeof b['retryable'] === 'boolean';
}
