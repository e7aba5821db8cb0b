import { types } from 'node:util';
import { HeddleError, type ErrorCode } from '@heddle/model';

/** What dockerode adds to the errors of answers that are no success. */
interface AnswerError extends Error {
  readonly statusCode: number;
  readonly reason?: string;
  readonly json?: unknown;
}

const isAnswer = (error: unknown): error is AnswerError =>
  types.isNativeError(error) && typeof (error as Partial<AnswerError>).statusCode === 'number';

const BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'refused',
  404: 'not-found',
  406: 'invalid',
  409: 'conflict',
  413: 'limit',
  501: 'refused',
};

/** Status of the engine's answer, if the error is one. 304 means that nothing was to be done. */
export const statusOf = (error: unknown): number | undefined => (isAnswer(error) ? error.statusCode : undefined);

/**
 * A failure of dockerode as a HeddleError. Answers keep the engine's own words, which carry those of its plugins too. A
 * 5xx counts as retryable: the engine uses it for everything that its drivers refuse at the moment.
 *
 * @param what the call that failed, such as `start container web-1`
 */
export function engineError(what: string, error: unknown, socketPath: string): HeddleError {
  if (error instanceof HeddleError) return error;
  if (isAnswer(error)) {
    const code = BY_STATUS[error.statusCode] ?? (error.statusCode >= 500 ? 'unavailable' : 'internal');
    const text = wordsOf(error);
    // Someone else's removal is under way: the same request finds the container gone a moment later.
    const retryable = /already in progress|is marked for removal/.test(text) || undefined;
    return new HeddleError(code, `${what}: ${text}`, { cause: error, ...(retryable ? { retryable } : {}) });
  }
  const code = systemCode(error);
  switch (code) {
    case 'ENOENT':
      return unavailable(what, error, `no engine socket at ${socketPath}; start the engine, or correct the path`);
    case 'ECONNREFUSED':
      return unavailable(what, error, `no engine answers at ${socketPath}; start the engine`);
    case 'EACCES':
    case 'EPERM':
      return new HeddleError('forbidden', `${what}: not allowed to use ${socketPath}; run as root or in its group`, {
        cause: error,
      });
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ERR_STREAM_PREMATURE_CLOSE':
      return unavailable(what, error, `the engine at ${socketPath} closed the connection; the outcome is unknown`);
    default: {
      const text = types.isNativeError(error) ? error.message : String(error);
      return new HeddleError('internal', `${what}: ${text}`, { cause: error });
    }
  }
}

const unavailable = (what: string, cause: unknown, text: string): HeddleError =>
  new HeddleError('unavailable', `${what}: ${text}`, { cause });

function systemCode(error: unknown): string | undefined {
  const code = types.isNativeError(error) ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function wordsOf(error: AnswerError): string {
  const { json } = error;
  if (typeof json === 'object' && json !== null && !Buffer.isBuffer(json)) {
    const { message } = json as { message?: unknown };
    if (typeof message === 'string' && message !== '') return message.trim();
  }
  // "(HTTP code 404) no such container - No such container: x "
  return error.message.replace(/^\(HTTP code \d+\) .*? - /, '').trim() || `HTTP status ${error.statusCode}`;
}
