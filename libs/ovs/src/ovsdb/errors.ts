import { HeddleError, type ErrorCode } from '@heddle/model';
import { JsonRpcError } from '../jsonrpc/session';

/** What the error words of RFC 7047 (sections 4.1.3 and 5.2) mean to a caller. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  'unknown database': 'not-found',
  'constraint violation': 'invalid',
  'referential integrity violation': 'refused',
  'timed out': 'conflict',
  'not owner': 'refused',
  'not allowed': 'forbidden',
  'permission error': 'forbidden',
  'resources exhausted': 'limit',
  'I/O error': 'unavailable',
  canceled: 'unavailable',
};

interface OvsdbErrorBody {
  readonly error: string;
  readonly details?: string;
}

function isErrorBody(value: unknown): value is OvsdbErrorBody {
  return typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)['error'] === 'string';
}

/** A second row with a key that must be unique is a race with another client, not a wrong value. */
const DUPLICATE = /multiple rows/;

function convert({ error, details = '' }: OvsdbErrorBody, where: string): HeddleError {
  const text = `${where}: ${error}${details ? ` (${details})` : ''}`;
  const code = DUPLICATE.test(details) ? 'conflict' : (CODES[error] ?? 'internal');
  return new HeddleError(code, text, { retryable: code === 'unavailable' });
}

/** The error of a whole request: what the server said about the transaction, the database or the method. */
export function requestError(error: unknown, what: string): HeddleError {
  if (!(error instanceof JsonRpcError)) return HeddleError.from(error);
  const body = isErrorBody(error.error) ? error.error : { error: String(error.error) };
  return convert(body, `OVS database, ${what}`);
}

/**
 * The error in the results of a transaction, if there is one. The server answers one result for each operation up to
 * the one that failed, null for the rest, and one more when the operations were right but the commit failed.
 */
export function transactionError(
  results: readonly unknown[],
  operations: readonly { op: string; table?: string }[],
): HeddleError | undefined {
  const index = results.findIndex(isErrorBody);
  if (index < 0) return undefined;
  const operation = operations[index];
  const where = operation ? `operation ${index} (${operation.op} ${operation.table ?? ''})` : 'commit';
  return convert(results[index] as OvsdbErrorBody, `OVS database, ${where}`);
}
