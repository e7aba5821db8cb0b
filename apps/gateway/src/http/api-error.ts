import { HeddleError, type ErrorCode } from '@heddle/model';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  refused: 409,
  state: 409,
  limit: 413,
  unavailable: 503,
  fenced: 503,
  deadline: 504,
  internal: 500,
};

/** An error with an HTTP status of its own, where the code alone does not tell: 400 instead of 422, 412 instead of 409. */
export class ApiError extends HeddleError {
  constructor(
    readonly status: number,
    error: HeddleError,
  ) {
    super(error.code, error.message, { cause: error, retryable: error.retryable, problems: error.problems });
  }
}

/** The request is not even of the form that could be checked: 400. */
export function malformed(message: string, cause?: unknown): ApiError {
  return new ApiError(400, new HeddleError('invalid', message, { cause }));
}

export const httpStatus = (error: HeddleError): number =>
  error instanceof ApiError ? error.status : STATUS[error.code];
